"""`lambent doctor`: show what this machine can enforce."""

import json
from collections.abc import Mapping, Sequence

from lambent.clock import Clock
from lambent.commands.runtime import look
from lambent.commands.terminal import Terminal
from lambent.doctor import Finding, Report, as_document, examine
from lambent.runtimes.overview import overview
from lambent.sandbox.promises import Promise
from lambent.settings import Settings

_STYLES = {"ok": Terminal.good, "limited": Terminal.warning, "missing": Terminal.bad}


def run(settings: Settings, *, as_json: bool, environ: Mapping[str, str], clock: Clock) -> int:
    """Examine the machine and show the report.

    Returns:
        0 when functions can run here, else 1.
    """
    runtimes = look(settings, environ)
    report = examine(settings, runtimes=overview(runtimes, clock.today()), node_sdk_note=runtimes.node_sdk_note)
    terminal = Terminal.output()
    if as_json:
        terminal.line(json.dumps(as_document(report), indent=2))
    else:
        _show(terminal, report)
    return 0 if report.can_run_functions else 1


def _show(terminal: Terminal, report: Report) -> None:
    width = max(len(finding.name) for finding in report.findings) + 2
    for finding in report.findings:
        _show_finding(terminal, finding, width)
    terminal.line()
    _show_promises(terminal, report.promises)
    if report.not_in_force:
        terminal.line(terminal.bold("Kept with a function, but not in force in this version"))
        for setting, effect in report.not_in_force:
            terminal.line(f"  {setting}: {effect}")
        terminal.line()
    if report.can_run_functions:
        isolated = any(promise.name == "files" and promise.held == "ok" for promise in report.promises)
        terminal.line(terminal.good("Functions can run here, isolated." if isolated else "Functions can run here."))
    else:
        terminal.line(terminal.bad("Functions can't run here: see what is missing above."))


def _show_promises(terminal: Terminal, promises: Sequence[Promise]) -> None:
    if not promises:
        return
    width = max(len(promise.name) for promise in promises) + 2
    terminal.line(terminal.bold("What holds of each promise"))
    for promise in promises:
        status = _STYLES[promise.held](terminal, promise.held.ljust(8))
        terminal.line(f"{status}{promise.name.ljust(width)}{promise.how}")
    terminal.line()


def _show_finding(terminal: Terminal, finding: Finding, width: int) -> None:
    first, *more = finding.detail.splitlines()
    terminal.line(f"{_STYLES[finding.status](terminal, finding.status.ljust(8))}{finding.name.ljust(width)}{first}")
    for line in more:
        terminal.line(" " * (8 + width) + line)
    if finding.remedy:
        terminal.line(" " * (8 + width) + terminal.dim(finding.remedy))
