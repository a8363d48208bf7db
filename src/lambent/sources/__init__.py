"""What invokes functions by itself, because something is to be read: event source mappings, carried out.

A mapping (`lambent.core.mappings`) says which function reads which source, and how. `pollers` knows the mappings that
are enabled and has one poller run for each; `lambent.services.event_source_mappings` tells it of every change, and only
when it has been taken up does the mapping's state change. So far there are pollers of queues:

    pollers          which mappings are read; begins, changes and ends them
    queue_poller     one queue: receives as many messages as may be with the function, makes batches of them
    queue_batches    one batch: invokes the function, deletes what it has done, leaves what has failed

What can be decided without looking is decided in `lambent.core.mappings.queues`; SQS is spoken by
`lambent.store.queue_client`. A poller that fails goes on after a while, and says in the log why nothing arrives. A
message is deleted only when its function has answered: a server that is killed loses nothing, and what was under way
comes again when the queue shows it again.

A poller of streams would stand beside these; streams are kept, but not read yet (`lambent.core.honesty`).
"""
