"""Reads one queue for one mapping.

One task decides; what it starts (receives, batches, deletions) are tasks of their own that wake it when they end. It
asks for no more messages than may be with the function soon.

What a receive returns after the mapping was disabled is given back. A long poll isn't cut for that: the service might
answer it into the void, and the messages would be hidden for nobody.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambent.clock import Clock
from lambent.core.errors import ApiError
from lambent.core.function import FunctionTarget
from lambent.core.mappings.mapping import EventSourceMapping
from lambent.core.mappings.queues.batches import Batch, BatchAssembly, Received
from lambent.core.mappings.queues.concurrency import Concurrency, scaling_of
from lambent.core.mappings.queues.filters import QueueFilter
from lambent.core.mappings.queues.groups import Waiting
from lambent.core.mappings.queues.lineages import chain_of, together
from lambent.core.mappings.queues.messages import Message, record_of, rendered
from lambent.core.mappings.queues.pace import Pace
from lambent.core.mappings.queues.visibility import hidden_seconds
from lambent.core.mappings.sources import SourceKind
from lambent.core.shared_memory import SharedMemory
from lambent.observe.mapping_metrics import MappingCounters, MappingMetrics
from lambent.sources.queue_batches import QueueBatches, Work
from lambent.sources.queue_deletions import delete, give_back
from lambent.store.queue_client import MOST_AT_ONCE, QueueClients, QueueGone, QueueUnavailable

_FIRST_BACK_OFF_SECONDS = 0.25
_LONGEST_BACK_OFF_SECONDS = 3.0
_SILENT_FAILURES = 2  # a function that is being activated, a connection that was cut
_VISIBILITY_SECONDS = 300.0  # for which the queue's attribute is taken to be what it was
_SCALING_SECONDS = 1.0
_MEMORY_SECONDS = 1.0  # until somebody looks whether others have given some back
_MEMORY_BYTES = 256 * 1024 * 1024
_COUNTS_EVENTS = "EventCount"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What all pollers of queues share.

    Attributes:
        clock: on which messages are hidden.
        window_clock: on which batching windows pass.
        memory: for messages that wait or are with a function.
    """

    queues: QueueClients
    batches: QueueBatches
    metrics: MappingMetrics
    clock: Clock
    window_clock: Clock
    memory: SharedMemory = field(default_factory=lambda: SharedMemory(_MEMORY_BYTES))


class QueuePoller:
    """One poller. `run` does it until `stop_receiving`, and then until nothing of it is under way."""

    def __init__(self, mapping: EventSourceMapping, reading: Reading) -> None:
        self._reading = reading
        self._queue = reading.queues.queue(mapping.source)
        self._wake = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._receives: set[asyncio.Task[None]] = set()
        self._requested = 0  # messages that the receives under way may return
        self._held_bytes = 0  # of messages that wait or are with the function
        self._under_way = 0  # batches and deletions
        self._running = 0  # batches
        self._waiting = Waiting(keeps_order=mapping.source.kind is SourceKind.SQS_FIFO)
        self._ending = asyncio.Event()
        self._trouble = ""
        self._begin(mapping)
        self._assembly = self._new_assembly()

    @property
    def mapping(self) -> EventSourceMapping:
        """What it reads for."""
        return self._mapping

    @property
    def is_over(self) -> bool:
        """Whether nothing is received, and nothing that was received is under way."""
        return not (self._receiving or self._receives or self._under_way)

    def follow(self, mapping: EventSourceMapping) -> None:
        """Read for this mapping from now on: the same one, changed, or another one of the same queue.

        What is with the function stays there; what waits gets into batches by the new settings. What the function has
        refused isn't tried again if it's another one from now on, but comes again.
        """
        waiting = [*self._waiting.clear(), self._assembly.take()]
        if mapping.function != self._mapping.function:
            self._ending.set()
        self._begin(mapping)
        self._assembly = self._new_assembly()
        for batch in waiting:
            self._assemble(batch)
        self.wake()

    def stop_receiving(self) -> None:
        """Receive nothing more, and try nothing again; what no function has seen yet is given back."""
        self._receiving = False
        self._ending.set()
        unseen = [one for batch in (*self._waiting.clear(), self._assembly.take()) for one in batch]
        self._let_go(unseen)
        if unseen and self._tasks is not None:
            self._start(give_back(self._queue, [one.message for one in unseen]))
        self.wake()

    def stop(self) -> None:
        """The server stops: also cut what waits for messages."""
        self.stop_receiving()
        for receive in self._receives:
            receive.cancel()

    def wake(self) -> None:
        """Look at everything: something has ended, or the clock was moved."""
        self._wake.set()

    async def run(self) -> None:
        """Read until `stop_receiving`; returns when nothing is under way."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                while not self.is_over:
                    self._wake.clear()
                    await self._sleep(self._step())
        finally:
            self._tasks = None
            self._forget()

    def _forget(self) -> None:
        """Nothing is held any more, also of what a failure has cut short."""
        self._waiting.clear()
        self._assembly.take()
        self._reading.memory.give_back(self._held_bytes)
        self._held_bytes = 0

    # --- what is to be done ---

    def _begin(self, mapping: EventSourceMapping) -> None:
        self._mapping = mapping
        self._receiving = True
        if self._ending.is_set():
            self._ending = asyncio.Event()
        self._work = Work(mapping, self._queue, self._counters(mapping), self._ending)
        self._filter = QueueFilter(mapping.settings.patterns)
        self._concurrency = Concurrency(scaling_of(mapping.source.kind, mapping.settings))
        self._pace = Pace()
        self._failures = 0
        self._resume_at = 0.0
        self._queue_seconds: tuple[float, int] | None = None

    def _counters(self, mapping: EventSourceMapping) -> MappingCounters:
        config = mapping.settings.metrics_config
        if config is None or _COUNTS_EVENTS not in config.metrics:
            return MappingCounters()  # which nobody sees
        return self._reading.metrics.of(mapping.scope, mapping.uuid)

    def _new_assembly(self) -> BatchAssembly:
        settings = self._mapping.settings
        window_seconds = settings.maximum_batching_window_in_seconds or 0
        return BatchAssembly(size=settings.batch_size or 1, window_ms=window_seconds * 1_000)

    def _step(self) -> float | None:
        """Start what may be started; in how many seconds to look again, None for not before something happens."""
        now = self._reading.clock.monotonic()
        for batch in self._assembly.due(now_ms=self._reading.window_clock.now_ms()):
            self._waiting.add(batch)
        self._concurrency.observe(backlog=self._is_full, now=now)
        self._start_batches()
        waits: list[float] = []
        if self._receiving and (again := self._start_receives(now)) is not None:
            waits.append(again)
        self._concurrency.observe(backlog=self._is_full, now=now)
        if self._is_full:
            waits.append(_SCALING_SECONDS)
        due_ms = self._assembly.due_ms
        if due_ms is not None:
            waits.append(max(0, due_ms - self._reading.window_clock.now_ms()) / 1_000)
        return min(waits, default=None)

    @property
    def _is_full(self) -> bool:
        """Whether as many batches are with the function as may be."""
        return self._running >= self._concurrency.limit

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something that is waited for at the end."""
        assert self._tasks is not None
        self._under_way += 1
        self._tasks.create_task(self._seen_to_its_end(work), name="queue").add_done_callback(self._ended)

    async def _seen_to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            # What else is under way goes on; messages that this was about come again.
            logger.exception("A part of an event source mapping has failed.", extra=self._fields())

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._under_way -= 1
        self.wake()

    # --- batches ---

    def _assemble(self, received: Sequence[Received]) -> None:
        for batch in self._assembly.add(received, now_ms=self._reading.window_clock.now_ms()):
            self._waiting.add(batch)

    def _start_batches(self) -> None:
        while self._running < self._concurrency.limit:
            batch = self._waiting.next()
            if batch is None:
                return
            self._running += 1
            self._start(self._see_through(self._work, batch))

    async def _see_through(self, work: Work, batch: Batch) -> None:
        left: Sequence[Message] = [one.message for one in batch]
        try:
            outcome = await self._reading.batches.see_through(work, batch)
            left = outcome.left
            if outcome.refused:
                self._concurrency.refused(running=self._running)
            else:
                self._concurrency.succeeded()
        finally:
            self._running -= 1
            dropped = self._waiting.ended(batch, left=left)
            self._let_go([*batch, *dropped])

    # --- receives ---

    def _start_receives(self, now: float) -> float | None:
        """In how many seconds to try again, None for not before something happens."""
        assert self._tasks is not None
        if now < self._resume_at:
            return self._resume_at - now
        while len(self._receives) < self._pace.receives:
            if not self._has_memory:
                return _MEMORY_SECONDS
            size = self._assembly.size
            free = self._concurrency.limit - self._running - len(self._waiting)
            most = min(free * size - self._assembly.count - self._requested, size, MOST_AT_ONCE)
            if most <= 0:
                break
            # One waits for messages; whoever helps it takes what is there.
            wait_seconds = 0 if self._receives else self._pace.wait_seconds
            task = self._tasks.create_task(self._receive(most, wait_seconds), name="receive")
            self._requested += most
            self._receives.add(task)
            task.add_done_callback(partial(self._receive_ended, most))
        return None

    @property
    def _has_memory(self) -> bool:
        own, memory = self._held_bytes + self._pace.bytes_of(self._requested), self._reading.memory
        return memory.has_room(own=own) or (not own and memory.has_room_for_first)

    def _keep(self, received: Iterable[Received]) -> None:
        size = _bytes_of(received)
        self._held_bytes += size
        self._reading.memory.take(size)

    def _let_go(self, received: Iterable[Received]) -> None:
        size = _bytes_of(received)
        self._held_bytes -= size
        self._reading.memory.give_back(size)

    def _receive_ended(self, most: int, task: asyncio.Task[None]) -> None:
        self._requested -= most
        self._receives.discard(task)
        self.wake()

    async def _receive(self, most: int, wait_seconds: int) -> None:
        try:
            messages = await self._received(most, wait_seconds)
            if messages is not None:
                self._recovered()
                sizes = [len(one.body) for one in messages]
                self._pace.answered(sizes, asked=most, waited=wait_seconds > 0)
                if not messages and wait_seconds and not self._running:
                    self._concurrency.idle()
        except QueueGone:
            self._hold("the queue isn't there; create it, or delete the mapping")
        except QueueUnavailable as error:
            self._hold(str(error))
        except ApiError as error:
            self._hold(f"the function can't be invoked: {error}")
        except Exception as error:  # noqa: BLE001 - a bug of ours, or an answer that no queue gives: one mapping's trouble
            self._hold(f"{error!r}", error)

    async def _received(self, most: int, wait_seconds: int) -> list[Message] | None:
        """Receive, and take what came; None if it was given back."""
        target = await self._reading.batches.target(self._mapping)
        seconds, own = await self._hidden_seconds(target)
        messages = await self._queue.receive(
            most=most, wait_seconds=wait_seconds, hidden_seconds=None if seconds == own else seconds
        )
        if not self._receiving:
            await give_back(self._queue, messages)
            return None
        hidden_until = self._reading.clock.monotonic() + seconds
        self._take(messages, hidden_until, target.resource_hash)
        return messages

    async def _hidden_seconds(self, target: FunctionTarget) -> tuple[int, int]:
        """For how long to hide messages, and for how long the queue would."""
        now = self._reading.clock.monotonic()
        if self._queue_seconds is None or now - self._queue_seconds[0] > _VISIBILITY_SECONDS:
            self._queue_seconds = (now, await self._queue.visibility_seconds())
        own = self._queue_seconds[1]
        window_seconds = self._mapping.settings.maximum_batching_window_in_seconds or 0
        hidden = hidden_seconds(
            queue_seconds=own, window_seconds=window_seconds, timeout_seconds=target.timeout_seconds
        )
        return hidden, own

    def _take(self, messages: Sequence[Message], hidden_until: float, resource: str) -> None:
        """Filter messages, and have them in batches."""
        wanted, unwanted = [], []
        for message in messages:
            record = record_of(message, queue_arn=self._mapping.source.arn or "")
            if self._filter.passes(record):
                chain = chain_of(message, resource=resource)
                wanted.append(Received(message, rendered(record), hidden_until, chain))
            else:
                unwanted.append(message)
        self._work.counters.polled += len(messages)
        self._work.counters.filtered_out += len(unwanted)
        self._keep(wanted)
        self._assemble(wanted if self._mapping.source.kind is SourceKind.SQS_FIFO else together(wanted))
        if unwanted:
            self._start(self._delete(unwanted))

    async def _delete(self, messages: Sequence[Message]) -> None:
        await delete(self._queue, messages)

    def _hold(self, trouble: str, error: Exception | None = None) -> None:
        """Nothing can be received now: look again after a while, and say so once if it lasts."""
        delay = min(_FIRST_BACK_OFF_SECONDS * 2 ** min(self._failures, 8), _LONGEST_BACK_OFF_SECONDS)
        self._failures += 1
        self._pace.begin_anew()
        self._queue_seconds = None
        self._resume_at = self._reading.clock.monotonic() + delay
        if trouble != self._trouble and self._failures > _SILENT_FAILURES:
            self._trouble = trouble
            logger.warning(
                "An event source mapping gets no messages: %s", trouble, extra=self._fields(), exc_info=error
            )

    def _recovered(self) -> None:
        self._failures = 0
        if self._trouble:
            self._trouble = ""
            logger.info("An event source mapping's queue is read again.", extra=self._fields())

    def _fields(self) -> dict[str, str]:
        mapping = self._mapping
        return {
            "action": "event source mapping",
            "mapping": mapping.uuid,
            "function": mapping.function.name,
            "source": mapping.source.arn or "",
        }


def _bytes_of(received: Iterable[Received]) -> int:
    return sum(len(one.record) for one in received)
