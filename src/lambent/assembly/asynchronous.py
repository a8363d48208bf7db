"""Asynchronous invocations, put together: events, what is sent when they are over, and what is known of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

from lambent.assembly.companion import RestOfAws
from lambent.clock import MovableClock
from lambent.core.admission import Admission
from lambent.ids import IdMaker
from lambent.observe.event_metrics import EventMetrics
from lambent.services.catalogue_view import CatalogueView
from lambent.services.deliveries import THREADS, Deliveries
from lambent.services.event_history import EventHistory, HistoryLimits, UnderWay
from lambent.services.event_invoke_configs import TermsOfEvents
from lambent.services.event_invoker import ConcurrencyOfEvents, EventInvoker
from lambent.services.events import EventService
from lambent.services.invoke import InvokeService
from lambent.settings import Settings
from lambent.store.database import Database
from lambent.store.delivery_queue import DeliveryQueue
from lambent.store.event_queue import EventQueue
from lambent.store.queue_administration import QueueAdministration
from lambent.store.queue_selection import Selection


class QueueStore:
    """The queue's database, opened for those who work on it and for those who look at it."""

    def __init__(self, events: EventQueue, administration: QueueAdministration) -> None:
        self.events = events
        self.administration = administration

    @classmethod
    async def open(cls, path: Path, stack: contextlib.AsyncExitStack, *, now_ms: int) -> "QueueStore":
        """Open it until the stack ends. Raises StoreError."""
        url = f"sqlite:///{path}"
        events = await asyncio.to_thread(EventQueue.open, url, now_ms=now_ms)
        stack.callback(events.close)
        administration = QueueAdministration(url, events.writer)
        stack.callback(administration.close)
        return cls(events, administration)


class AsynchronousInvocations:
    """The services of the queue, which wake each other.

    Attributes:
        events: accepts and invokes.
        history: what is known of those that wait, run, or are over.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        store: QueueStore,
        database: Database,
        view: CatalogueView,
        invoke: InvokeService,
        admission: Admission,
        rest_of_aws: RestOfAws,
        metrics: EventMetrics,
        ids: IdMaker,
        clock: MovableClock,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        destinations = rest_of_aws.destinations(threads=THREADS)
        stack.callback(destinations.close)
        self.events = EventService(
            queue=store.events,
            invoke_event=EventInvoker(invoke, admission),
            terms_of=TermsOfEvents(database=database, view=view),
            metrics=metrics,
            on_deliveries=lambda made: self._deliveries.expect(made),  # noqa: PLW0108  # it is made below
            clock=clock,
            limit_of=ConcurrencyOfEvents(
                admission=admission,
                memory_mb=view.memory_mb,
                most=settings.event_concurrency,
                memory_capacity_mb=settings.memory_capacity_mb,
            ),
        )
        self._deliveries = Deliveries(
            queue=DeliveryQueue(store.events.writer),
            send=destinations.send,
            functions=invoke,
            on_event=self.events.accepted,
            metrics=metrics,
            ids=ids,
            clock=clock,
        )
        self.history = EventHistory(
            administration=store.administration,
            limits=HistoryLimits(settings.event_history_hours, settings.event_history_events),
            clock=clock,
            on_hastened=self._look_around,
            under_way=lambda: UnderWay(self.events.under_way(), self._deliveries.under_way()),
            held=self._held,
        )
        clock.on_moved(self._wake)

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What must run for as long as the server does."""
        return [self.events.run(), self._deliveries.run(), self.history.run()]

    async def stop(self, *, grace_seconds: float) -> None:
        """Begin nothing more, and give back what isn't over in time."""
        await asyncio.gather(
            self.events.stop(grace_seconds=grace_seconds), self._deliveries.stop(grace_seconds=grace_seconds)
        )

    @contextlib.asynccontextmanager
    async def _held(self, selection: Selection) -> AsyncIterator[None]:
        """While some of the queue is changed by hand."""
        async with self.events.held(selection), self._deliveries.held():
            yield

    def _wake(self) -> None:
        """Something may have become due."""
        self.events.wake()
        self._deliveries.wake()

    def _look_around(self) -> None:
        """Something was made due by hand."""
        self.events.look_around()
        self._deliveries.look_around()
