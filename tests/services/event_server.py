"""A process that accepts and invokes events until it is killed, and tells its parent of each step.

Lines on stdout: `accepted ID` after the event was accepted, `invoked ID` before its outcome is known to the queue.
"""

import asyncio
import os
import sys
from itertools import count

from lambent.clock import Clock
from lambent.core.deliveries import EventTerms
from lambent.core.retry import EventOutcome
from lambent.core.scope import Scope
from lambent.observe.event_metrics import EventMetrics
from lambent.services.event_invoker import Attempt
from lambent.services.events import EventService
from lambent.services.invoke import InvokeRequest
from lambent.store.event_queue import EventQueue
from lambent.store.events import Event


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # unbuffered: what was said before the kill arrives


async def invoke(event: Event) -> Attempt:
    say(f"invoked {event.request_id}")
    await asyncio.sleep(0.002)
    return Attempt(EventOutcome.SUCCESS)


async def terms_of(event: Event) -> EventTerms:
    return EventTerms()


async def accept_without_end(service: EventService, caller: int) -> None:
    for number in count():
        request_id = f"{os.getpid()}-{caller}-{number}"
        await service.accept(InvokeRequest(Scope("000000000000", "eu-west-1"), "greet", None, request_id, bytes(1024)))
        say(f"accepted {request_id}")


async def main(url: str) -> None:
    service = EventService(
        queue=EventQueue.open(url),
        invoke_event=invoke,
        terms_of=terms_of,
        metrics=EventMetrics(),
        clock=Clock(),
        limit_of=lambda _: 5,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.run())
        for caller in range(8):
            tasks.create_task(accept_without_end(service, caller))


asyncio.run(main(sys.argv[1]))
