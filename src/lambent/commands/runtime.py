"""`lambent runtime`: what functions can run on this machine, and how to get more."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lambent.clock import Clock
from lambent.commands.terminal import Terminal
from lambent.runtimes.catalogue import RUNTIMES
from lambent.runtimes.installation import InstallationFailed, remove
from lambent.runtimes.nodejs import installation, sdk
from lambent.runtimes.nodejs.interpreters import IDENTIFIERS, NodeInterpreter
from lambent.runtimes.overview import RuntimeStatus, overview
from lambent.runtimes.providers import PROVIDED, RuntimePlaces, Runtimes, missing_message
from lambent.settings import Settings


def look(settings: Settings, environ: Mapping[str, str]) -> Runtimes:
    """What a server with these settings would find; every program is asked anew."""
    with tempfile.TemporaryDirectory() as folder:
        return Runtimes(
            RuntimePlaces(
                cache=Path(folder),
                installed=settings.runtimes_directory,
                environment=environ,
                home=Path.home(),
                node_sdk=settings.node_sdk,
            )
        )


def show(settings: Settings, *, as_json: bool, environ: Mapping[str, str], clock: Clock) -> int:
    """List the runtimes that functions can still be created with; always 0."""
    runtimes = look(settings, environ)
    statuses = overview(runtimes, clock.today())
    terminal = Terminal.output()
    if as_json:
        document = {
            "runtimes": [_as_document(status) for status in statuses],
            "node_sdk": _sdk_document(runtimes),
            "directory": str(settings.runtimes_directory),
        }
        terminal.line(json.dumps(document, indent=2))
        return 0
    for line in _table(statuses, terminal):
        terminal.line(line)
    terminal.line()
    terminal.line(runtimes.node_sdk_note or f"AWS SDK for JavaScript {_sdk_version(runtimes)}  {runtimes.node_sdk}")
    terminal.line(terminal.dim(f"lambent runtime install puts runtimes into {settings.runtimes_directory}"))
    return 0


def install(settings: Settings, names: Sequence[str], environ: Mapping[str, str]) -> int:
    """Install runtimes (`nodejs22.x`), the SDK (`aws-sdk-js`), or more packages of it (`@aws-sdk/client-textract`).

    The first Node.js brings the SDK, unless the setting `node_sdk` is none.

    Returns:
        0, 1 when something could not be installed, 2 for a name that means nothing; then nothing is installed.
    """
    for name in names:
        reason = _not_installable(name)
        if reason is not None:
            return _complain(reason, 1 if name in RUNTIMES else 2)
    directory = settings.runtimes_directory
    identifiers = [name for name in names if name in IDENTIFIERS]
    try:
        for identifier in identifiers:
            _progress(f"Installing {identifier} …")
            installation.install(identifier, directory)
            found = look(settings, environ).get(identifier)
            assert isinstance(found, NodeInterpreter)
            Terminal.output().line(f"{identifier}  {found.version}  {found.executable}")
            if not found.executable.is_relative_to(directory.resolve()):
                _progress(f"That is the machine's own; what was installed in {directory} is no newer.")
        packages = [name for name in names if sdk.is_package(name)]
        first = bool(identifiers) and settings.node_sdk != sdk.NONE and sdk.node_modules(directory) is None
        if packages or sdk.NAME in names or first:
            _install_sdk(settings, packages, environ)
    except InstallationFailed as error:
        return _complain(str(error), 1)
    return 0


def remove_installed(settings: Settings, names: Sequence[str]) -> int:
    """Remove what was installed; the machine's own stays.

    Returns:
        0, or 1 when one of the names wasn't installed.
    """
    status = 0
    for name in names:
        # A name is a folder's: nothing but what `install` makes is ever removed.
        known = name in IDENTIFIERS or name == sdk.NAME
        try:
            if not known or not remove(settings.runtimes_directory / name):
                status = _complain(f"{name} is not installed in {settings.runtimes_directory}", 1)
        except InstallationFailed as error:
            return _complain(str(error), 1)
    return status


def _install_sdk(settings: Settings, packages: Sequence[str], environ: Mapping[str, str]) -> None:
    _progress("Installing the AWS SDK for JavaScript …")
    runtimes = look(settings, environ)
    nodes = [runtimes.get(identifier) for identifier in runtimes.identifiers if identifier in IDENTIFIERS]
    newest = next((node for node in nodes if isinstance(node, NodeInterpreter)), None)
    sdk.install(settings.runtimes_directory, newest, more=packages)
    modules = sdk.node_modules(settings.runtimes_directory)
    assert modules is not None
    Terminal.output().line(f"{sdk.NAME}  {sdk.version(modules)}  {modules}")


def _not_installable(name: str) -> str | None:
    if name in IDENTIFIERS or name == sdk.NAME or sdk.is_package(name):
        return None
    if name in PROVIDED:
        return f"{name} needs nothing: the function or a layer brings its bootstrap"
    if name in RUNTIMES:
        return missing_message(name)
    names = ", ".join((*IDENTIFIERS, sdk.NAME))
    return f"{name} can't be installed; there are {names}, and packages such as @aws-sdk/client-textract"


def _table(statuses: Sequence[RuntimeStatus], terminal: Terminal) -> list[str]:
    rows = [
        (
            status.identifier,
            status.state,
            status.version or "-",
            str(status.runtime.deprecated or "-"),
            str(status.runtime.block_create or "-"),
            str(status.executable or "-"),
        )
        for status in statuses
    ]
    header = ("RUNTIME", "STATE", "VERSION", "DEPRECATED", "BLOCKED", "WHERE")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    styles = {"found": terminal.good, "installable": terminal.warning, "missing": terminal.warning}
    return [
        terminal.bold(lines[0].rstrip()),
        *(
            styles.get(status.state, terminal.dim)(line.rstrip())
            for status, line in zip(statuses, lines[1:], strict=True)
        ),
    ]


def _as_document(status: RuntimeStatus) -> dict[str, object]:
    runtime = status.runtime
    return {
        "identifier": status.identifier,
        "state": status.state,
        "version": status.version or None,
        "executable": str(status.executable) if status.executable else None,
        "reason": status.reason or None,
        "deprecated": str(runtime.deprecated) if runtime.deprecated else None,
        "create_blocked": str(runtime.block_create) if runtime.block_create else None,
        "update_blocked": str(runtime.block_update) if runtime.block_update else None,
    }


def _sdk_document(runtimes: Runtimes) -> dict[str, object]:
    modules = runtimes.node_sdk
    if modules is None:
        return {"version": None, "node_modules": None, "reason": runtimes.node_sdk_note}
    return {"version": sdk.version(modules), "node_modules": str(modules), "reason": None}


def _sdk_version(runtimes: Runtimes) -> str:
    assert runtimes.node_sdk is not None
    return sdk.version(runtimes.node_sdk)


def _progress(text: str) -> None:
    Terminal.error().line(Terminal.error().dim(text))


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"lambent: {message}\n")
    return status
