"""Mappings of SQS queues, standard and FIFO: what is done with messages, as rules; nothing is received here.

Words:
    message    what a receive of SQS returned (`messages`); rendered it is a *record* of the event.
    batch      messages that a function gets in one event (`batches`): as many as BatchSize says, as have come within
               the batching window, or as fit into 6 MB.
    hidden     for the visibility timeout after a receive nobody else gets a message (`visibility`); what isn't deleted
               until then comes again.
    left       not deleted: a message whose batch has failed is left, and the queue's redrive policy counts it.

A message that no filter wants (`filters`) is deleted unseen. `answers` says what a function's answer means for its
batch. `pace` says how the queue is asked, `concurrency` how many batches may be with the function at the same time;
`groups` keeps the order within the message groups of FIFO queues, and `lineages` keeps messages apart that have come
round in a loop of invocations.

Source: event-sources.md §2 and §8; developer guide, "Using Lambda with Amazon SQS".
"""
