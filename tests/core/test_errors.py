"""The catalogue of errors against the API model, which has most of them."""

from collections.abc import Iterator
from typing import Any

import botocore.loaders
import pytest

from lambent.core import errors
from lambent.core.errors import ApiError, InvalidParameterValue, TooManyRequests

FRAMEWORK = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotImplementedException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
}
"""Errors in front of the service, or of ours, which the model doesn't describe."""


def catalogue() -> list[type[ApiError]]:
    return list(_subclasses(ApiError))


def _subclasses(base: type[ApiError]) -> Iterator[type[ApiError]]:
    for subclass in base.__subclasses__():
        if subclass.__module__ == errors.__name__:
            yield subclass
        yield from _subclasses(subclass)


@pytest.fixture(scope="module")
def shapes() -> Any:
    return botocore.loaders.Loader().load_service_model("lambda", "service-2")["shapes"]


@pytest.mark.parametrize("error", catalogue(), ids=lambda error: error.__name__)
def test_status_key_case_and_type_are_those_of_the_model(error: type[ApiError], shapes: Any) -> None:
    if error.code in FRAMEWORK:
        assert error.code not in shapes
        return
    shape = shapes[error.code]
    assert error.status == shape["error"]["httpStatusCode"]
    assert error.message_key in shape["members"]
    assert error.fault == ("Service" if shape.get("fault") else "User")


def test_each_code_is_there_once() -> None:
    codes = [error.code for error in catalogue()]
    assert len(codes) == len(set(codes))


def test_a_throttle_says_its_reason_and_when_to_come_back() -> None:
    error = TooManyRequests(reason="CallerRateLimitExceeded", retry_after_seconds=7)
    assert error.message == "Rate Exceeded."
    assert error.extra == {"Reason": "CallerRateLimitExceeded"}
    assert error.headers == [("Retry-After", "7")]


def test_a_single_message_may_have_no_type() -> None:
    assert InvalidParameterValue("x", typeless=True).fault is None
    assert InvalidParameterValue("x").fault == "User"


def test_an_operation_that_is_missing_is_named() -> None:
    assert "CreateAlias" in str(errors.NotImplementedOperation("CreateAlias"))
