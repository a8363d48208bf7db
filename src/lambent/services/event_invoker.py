"""One attempt to invoke an event's function, and how many of them may be made at the same time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from lambent.core.admission import Admission
from lambent.core.errors import ApiError, RecursiveInvocation, ResourceNotFound, TooManyRequests
from lambent.core.event_records import Response, failure_of
from lambent.core.retry import EventOutcome
from lambent.core.scope import Scope
from lambent.services.invoke import InvokeRequest, InvokeService
from lambent.store.events import Event, Function

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to invoke an event's function.

    Attributes:
        response: None where it didn't run.
        trace_id: the trace header that the function had; empty where it didn't run.
        failure: what went wrong, in one line; empty after a success.
    """

    outcome: EventOutcome
    response: Response | None = None
    failure: str = ""
    trace_id: str = ""


class EventInvoker:
    """Invokes the function of an event, and says in the retry rules' words what came of it.

    Args:
        admission: knows which functions were switched off by reserving no concurrency for them.
    """

    def __init__(self, invoke: InvokeService, admission: Admission) -> None:
        self._invoke = invoke
        self._admission = admission

    async def __call__(self, event: Event) -> Attempt:
        """Run the function."""
        if self._admission.reserved(event.scope, event.function_name) == 0:
            return Attempt(EventOutcome.ZERO_RESERVED_CONCURRENCY)
        request = InvokeRequest(
            scope=event.scope,
            function_name=event.function_name,
            qualifier=event.qualifier,
            request_id=event.request_id,
            payload=event.payload,
            trace_id=event.trace_id,
            client_context=event.client_context,
            tenant_id=event.tenant_id,
        )
        try:
            result = await self._invoke.invoke_and_wait(request)
        except TooManyRequests as error:
            return Attempt(EventOutcome.THROTTLED, failure=f"{error.code}: {error.reason}")
        except ResourceNotFound as error:
            return Attempt(EventOutcome.FUNCTION_NOT_FOUND, failure=f"{error.code}: {error}")
        except RecursiveInvocation as error:
            return Attempt(EventOutcome.RECURSIVE_LOOP, failure=f"{error.code}: {error}")
        except ApiError as error:
            logger.warning(
                "An event could not be delivered: %s", error, extra={"request_id": event.request_id, "code": error.code}
            )
            return Attempt(EventOutcome.SYSTEM_ERROR, failure=f"{error.code}: {error}")
        if result.environment_lost:
            return Attempt(EventOutcome.SYSTEM_ERROR, failure="The execution environment went away.")
        response = Response(result.executed_version, result.function_error, result.payload)
        if result.function_error is None:
            return Attempt(EventOutcome.SUCCESS, response, trace_id=request.trace_id)
        return Attempt(EventOutcome.FUNCTION_ERROR, response, failure_of(response), request.trace_id)


class ConcurrencyOfEvents:
    """How many events of one function may be invoked at the same time.

    Not more than could run: those beyond it would be throttled, or take from the account's pool while they wait for an
    environment. A function that was switched off has its events all the same, each of which is over at once.

    Args:
        memory_mb: a function's MemorySize, None if it isn't known.
        most: of any function.
        memory_capacity_mb: the host's, for all environments.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        memory_mb: Callable[[Scope, str], int | None],
        most: int,
        memory_capacity_mb: int,
    ) -> None:
        self._admission = admission
        self._memory_mb = memory_mb
        self._most = most
        self._memory_capacity_mb = memory_capacity_mb

    def __call__(self, function: Function) -> int:
        """At least 1."""
        reserved = self._admission.reserved(*function) or self._most
        memory_mb = self._memory_mb(*function)
        environments = self._most if memory_mb is None else max(1, self._memory_capacity_mb // memory_mb)
        return min(self._most, reserved, environments)
