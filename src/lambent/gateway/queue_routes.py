"""The control endpoints of asynchronous invocations: what waits, what became of what, try it now, take it out.

`lambent queue` and `lambent invocations` are their clients. Times are in UTC as ISO 8601 has them, with milliseconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lambent.core.errors import InvalidParameterValue, ResourceNotFound
from lambent.core.finished_events import PURGED, FinishedEvent
from lambent.core.retry import Condition
from lambent.core.scope import Scope
from lambent.gateway.control import Parameters, Route
from lambent.services.event_history import EventHistory
from lambent.store.deliveries import WAITING, DeliveryState
from lambent.store.events import EventState
from lambent.store.queue_selection import EVERYTHING, Selection

_SELECTION = ("account", "region", "function", "request_id")
_DEFAULT_LIMIT, _MOST = 100, 10_000


def queue_routes(history: EventHistory) -> Sequence[Route]:
    """The routes, for the table of `Control`."""
    handlers = _Handlers(history)
    return (
        Route("GET", "queue", (*_SELECTION, "limit"), handlers.waiting),
        Route("POST", "queue/retry", (*_SELECTION, "all"), handlers.retry),
        Route("POST", "queue/purge", (*_SELECTION, "all"), handlers.purge),
        Route("GET", "invocations", (*_SELECTION, "failed", "limit"), handlers.finished),
        Route("GET", "invocations/{request_id}", (), handlers.find),
    )


class _Handlers:
    def __init__(self, history: EventHistory) -> None:
        self._history = history

    async def waiting(self, parameters: Parameters) -> Any:
        waiting = await self._history.waiting(_selection(parameters), limit=_limit(parameters))
        return {
            "now": _time(self._history.now_ms()),
            "eventCount": waiting.event_count,
            "deliveryCount": waiting.delivery_count,
            "events": [_event(event) for event in waiting.events],
            "deliveries": [_delivery(delivery) for delivery in waiting.deliveries],
        }

    async def retry(self, parameters: Parameters) -> Any:
        events, deliveries = await self._history.retry(_deliberate(parameters))
        return {"events": events, "deliveries": deliveries}

    async def purge(self, parameters: Parameters) -> Any:
        events, deliveries = await self._history.purge(_deliberate(parameters))
        return {"events": events, "deliveries": deliveries}

    async def finished(self, parameters: Parameters) -> Any:
        found = await self._history.finished(
            _selection(parameters), failed_only="failed" in parameters, limit=_limit(parameters)
        )
        return {"now": _time(self._history.now_ms()), "invocations": [_finished(event) for event in found]}

    async def find(self, parameters: Parameters) -> Any:
        request_id = parameters["request_id"]
        found = await self._history.find(request_id)
        if found.finished is not None:
            document = _finished(found.finished)
        elif found.waiting is not None:
            document = _event(found.waiting)
        else:
            raise ResourceNotFound(f"No asynchronous invocation with the request id {request_id} is known.")
        return document | {"deliveries": [_delivery(delivery) for delivery in found.deliveries]}


def _selection(parameters: Parameters) -> Selection:
    return Selection(
        account=parameters.get("account"),
        region=parameters.get("region"),
        function_name=parameters.get("function"),
        request_id=parameters.get("request_id"),
    )


def _deliberate(parameters: Parameters) -> Selection:
    """What is to be changed; all of it only if somebody says so."""
    selection = _selection(parameters)
    if (selection == EVERYTHING) is not ("all" in parameters):
        raise InvalidParameterValue("Say which: request_id, function, account or region; or all, and none of these.")
    return selection


def _limit(parameters: Parameters) -> int:
    text = parameters.get("limit", str(_DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise InvalidParameterValue(f"limit is a number from 1 to {_MOST}.")
    return int(text)


def _event(event: EventState) -> dict[str, Any]:
    return _invocation(event.scope, event.function_name, event.qualifier, event.request_id) | {
        "state": "running" if event.next_attempt_ms is None else "waiting",
        "acceptedAt": _time(event.accepted_ms),
        "nextAttemptAt": _time(event.next_attempt_ms),
        "attempts": event.attempts,
        "deferrals": event.deferrals,
        "failure": event.failure,
    }


def _finished(event: FinishedEvent) -> dict[str, Any]:
    states = {Condition.SUCCESS.value: "succeeded", PURGED: "purged"}
    return _invocation(event.scope, event.function_name, event.qualifier, event.request_id) | {
        "state": states.get(event.condition, "failed"),
        "condition": event.condition,
        "acceptedAt": _time(event.accepted_ms),
        "finishedAt": _time(event.finished_ms),
        "attempts": event.attempts,
        "executedVersion": event.executed_version,
        "failure": event.failure,
    }


def _invocation(scope: Scope, function_name: str, qualifier: str | None, request_id: str) -> dict[str, Any]:
    return {
        "requestId": request_id,
        "account": scope.account,
        "region": scope.region,
        "function": function_name if qualifier is None else f"{function_name}:{qualifier}",
    }


def _delivery(delivery: DeliveryState) -> dict[str, Any]:
    states = {WAITING: "sending" if delivery.next_attempt_ms is None else "waiting", "GivenUp": "given up"}
    return {
        "requestId": delivery.request_id,
        "function": delivery.function_name,
        "kind": delivery.kind,
        "target": delivery.target,
        "state": states.get(delivery.outcome, delivery.outcome.lower()),
        "attempts": delivery.attempts,
        "nextAttemptAt": _time(delivery.next_attempt_ms),
        "failure": delivery.failure,
    }


def _time(epoch_ms: int | None) -> str | None:
    if epoch_ms is None:
        return None
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03}Z"
