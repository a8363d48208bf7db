"""Migrations of queue.db: the events that wait for an asynchronous invocation."""
