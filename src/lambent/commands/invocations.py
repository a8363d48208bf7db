"""`lambent invocations`: what became of asynchronous invocations, or of one of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from lambent.commands.client import RequestFailed
from lambent.commands.columns import ago, aligned
from lambent.commands.control import ControlClient
from lambent.commands.terminal import Terminal


def run(client: ControlClient, request_id: str | None, parameters: Mapping[str, str], *, as_json: bool) -> int:
    """Show the latest ones, or one.

    Returns:
        0, or 1 when the server can't be reached, refuses, or knows of no such invocation.
    """
    try:
        if request_id is not None:
            return show_one(client, request_id, as_json=as_json)
        document = client.request("GET", "invocations", parameters)
    except RequestFailed as failure:
        Terminal.error().line(f"lambent: {failure}")
        return 1
    terminal = Terminal.output()
    if as_json:
        terminal.line(json.dumps(document, indent=2))
    elif not document["invocations"]:
        terminal.line("No asynchronous invocation is over, of those that are known.")
    else:
        for line in _listed(document, terminal):
            terminal.line(line)
    return 0


def show_one(client: ControlClient, request_id: str, *, as_json: bool) -> int:
    """Show all that is known of one asynchronous invocation.

    Raises:
        RequestFailed: no server, or it refuses, or knows nothing of it.
    """
    document = client.request("GET", f"invocations/{quote(request_id, safe='')}")
    terminal = Terminal.output()
    if as_json:
        terminal.line(json.dumps(document, indent=2))
        return 0
    for name, value in _facts(document):
        terminal.line(f"{terminal.dim(f'{name:<14}')}{value}")
    for delivery in document["deliveries"]:
        tried = "" if delivery["attempts"] == 1 else f", tried {delivery['attempts']}×"
        failure = f": {delivery['failure']}" if delivery["failure"] else ""
        kind = terminal.dim(f"{delivery['kind']:<14}")
        terminal.line(f"{kind}{delivery['state']}{tried}, {delivery['target']}{failure}")
    return 0


def _facts(document: Any) -> Iterator[tuple[str, str]]:
    condition = document.get("condition", "")
    because = f", {condition}" if condition not in {"", "Success", "Purged"} else ""
    yield "request id", document["requestId"]
    yield "function", f"{document['function']}  ({document['account']}, {document['region']})"
    yield "state", f"{document['state']}{because}"
    yield "accepted", document["acceptedAt"]
    if document.get("nextAttemptAt"):
        yield "next try", document["nextAttemptAt"]
    if document.get("finishedAt"):
        yield "over", f"{document['finishedAt']}, after {ago(document['acceptedAt'], document['finishedAt'])}"
    throttled = f", throttled or not to be had {document['deferrals']}×" if document.get("deferrals") else ""
    yield "tried", f"{document['attempts']}×{throttled}"
    if document.get("executedVersion"):
        yield "version", document["executedVersion"]
    if document["failure"]:
        yield "failure", document["failure"]


def _listed(document: Any, terminal: Terminal) -> Iterator[str]:
    now = document["now"]
    rows = [("state", "ended", "took", "tried", "function", "request id", "failure")]
    rows += [
        (
            one["state"],
            f"{ago(one['finishedAt'], now)} ago",
            ago(one["acceptedAt"], one["finishedAt"]),
            f"{one['attempts']}×",
            one["function"],
            one["requestId"],
            one["failure"] or ("" if one["state"] == "succeeded" else one["condition"]),
        )
        for one in document["invocations"]
    ]
    head, *lines = aligned(rows)
    yield terminal.dim(head)
    for line, row in zip(lines, rows[1:], strict=True):
        yield terminal.bad(line) if row[0] == "failed" else line
