"""`lambent`: the command line.

Only what every start needs is imported at the top; a subcommand brings its own modules when it is chosen, so that
`lambent dev` answers soon and `lambent logs` doesn't load a server.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lambent.clock import Clock
from lambent.commands.options import parse
from lambent.settings import Posture, Settings, SettingsError, check_server, load, table

if TYPE_CHECKING:
    from lambent.commands.control import ControlClient


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted."""
    clock = Clock()
    started = clock.monotonic()
    options = parse(arguments)
    try:
        return _run(options, os.environ, clock, started)
    except SettingsError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `lambent logs f | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock, started: float) -> int:
    match options.command:
        case "dev" | "serve":
            return _serve(options, environ, clock, started)
        case "invoke":
            return _invoke(options, environ, clock)
        case "logs":
            return _logs(options, environ, clock)
        case "runtime":
            return _runtime(options, environ, clock)
        case "queue":
            return _queue(options, environ)
        case "invocations":
            return _invocations(options, environ)
        case "clock":
            return _clock(options, environ)
        case _:
            return _doctor(options, environ, clock)


def _serve(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock, started: float) -> int:
    settings = _settings(options.command, options, environ)
    check_server(settings, options.command)
    from lambent.commands import serve
    from lambent.startup import CannotStart

    try:
        return serve.run(settings, posture=options.command, started=started, clock=clock)
    except CannotStart as error:
        return _complain(str(error), 1)


def _invoke(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock) -> int:
    from lambent.commands import invoke
    from lambent.commands.client import LambdaClient, RequestFailed
    from lambent.commands.endpoint import credentials_of

    settings = _settings("dev", options, environ)
    try:
        client = LambdaClient(
            _server_url(options, environ, settings),
            region=_region(options, environ, settings),
            credentials=credentials_of(environ),
            clock=clock,
        )
    except RequestFailed as error:
        return _complain(f"--endpoint-url or AWS_ENDPOINT_URL: {error}", 2)
    return invoke.run(
        client,
        options.function,
        payload=options.payload,
        qualifier=options.qualifier,
        tenant=options.tenant_id,
        tail=options.tail,
    )


def _logs(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock) -> int:
    from lambent.commands import logs
    from lambent.core.scope import Scope

    settings = _settings("dev", options, environ)
    try:
        since_ms = logs.parse_since(options.since, now_ms=clock.now_ms()) if options.since else None
    except ValueError:
        expected = "expected an age such as 10m, or a time such as 2026-05-01T10:00"
        return _complain(f"--since: {expected}, not {options.since!r}", 2)
    scope = Scope(options.account, _region(options, environ, settings))
    return logs.run(settings.data_directory, scope, options.function, since_ms=since_ms, follow=options.follow)


def _runtime(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock) -> int:
    from lambent.commands import runtime

    settings = _settings("dev", options, environ)
    match options.action:
        case "list":
            return runtime.show(settings, as_json=options.json, environ=environ, clock=clock)
        case "install":
            return runtime.install(settings, options.names, environ)
        case _:
            return runtime.remove_installed(settings, options.names)


def _control_client(options: argparse.Namespace, environ: Mapping[str, str]) -> "ControlClient":
    """Of the server that the options name; raises RequestFailed."""
    from lambent.commands.control import ControlClient

    settings = _settings("dev", options, environ)
    return ControlClient(_server_url(options, environ, settings), settings.data_directory)


def _server_url(options: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> str:
    """The server that a command is for: what was typed comes before the environment."""
    from lambent.commands.endpoint import endpoint_of
    from lambent.endpoints import own_url

    if options.endpoint_url:
        return str(options.endpoint_url)
    typed = options.host is not None or options.port is not None
    return ("" if typed else endpoint_of(environ)) or own_url(settings.host, settings.port)


def _queue(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from lambent.commands import queue
    from lambent.commands.client import RequestFailed

    parameters = _given(options, "request_id", "function", *(["limit"] if options.action == "list" else []))
    if options.all:
        parameters["all"] = "1"
    try:
        return queue.run(_control_client(options, environ), options.action, parameters, as_json=options.json)
    except RequestFailed as error:
        return _complain(str(error), 2)


def _invocations(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from lambent.commands import invocations
    from lambent.commands.client import RequestFailed

    parameters = _given(options, "function", "limit")
    if options.failed:
        parameters["failed"] = "1"
    try:
        client = _control_client(options, environ)
    except RequestFailed as error:
        return _complain(str(error), 2)
    return invocations.run(client, options.request_id, parameters, as_json=options.json)


def _given(options: argparse.Namespace, *names: str) -> dict[str, str]:
    """Options as parameters of a control endpoint; those that weren't given are left out."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _clock(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from lambent.commands import clock
    from lambent.commands.client import RequestFailed

    try:
        ahead = clock.parse_duration(options.duration) if options.duration else None
    except ValueError:
        return _complain(f"expected a duration such as 90s, 2m or 1h, not {options.duration!r}", 2)
    try:
        client = _control_client(options, environ)
    except RequestFailed as error:
        return _complain(str(error), 2)
    return clock.run(client, advance_seconds=ahead)


def _doctor(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock) -> int:
    from lambent.commands import doctor

    return doctor.run(_settings("dev", options, environ), as_json=options.json, environ=environ, clock=clock)


def _region(options: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> str:
    region: str | None = options.region
    return region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or settings.default_region


def _settings(posture: Posture, options: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    given = vars(options)
    flags = {row.name: given[row.name] for row in table(posture) if given.get(row.name) is not None}
    return load(posture, flags=flags, environ=environ, config=given.get("config"))


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"lambent: {message}\n")
    return status
