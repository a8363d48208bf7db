"""`lambent queue`: what waits to be invoked or sent, why, and until when; try it now, or take it out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lambent.commands.client import RequestFailed
from lambent.commands.columns import ago, aligned
from lambent.commands.control import ControlClient
from lambent.commands.invocations import show_one
from lambent.commands.terminal import Terminal

_LONGEST_CHANGE_SECONDS = 600.0  # a million events take half a minute
_DONE = {"retry": "tried now", "purge": "taken out"}


def run(client: ControlClient, action: str, parameters: Mapping[str, str], *, as_json: bool) -> int:
    """Carry out one action.

    Args:
        action: list, show, retry or purge.
        parameters: of the control endpoint.

    Returns:
        0, or 1 when the server can't be reached or refuses.
    """
    try:
        if action == "show":
            return show_one(client, parameters["request_id"], as_json=as_json)
        if action == "list":
            document = client.request("GET", "queue", parameters)
        else:
            document = client.request("POST", f"queue/{action}", parameters, timeout_seconds=_LONGEST_CHANGE_SECONDS)
    except RequestFailed as failure:
        Terminal.error().line(f"lambent: {failure}")
        return 1
    terminal = Terminal.output()
    if as_json:
        terminal.line(json.dumps(document, indent=2))
    elif action == "list":
        for line in _listed(document, terminal):
            terminal.line(line)
    else:
        terminal.line(f"{_count(document['events'], document['deliveries'])} {_DONE[action]}")
    return 0


def _listed(document: Any, terminal: Terminal) -> Iterator[str]:
    now = document["now"]
    yield terminal.bold(f"{_count(document['eventCount'], document['deliveryCount'])} in the queue")
    if document["events"]:
        head = ("state", "next try", "age", "tried", "throttled", "function", "request id", "why it failed last")
        rows = [head, *(_event_row(event, now) for event in document["events"])]
        yield ""
        yield from _table(rows, terminal)
        yield from _more(document["eventCount"] - len(document["events"]), terminal)
    if document["deliveries"]:
        head = ("state", "next try", "tried", "what", "function", "request id", "to", "why it failed last")
        rows = [head, *(_delivery_row(delivery, now) for delivery in document["deliveries"])]
        yield ""
        yield from _table(rows, terminal)
        yield from _more(document["deliveryCount"] - len(document["deliveries"]), terminal)


def _more(hidden: int, terminal: Terminal) -> Iterator[str]:
    """That not all of a table is shown."""
    if hidden > 0:
        yield terminal.dim(f"and {hidden:,} more; --limit, --function")


def _table(rows: list[tuple[str, ...]], terminal: Terminal) -> Iterator[str]:
    head, *lines = aligned(rows)
    yield terminal.dim(head)
    yield from lines


def _event_row(event: Any, now: str) -> tuple[str, ...]:
    return (
        event["state"],
        _next(event["nextAttemptAt"], now),
        ago(event["acceptedAt"], now),
        f"{event['attempts']}×",
        f"{event['deferrals']}×",
        event["function"],
        event["requestId"],
        event["failure"],
    )


def _delivery_row(delivery: Any, now: str) -> tuple[str, ...]:
    return (
        delivery["state"],
        _next(delivery["nextAttemptAt"], now),
        f"{delivery['attempts']}×",
        delivery["kind"],
        delivery["function"],
        delivery["requestId"],
        delivery["target"],
        delivery["failure"],
    )


def _next(at: str | None, now: str) -> str:
    if at is None:
        return "-"
    return f"in {ago(now, at)}" if at > now else "now"


def _count(events: int, deliveries: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}, {deliveries:,} deliver{'y' if deliveries == 1 else 'ies'}"
