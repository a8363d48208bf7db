"""`lambent doctor`: show what this machine can enforce."""

import json
from collections.abc import Mapping

from lambent.clock import Clock
from lambent.commands.runtime import look
from lambent.commands.terminal import Terminal
from lambent.doctor import Finding, Report, as_document, examine
from lambent.runtimes.overview import overview
from lambent.settings import Settings


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
    if report.not_in_force:
        terminal.line(terminal.bold("Kept with a function, but not in force in this version"))
        for setting, effect in report.not_in_force:
            terminal.line(f"  {setting}: {effect}")
        terminal.line()
    if report.can_run_functions:
        terminal.line(terminal.good("Functions can run here, isolated."))
    else:
        terminal.line(terminal.bad("Functions can't run here: see what is missing above."))


def _show_finding(terminal: Terminal, finding: Finding, width: int) -> None:
    style = {"ok": terminal.good, "limited": terminal.warning, "missing": terminal.bad}[finding.status]
    first, *more = finding.detail.splitlines()
    terminal.line(f"{style(finding.status.ljust(8))}{finding.name.ljust(width)}{first}")
    for line in more:
        terminal.line(" " * (8 + width) + line)
    if finding.remedy:
        terminal.line(" " * (8 + width) + terminal.dim(finding.remedy))
