"""What an invocation of an event came to, and how many may run at the same time."""

import pytest

from lambent.core.admission import Admission
from lambent.core.errors import ApiError, ResourceConflict, ResourceNotFound, ServiceFault, TooManyRequests
from lambent.core.event_records import Response
from lambent.core.invocation import InvocationResult
from lambent.core.retry import EventOutcome
from lambent.core.scope import Scope
from lambent.services.event_invoker import ConcurrencyOfEvents, EventInvoker
from lambent.services.invoke import InvokeRequest
from lambent.store.events import Event

SCOPE = Scope("000000000000", "eu-west-1")


class Answers:
    """In place of the InvokeService: gives one answer, and keeps what it was asked."""

    def __init__(self, answer: InvocationResult | Exception) -> None:
        self.answer = answer
        self.requests: list[InvokeRequest] = []

    async def invoke_and_wait(self, request: InvokeRequest) -> InvocationResult:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(function_error: str | None = None, *, environment_lost: bool = False) -> InvocationResult:
    return InvocationResult(b"{}", function_error, "$LATEST", environment_lost=environment_lost)


EVENT = Event(SCOPE, "greet", "live", "r1", b"1", 1_700_000_000_000, "Root=1", '{"custom": {}}', "blue")


@pytest.mark.parametrize(
    ("answer", "outcome", "failure"),
    [
        (result(), EventOutcome.SUCCESS, ""),
        (result("Unhandled"), EventOutcome.FUNCTION_ERROR, "Unhandled"),
        (
            result("Unhandled", environment_lost=True),
            EventOutcome.SYSTEM_ERROR,
            "The execution environment went away.",
        ),
        (
            TooManyRequests(reason="ConcurrentInvocationLimitExceeded"),
            EventOutcome.THROTTLED,
            "TooManyRequestsException: ConcurrentInvocationLimitExceeded",
        ),
        (
            ResourceNotFound("Function not found"),
            EventOutcome.FUNCTION_NOT_FOUND,
            "ResourceNotFoundException: Function not found",
        ),
        (
            ResourceConflict("The function is Pending"),
            EventOutcome.SYSTEM_ERROR,
            "ResourceConflictException: The function is Pending",
        ),
        (ServiceFault("out of order"), EventOutcome.SYSTEM_ERROR, "ServiceException: out of order"),
    ],
)
async def test_what_an_invocation_came_to_in_the_words_of_the_retry_rules(
    answer: InvocationResult | ApiError, outcome: EventOutcome, failure: str
) -> None:
    answers = Answers(answer)
    invoker = EventInvoker(answers, Admission())  # type: ignore[arg-type]  # the one method that is called
    attempt = await invoker(EVENT)
    assert (attempt.outcome, attempt.failure) == (outcome, failure)
    ran = outcome in {EventOutcome.SUCCESS, EventOutcome.FUNCTION_ERROR}
    assert attempt.response == (Response("$LATEST", answer.function_error, b"{}") if ran else None)  # type: ignore[union-attr]
    [request] = answers.requests
    assert request == InvokeRequest(
        EVENT.scope, "greet", "live", "r1", b"1", False, "Root=1", '{"custom": {}}', "", "blue"
    )


async def test_a_function_that_was_switched_off_is_not_invoked() -> None:
    answers, admission = Answers(result()), Admission()
    invoker = EventInvoker(answers, admission)  # type: ignore[arg-type]  # the one method that is called
    admission.set_reserved(EVENT.scope, "greet", 0)
    assert (await invoker(EVENT)).outcome is EventOutcome.ZERO_RESERVED_CONCURRENCY
    assert answers.requests == []
    admission.set_reserved(EVENT.scope, "greet", None)
    assert (await invoker(EVENT)).outcome is EventOutcome.SUCCESS


def most(*, memory_mb: int | None = None, reserved: int | None = None) -> int:
    admission = Admission()
    admission.set_reserved(SCOPE, "greet", reserved)
    limit_of = ConcurrencyOfEvents(
        admission=admission, memory_mb=lambda *_: memory_mb, most=100, memory_capacity_mb=4_096
    )
    return limit_of((SCOPE, "greet"))


def test_as_many_events_run_as_are_reserved_or_the_host_has_memory_for() -> None:
    assert most(memory_mb=128) == 32
    assert most(memory_mb=128, reserved=20) == 20
    assert most(memory_mb=128, reserved=50) == 32
    assert most(memory_mb=3_008) == 1
    assert most(memory_mb=10_240) == 1, "it will be told that there is no room"


def test_as_many_run_as_the_setting_says_where_nothing_is_known_of_the_function() -> None:
    assert most() == 100
    assert most(reserved=1_000) == 100


def test_events_of_a_function_that_was_switched_off_are_seen_to() -> None:
    """Source: invocation.md section 2: they go to the destination for failures at once."""
    assert most(reserved=0) == 100
