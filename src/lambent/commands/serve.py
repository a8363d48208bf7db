"""`lambent dev` and `lambent serve`: run a server until it is told to stop."""

import asyncio
import sys
from functools import partial

import uvloop

from lambent import app
from lambent.clock import Clock
from lambent.commands import example, server_log, watched
from lambent.commands.client import LambdaClient, RequestFailed
from lambent.commands.program import program
from lambent.commands.signature import Credentials
from lambent.commands.terminal import Terminal
from lambent.core.honesty import KEPT_NOT_IN_FORCE
from lambent.endpoints import own_url
from lambent.settings import Posture, Settings
from lambent.version import VERSION


def run(settings: Settings, *, posture: Posture, started: float, clock: Clock) -> int:
    """Run a server; returns when it has stopped.

    Args:
        started: the monotonic time at which the program began, for the time it says it took.

    Raises:
        CannotStart: with the one line that says why.
    """
    server_log.configure(settings.log_level)
    ready = partial(_announce, settings=settings, posture=posture, started=started, clock=clock)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(app.run(settings, posture=posture, ready=ready))


async def _announce(server: app.Server, *, settings: Settings, posture: Posture, started: float, clock: Clock) -> None:
    terminal = Terminal.output()
    url = own_url(server.host, server.port)
    took_ms = (clock.monotonic() - started) * 1000
    terminal.line(f"{terminal.bold('Lambent')} {VERSION} {posture}  {terminal.bold(url)}")
    terminal.line(f"  runtimes  {' '.join(server.runtimes) or terminal.warning('none found; see lambent doctor')}")
    terminal.line(f"  data      {server.data_directory}")
    if KEPT_NOT_IN_FORCE:
        terminal.line(f"  not yet   {', '.join(kept.setting for kept in KEPT_NOT_IN_FORCE)}")
        terminal.line(terminal.dim("            kept with a function, but not in force; see lambent doctor"))
    terminal.line(terminal.dim(f"  ready in {took_ms:.0f} ms; Ctrl-C stops it"))
    terminal.line()
    if server.root_key is not None:
        _show_root_key(terminal, server.root_key.access_key_id, server.root_key.secret_access_key)
    if settings.example:
        await asyncio.to_thread(_show_example, terminal, server, url, settings.default_region, clock)
    if settings.watch:
        await asyncio.to_thread(_show_watched, terminal, server, url, settings, clock)


def _show_root_key(terminal: Terminal, access_key_id: str, secret_access_key: str) -> None:
    terminal.line(terminal.bold("The root key of this data directory. It is shown this once; keep it."))
    terminal.line(f"  AWS_ACCESS_KEY_ID={access_key_id}")
    terminal.line(f"  AWS_SECRET_ACCESS_KEY={secret_access_key}")
    terminal.line()


def _show_example(terminal: Terminal, server: app.Server, url: str, region: str, clock: Clock) -> None:
    runtime = next((name for name in server.runtimes if name.startswith("python")), None)  # the newest comes first
    if runtime is None:
        terminal.line(terminal.warning("No example: no Python that functions can have was found; see lambent doctor."))
        return
    client = LambdaClient(url, region=region, credentials=Credentials("test", "test"), clock=clock)
    try:
        example.deploy(client, runtime)
        tried = example.try_out(client)
        next_lines = example.next_lines(url, region, server.data_directory, lambent=program(sys.argv[0]))
        example.describe(terminal, tried, next_lines=next_lines)
    except RequestFailed as error:
        Terminal.error().line(f"lambent: the example: {error}")
    finally:
        client.close()


def _show_watched(terminal: Terminal, server: app.Server, url: str, settings: Settings, clock: Clock) -> None:
    client = LambdaClient(url, region=settings.default_region, credentials=Credentials("test", "test"), clock=clock)
    heading = terminal.bold("Watched: what is saved there is what the next invocation runs")
    for folder in settings.watch:
        try:
            line = watched.deploy(client, folder, server.runtimes)
        except RequestFailed as error:
            Terminal.error().line(f"lambent: --watch: {folder.function_name}: {error}")
            continue
        if heading:
            terminal.line(heading)
            heading = ""
        terminal.line(f"  {terminal.bold(folder.function_name)}  {line}")
    terminal.line()
    client.close()
