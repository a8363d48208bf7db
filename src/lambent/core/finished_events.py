"""Asynchronous invocations that are over, as they are remembered for who asks what became of one."""

from dataclasses import dataclass

from lambent.core.scope import Scope

PURGED = "Purged"
"""The condition of an event that was taken out of the queue by hand; beside those of `core.retry.Condition`."""


@dataclass(frozen=True, slots=True)
class FinishedEvent:
    """An event that is over; neither what it was nor what was answered.

    Attributes:
        qualifier: as the caller gave it, None if not at all.
        accepted_ms, finished_ms: epoch milliseconds.
        condition: a value of `core.retry.Condition`, or `PURGED`.
        attempts: how often the function ran.
        executed_version: of the last attempt; empty if it never ran.
        failure: what went wrong at last, in one line; empty after a success.
    """

    scope: Scope
    function_name: str
    qualifier: str | None
    request_id: str
    accepted_ms: int
    finished_ms: int
    condition: str
    attempts: int
    executed_version: str = ""
    failure: str = ""
