"""One batch of a queue: the function is invoked, what it has done is deleted, what has failed is left.

An invocation that is refused for now (throttles, a function that isn't ready, an environment that was lost) is tried
again while the messages stay hidden for long enough. Nothing is made visible sooner than the queue would do it, but for
what no function has seen: a mapping that ends, or finds the function gone, gives it back at once.

Source: event-sources.md §2.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from lambent.clock import Clock
from lambent.core.errors import ApiError, InvalidParameterValue, RecursiveInvocation, ResourceNotFound, TooManyRequests
from lambent.core.event_records import Response, failure_of
from lambent.core.function import FunctionTarget
from lambent.core.invocation import InvocationResult
from lambent.core.mappings.mapping import EventSourceMapping
from lambent.core.mappings.queues.answers import WholeBatchFailed, reported_failures
from lambent.core.mappings.queues.batches import Batch, payload_of
from lambent.core.mappings.queues.lineages import carried_on
from lambent.core.mappings.queues.messages import Message
from lambent.core.mappings.queues.visibility import retry_delay_seconds
from lambent.core.tenant_isolation import tenant_mismatch
from lambent.core.trace_header import TraceHeader
from lambent.ids import IdMaker
from lambent.observe.mapping_metrics import MappingCounters
from lambent.services.invoke import InvokeRequest, InvokeService, Targets
from lambent.sources.queue_deletions import delete, give_back
from lambent.store.queue_client import Queue

_REPORTS_FAILURES = "ReportBatchItemFailures"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a batch.

    Attributes:
        left: messages that are in the queue still.
        refused: the function was throttled, or has failed: it should get less.
    """

    left: Sequence[Message] = ()
    refused: bool = False


@dataclass(slots=True)
class Work:
    """What batches of one mapping have in common.

    Attributes:
        ending: set when nothing is to be tried again.
    """

    mapping: EventSourceMapping
    queue: Queue
    counters: MappingCounters
    ending: asyncio.Event = field(default_factory=asyncio.Event)


class _Refused(Exception):
    """The function has not answered, and may if it is tried again; the message says why.

    Attributes:
        has_begun: it was invoked, and may have done something.
    """

    def __init__(self, why: str, *, has_begun: bool = False) -> None:
        super().__init__(why)
        self.has_begun = has_begun


class _Impossible(Exception):
    """The function will not be invoked with these messages; the message says why."""


class QueueBatches:
    """Sees batches through."""

    def __init__(self, *, invoke: InvokeService, targets: Targets, ids: IdMaker, clock: Clock) -> None:
        self._invoke = invoke
        self._targets = targets
        self._ids = ids
        self._clock = clock

    async def target(self, mapping: EventSourceMapping) -> FunctionTarget:
        """The function of a mapping. Raises ApiError when it can't be invoked."""
        function = mapping.function
        target = self._targets.resolve(mapping.scope, function.name, function.qualifier)
        if target is None:
            target = await self._targets.load(mapping.scope, function.name, function.qualifier)
        if target.per_tenant:  # no message says whose it is
            raise tenant_mismatch(per_tenant=True)
        return target

    async def see_through(self, work: Work, batch: Batch) -> Outcome:
        """Invoke the function with a batch, and delete what it has done."""
        try:
            target = await self.target(work.mapping)
        except ApiError as error:
            # A message is received only when there is a function: it has changed since.
            await self._give_back(work, batch, f"{error.code}: {error}")
            return Outcome([one.message for one in batch])
        return await self._one(work, target, batch)

    async def _one(self, work: Work, target: FunctionTarget, batch: Batch) -> Outcome:
        """Have the function invoked, as often as it takes and the time allows."""
        messages = [one.message for one in batch]
        refusals, has_begun = 0, False
        while True:
            request = self._request(work.mapping, batch)
            if self._left_seconds(batch) <= 0:  # others may have them by now
                return self._failed(work, request, messages, "they have waited for longer than they were hidden")
            work.counters.invoked += len(batch)
            try:
                result = await self._run(request)
            except ResourceNotFound as error:
                work.counters.failed += len(batch)
                await self._give_back(work, batch, f"{error.code}: {error}")
                return Outcome(messages)
            except _Impossible as error:
                return self._failed(work, request, messages, str(error))
            except _Refused as error:
                refusals += 1
                has_begun = has_begun or error.has_begun
                left_seconds = self._left_seconds(batch)
                delay = retry_delay_seconds(refusals, left_seconds=left_seconds, timeout_seconds=target.timeout_seconds)
                if delay is None or await _is_set_within(delay, work.ending):
                    outcome = self._failed(work, request, messages, str(error))
                    if work.ending.is_set() and not has_begun:
                        await give_back(work.queue, messages)
                    return outcome
                work.counters.failed += len(batch)
            else:
                outcome = self._answered(work, request, messages, result)
                left = {one.receipt for one in outcome.left}
                done = [one for one in messages if one.receipt not in left]
                deleted = await delete(work.queue, done)
                work.counters.deleted += deleted  # which others have added to meanwhile
                return Outcome(outcome.left, outcome.refused or refusals > 0)

    def _left_seconds(self, batch: Batch) -> float:
        """For how long all messages of a batch stay hidden."""
        return min(one.hidden_until for one in batch) - self._clock.monotonic()

    async def _run(self, request: InvokeRequest) -> InvocationResult:
        """Raises ResourceNotFound, _Impossible or _Refused if the function wasn't run."""
        try:
            result = await self._invoke.invoke_and_wait(request)
        except ResourceNotFound:
            raise
        except (RecursiveInvocation, InvalidParameterValue) as error:
            raise _Impossible(f"{error.code}: {error}") from error
        except ApiError as error:
            reason = error.reason if isinstance(error, TooManyRequests) else error
            raise _Refused(f"{error.code}: {reason}") from error
        if result.environment_lost:
            raise _Refused("the execution environment went away", has_begun=True)
        return result

    def _request(self, mapping: EventSourceMapping, batch: Batch) -> InvokeRequest:
        """An invocation with a request id of its own, and a trace of its own that carries the chain's lineage on.

        Source: X-Ray developer guide, "Tracing event-driven applications": the function's trace is linked to those of
        the messages, and continues none of them. That Lineage is carried on all the same is unverified.
        """
        lineage = carried_on(batch)
        trace = ""
        if lineage is not None:
            trace = str(TraceHeader(self._ids.trace_root(self._clock.now_ms()), lineage=str(lineage)))
        return InvokeRequest(
            scope=mapping.scope,
            function_name=mapping.function.name,
            qualifier=mapping.function.qualifier,
            request_id=self._ids.uuid(),
            payload=payload_of(batch),
            trace_id=trace,
        )

    def _answered(
        self, work: Work, request: InvokeRequest, messages: Sequence[Message], result: InvocationResult
    ) -> Outcome:
        if result.function_error is not None:
            error = failure_of(Response(result.executed_version, result.function_error, result.payload))
            return self._failed(work, request, messages, f"the function failed: {error}")
        if _REPORTS_FAILURES not in (work.mapping.settings.function_response_types or ()):
            return Outcome()
        try:
            failed = reported_failures(result.payload, [one.id for one in messages])
        except WholeBatchFailed as error:
            return self._failed(work, request, messages, str(error))
        if not failed:
            return Outcome()
        left = [one for one in messages if one.id in failed]
        self._failed(work, request, left, "the function has reported them as failed")
        return Outcome(left)

    def _failed(self, work: Work, request: InvokeRequest, messages: Sequence[Message], why: str) -> Outcome:
        work.counters.failed += len(messages)
        logger.warning(
            "%s of an event source mapping will come again: %s",
            _counted(messages),
            why,
            extra=_fields(work.mapping, request.request_id),
        )
        return Outcome(messages, refused=True)

    async def _give_back(self, work: Work, batch: Batch, why: str) -> None:
        logger.warning(
            "%s of an event source mapping went back to the queue: %s",
            _counted(batch),
            why,
            extra=_fields(work.mapping),
        )
        await give_back(work.queue, [one.message for one in batch])


def _fields(mapping: EventSourceMapping, request_id: str = "") -> dict[str, str]:
    fields = {
        "action": "event source mapping",
        "mapping": mapping.uuid,
        "function": mapping.function.name,
        "source": mapping.source.arn or "",
    }
    return {**fields, "request_id": request_id} if request_id else fields


def _counted(messages: Sequence[object]) -> str:
    return "1 message" if len(messages) == 1 else f"{len(messages)} messages"


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
