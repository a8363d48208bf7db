"""Event invoke configurations: how often asynchronous invocations are tried, and where their results go.

A function (`$LATEST`), each of its versions and each of its aliases has its own; what is invoked through an alias goes
by the alias's, and by AWS's defaults where there is none.

Source: api-errors.md §11 (recorded from AWS where not said otherwise).
"""

from dataclasses import dataclass, replace
from typing import Final

from lambent.core.arn import FunctionReference, function_arn, parse_function_reference
from lambent.core.errors import ApiError, InvalidParameterValue, ResourceNotFound
from lambent.core.retry import RetryPolicy
from lambent.core.scope import Scope

_DEFAULTS: Final = RetryPolicy()
_SERVICE, _KIND = 2, 5  # parts of an ARN
_SERVICES: Final = frozenset({"lambda", "sqs", "sns", "events"})
_ONLY_FOR_FAILURES: Final = frozenset({"s3"})


@dataclass(frozen=True, slots=True)
class Destinations:
    """ARNs of where the records of invocations go; None is nowhere."""

    on_success: str | None = None
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class EventInvokeChange:
    """What Put or UpdateFunctionEventInvokeConfig asks for; None is "not sent"."""

    maximum_retry_attempts: int | None = None
    maximum_event_age_seconds: int | None = None
    destinations: Destinations | None = None


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """The event invoke configuration of a function, a version or an alias.

    Attributes:
        qualifier: `$LATEST`, a version's number or an alias's name.
        maximum_retry_attempts: 0 to 2; None if it was never set.
        maximum_event_age_seconds: 60 to 21,600; None if it was never set.
    """

    scope: Scope
    function_name: str
    qualifier: str
    modified_ms: int
    maximum_retry_attempts: int | None = None
    maximum_event_age_seconds: int | None = None
    destinations: Destinations = Destinations()

    @property
    def arn(self) -> str:
        """What it belongs to; qualified, also with `$LATEST`."""
        return function_arn(self.scope, self.function_name, self.qualifier)

    @property
    def retry_policy(self) -> RetryPolicy:
        """What it comes to for an event."""
        attempts, age = self.maximum_retry_attempts, self.maximum_event_age_seconds
        return RetryPolicy(
            maximum_retry_attempts=_DEFAULTS.maximum_retry_attempts if attempts is None else attempts,
            maximum_event_age_seconds=_DEFAULTS.maximum_event_age_seconds if age is None else age,
        )


def check_event_invoke_change(change: EventInvokeChange) -> None:
    """What can be said of a request without knowing the function.

    Raises:
        InvalidParameterValue: it asks for nothing, or for a destination of a service that records can't go to.
    """
    if change == EventInvokeChange():
        raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")
    if change.destinations is not None:
        _check_services(change.destinations)


def _check_services(destinations: Destinations) -> None:
    """Raises InvalidParameterValue when a destination is of a service that records can't go to.

    Buckets take the records of failures only. Source: developer guide, "Capturing records of asynchronous invocations".
    """
    success, failure = destinations.on_success, destinations.on_failure
    if (success is None or _service(success) in _SERVICES) and (
        failure is None or _service(failure) in _SERVICES | _ONLY_FOR_FAILURES
    ):
        return
    on_success = "null" if success is None else f"OnSuccess(destination={success})"
    on_failure = "null" if failure is None else f"OnFailure(destination={failure})"
    raise InvalidParameterValue(
        f"The provided destination config DestinationConfig(onSuccess={on_success}, onFailure={on_failure}) is invalid."
    )


def destination_function(arn: str, *, scope: Scope) -> FunctionReference | None:
    """The function that a destination is, or None when it is something else.

    Args:
        scope: of the function whose destination it is; a destination function is of the same account and region.

    Raises:
        InvalidParameterValue: a Lambda ARN that is none of such a function. Source: unverified.
    """
    if _service(arn) != "lambda":
        return None
    if arn.split(":")[_KIND] != "function":
        raise destination_invalid(arn)
    try:
        return parse_function_reference(arn, scope=scope)
    except ApiError as error:
        raise destination_invalid(arn) from error


def destination_invalid(arn: str) -> InvalidParameterValue:
    """The answer to a destination function that isn't there."""
    return InvalidParameterValue(f"The destination ARN {arn} is invalid.")


def destination_is_itself() -> InvalidParameterValue:
    """The answer to a destination that is the function itself."""
    return InvalidParameterValue("You can't specify the function as a destination for itself.")


def replaced(bare: EventInvokeConfig, change: EventInvokeChange) -> EventInvokeConfig:
    """The configuration that Put makes: what isn't in the request isn't set.

    Args:
        bare: says what it belongs to, and when it is made.
    """
    return replace(
        bare,
        maximum_retry_attempts=change.maximum_retry_attempts,
        maximum_event_age_seconds=change.maximum_event_age_seconds,
        destinations=change.destinations or Destinations(),
    )


def merged(current: EventInvokeConfig, change: EventInvokeChange, *, now_ms: int) -> EventInvokeConfig:
    """The configuration after Update: what isn't in the request stays. DestinationConfig is one (unverified)."""
    attempts, age = change.maximum_retry_attempts, change.maximum_event_age_seconds
    return replace(
        current,
        modified_ms=now_ms,
        maximum_retry_attempts=current.maximum_retry_attempts if attempts is None else attempts,
        maximum_event_age_seconds=current.maximum_event_age_seconds if age is None else age,
        destinations=change.destinations or current.destinations,
    )


def no_function_for_config() -> ResourceNotFound:
    """The answer of put, update and list when the function, version or alias isn't there."""
    return ResourceNotFound("The function doesn't exist.")


def no_event_invoke_config(scope: Scope, name: str, qualifier: str) -> ResourceNotFound:
    """The answer when there is no configuration; of get and delete also when there is no function."""
    return ResourceNotFound(f"The function {function_arn(scope, name, qualifier)} doesn't have an EventInvokeConfig")


def _service(arn: str) -> str:
    """The service of an ARN; empty for what is none (`kafka://…`)."""
    return arn.split(":")[_SERVICE] if arn.startswith("arn:") else ""
