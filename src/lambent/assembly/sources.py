"""Event sources, put together: what polls them, and what that needs."""

import contextlib

from lambent.assembly.companion import RestOfAws
from lambent.clock import Clock, MovableClock
from lambent.ids import IdMaker
from lambent.observe.mapping_metrics import MappingMetrics
from lambent.services.invoke import InvokeService, Targets
from lambent.sources.pollers import Pollers, Spawn
from lambent.sources.queue_batches import QueueBatches
from lambent.sources.queue_poller import Reading


def pollers(
    *,
    invoke: InvokeService,
    targets: Targets,
    rest_of_aws: RestOfAws,
    metrics: MappingMetrics,
    ids: IdMaker,
    clock: MovableClock,
    spawn: Spawn,
    stack: contextlib.AsyncExitStack,
) -> Pollers:
    """Whoever carries out event source mappings.

    Args:
        clock: on which batching windows pass; how long messages are hidden is the queue's business.
    """
    queues = rest_of_aws.queues()
    stack.push_async_callback(queues.close)
    steady = Clock()
    batches = QueueBatches(invoke=invoke, targets=targets, ids=ids, clock=steady)
    made = Pollers(
        Reading(queues=queues, batches=batches, metrics=metrics, clock=steady, window_clock=clock), spawn=spawn
    )
    clock.on_moved(made.wake)
    return made
