"""Function references: every form that AWS accepts, and what it says of those that contradict the request."""

import contextlib
import functools
import gzip
import importlib.resources
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.core.arn import FunctionReference, function_arn, parse_function_reference
from lambent.core.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function"


def test_an_arn_names_partition_region_account_and_function() -> None:
    assert function_arn(SCOPE, "my-function") == f"{ARN}:my-function"


@pytest.mark.parametrize("qualifier", ["1", "$LATEST", "live"])
def test_a_qualified_arn_ends_with_the_qualifier(qualifier: str) -> None:
    assert function_arn(SCOPE, "my-function", qualifier) == f"{ARN}:my-function:{qualifier}"


@pytest.mark.parametrize("prefix", ["", "function:", "123456789012:function:", f"{ARN}:"])
@pytest.mark.parametrize("qualifier", [None, "1", "$LATEST", "live"])
def test_each_form_is_accepted_with_and_without_qualifier(prefix: str, qualifier: str | None) -> None:
    text = f"{prefix}my-function" if qualifier is None else f"{prefix}my-function:{qualifier}"
    assert parse_function_reference(text, scope=SCOPE) == FunctionReference("my-function", qualifier)


def test_the_separate_qualifier_counts_when_the_name_has_none() -> None:
    assert parse_function_reference("f", scope=SCOPE, qualifier="live") == FunctionReference("f", "live")


def test_the_same_qualifier_twice_is_no_contradiction() -> None:
    assert parse_function_reference("f:1", scope=SCOPE, qualifier="1") == FunctionReference("f", "1")


def test_two_qualifiers_that_differ_are_refused() -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        parse_function_reference("f:1", scope=SCOPE, qualifier="2")
    assert caught.value.message == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_a_function_of_another_region_is_not_reachable() -> None:
    with pytest.raises(ResourceNotFound) as caught:
        parse_function_reference("arn:aws:lambda:us-east-1:123456789012:function:f", scope=SCOPE)
    assert caught.value.message == "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"


@pytest.mark.parametrize("text", ["arn:aws:lambda:eu-west-1:210987654321:function:f", "210987654321:function:f"])
def test_a_function_of_another_account_is_denied_without_a_message(text: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        parse_function_reference(text, scope=SCOPE)
    assert caught.value.message is None


def test_an_arn_without_a_name_is_a_function_called_function() -> None:
    assert parse_function_reference(ARN, scope=SCOPE) == FunctionReference("function", None)


@pytest.mark.parametrize(("text", "name"), [("arn", "arn"), ("123456789012", "123456789012"), ("lambda:1", "lambda")])
def test_a_name_may_look_like_a_part_of_an_arn(text: str, name: str) -> None:
    assert parse_function_reference(text, scope=SCOPE).name == name


def test_names_and_qualifiers_keep_their_case() -> None:
    assert parse_function_reference("Fn:Live", scope=SCOPE) == FunctionReference("Fn", "Live")


@pytest.mark.parametrize("text", ["", "f:1:2", "f:$LATES", "a b", "f:", ":f"])
def test_what_the_model_refuses_is_no_reference_either(text: str) -> None:
    with pytest.raises(InvalidParameterValue):
        parse_function_reference(text, scope=SCOPE)


@settings(deadline=None)
@given(st.from_regex(re.compile(r"(arn:aws:lambda:)?([a-z]{2}-[a-z]+-\d:)?(\d{12}:)?(function:)?.{1,8}(:.{1,4})?")))
def test_all_that_passes_the_models_pattern_is_understood(text: str) -> None:
    """A reference that the constraints let through must never be a crash."""
    if not models_pattern().fullmatch(text):
        return
    with contextlib.suppress(ResourceNotFound, AccessDenied):
        parse_function_reference(text, scope=SCOPE)


@functools.cache
def models_pattern() -> re.Pattern[str]:
    file = importlib.resources.files("botocore") / "data/lambda/2015-03-31/service-2.json.gz"
    shapes = json.loads(gzip.decompress(file.read_bytes()))["shapes"]
    return re.compile(shapes["NamespacedFunctionName"]["pattern"], re.ASCII)
