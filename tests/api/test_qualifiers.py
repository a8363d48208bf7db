"""Which version, alias or function a request names: one table for every operation that takes a Qualifier.

Source of the expected answers: api-errors.md sections 4 and 9 to 12 (recorded from AWS).
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambent.gateway.operations.table import OPERATIONS
from lambent.wire.service_model import Member, load_lambda_model
from tests.api.calls import call, create, settle
from tests.golden import Answer
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

MODEL = load_lambda_model()
NO_SUCH_RESOURCE = "The resource you requested does not exist."
OTHER_QUALIFIER = "The derived qualifier from the function name does not match the specified qualifier."

# What else a request must have, by operation. All of the model's operations, so that one that is new is tried at once.
REQUESTS: dict[str, dict[str, Any]] = {
    "AddPermission": {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"},
    "CreateFunctionUrlConfig": {"AuthType": "NONE"},
    "DeleteFunction": {},
    "DeleteFunctionEventInvokeConfig": {},
    "DeleteFunctionUrlConfig": {},
    "DeleteProvisionedConcurrencyConfig": {},
    "GetFunction": {},
    "GetFunctionConfiguration": {},
    "GetFunctionEventInvokeConfig": {},
    "GetFunctionScalingConfig": {},
    "GetFunctionUrlConfig": {},
    "GetPolicy": {},
    "GetProvisionedConcurrencyConfig": {},
    "GetRuntimeManagementConfig": {},
    "Invoke": {},
    "InvokeWithResponseStream": {},
    "ListDurableExecutionsByFunction": {},
    "PutFunctionEventInvokeConfig": {"MaximumRetryAttempts": 1},
    "PutFunctionScalingConfig": {},
    "PutProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
    "PutRuntimeManagementConfig": {"UpdateRuntimeOn": "Auto"},
    "RemovePermission": {"StatementId": "s"},
    "UpdateFunctionEventInvokeConfig": {"MaximumRetryAttempts": 1},
    "UpdateFunctionUrlConfig": {},
}
HERE = sorted(REQUESTS.keys() & {*OPERATIONS, "Invoke"})
NAMES_WITH_SUFFIX = [name for name in HERE if not name.endswith("ScalingConfig")]

# What is said of a version and of an alias that a function hasn't, where it was recorded; {arn} is the qualified one.
NOT_THERE: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("GetFunction", "GetFunctionConfiguration", "Invoke"), ("Function not found: {arn}",) * 2),
    **dict.fromkeys(
        ("AddPermission", "PutProvisionedConcurrencyConfig", "GetProvisionedConcurrencyConfig"),
        ("Function not found: {arn}", "Cannot find alias arn: {arn}"),
    ),
    "GetPolicy": (NO_SUCH_RESOURCE, NO_SUCH_RESOURCE),
    "PutFunctionEventInvokeConfig": ("The function doesn't exist.",) * 2,
    "GetFunctionEventInvokeConfig": ("The function {arn} doesn't have an EventInvokeConfig",) * 2,
    "DeleteFunctionEventInvokeConfig": ("The function {arn} doesn't have an EventInvokeConfig",) * 2,
    "CreateFunctionUrlConfig": ("", "Function does not exist"),
    "UpdateFunctionUrlConfig": ("", "Function does not exist"),
    "GetFunctionUrlConfig": ("", NO_SUCH_RESOURCE),
    "DeleteFunctionUrlConfig": ("", NO_SUCH_RESOURCE),
}


def members(operation: str) -> Mapping[str, Member]:
    shape = MODEL.operations[operation].input
    return {} if shape is None else shape.by_snake_name


def is_possible(operation: str, name: str, qualifier: str | None) -> bool:
    """Whether the model lets the operation be asked so."""
    taken = members(operation)
    if qualifier is None:
        return not taken["qualifier"].required and matches(taken["function_name"], name)
    return matches(taken["qualifier"], qualifier) and matches(taken["function_name"], name)


def matches(member: Member, text: str) -> bool:
    pattern = member.shape.pattern
    return pattern is None or pattern.fullmatch(text) is not None


def ask(client: Any, operation: str, name: str, qualifier: str | None = None) -> Answer:
    """The answer to an operation; each takes the Qualifier that its model asks for."""
    named = {} if qualifier is None else {"Qualifier": qualifier}
    if qualifier is None and operation.endswith(("ProvisionedConcurrencyConfig", "ScalingConfig")):
        named = {"Qualifier": "1"}
    return call(client, operation, {"FunctionName": name, **named, **REQUESTS[operation]})


def arn_of(account: str, name: str, region: str = REGION) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def refused(answer: Answer) -> tuple[int, str, str | None]:
    body = json.loads(answer.body)
    return answer.status, answer.headers["x-amzn-errortype"].split(":")[0], body.get("message", body.get("Message"))


def test_every_operation_that_takes_a_qualifier_is_tried_here() -> None:
    assert {name for name in MODEL.operations if "qualifier" in members(name)} == REQUESTS.keys()


@pytest.mark.parametrize("operation", NAMES_WITH_SUFFIX)
def test_two_qualifiers_that_differ_are_refused_before_anything_is_looked_for(
    client: Any, account: str, operation: str
) -> None:
    for name in ("missing:one", arn_of(account, "missing:one")):
        assert refused(ask(client, operation, name, "two")) == (400, "InvalidParameterValueException", OTHER_QUALIFIER)


@pytest.mark.parametrize("operation", HERE)
def test_an_arn_of_another_region_is_not_reachable(client: Any, account: str, operation: str) -> None:
    answer = ask(client, operation, arn_of(account, "missing", "us-west-2"))
    text = f"Functions from 'us-west-2' are not reachable in this region ('{REGION}')"
    assert refused(answer) == (404, "ResourceNotFoundException", text)


@pytest.mark.parametrize("operation", HERE)
def test_an_arn_of_another_account_is_denied(client: Any, operation: str) -> None:
    """Source: unverified but for CreateFunction, which was recorded."""
    assert refused(ask(client, operation, arn_of("999999999999", "missing"))) == (403, "AccessDeniedException", None)


@pytest.mark.parametrize("operation", HERE)
def test_a_qualifier_of_129_characters_is_a_validation_error(client: Any, operation: str) -> None:
    status, code, text = refused(ask(client, operation, "missing", "q" * 129))
    assert (status, code) == (400, "ValidationException")
    assert text is not None
    assert "at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to 128" in text


@pytest.mark.parametrize("operation", HERE)
def test_names_that_cant_be_are_told_together_with_the_qualifier(client: Any, operation: str) -> None:
    status, code, text = refused(ask(client, operation, "missing!", "q" * 129))
    assert (status, code) == (400, "ValidationException")
    assert text is not None
    assert "at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern" in text
    assert "at 'qualifier'" in text


@pytest.mark.parametrize(
    "name", ["fn:1:2", "fn:$LATES", "arn:aws:lambda::123456789012:function:fn", "arn:aws:sqs:x:1:fn", "fn*"]
)
def test_what_is_no_name_fails_the_models_pattern(client: Any, name: str) -> None:
    for operation in ("GetFunction", "Invoke", "DeleteFunction"):
        status, code, text = refused(ask(client, operation, name))
        assert (status, code) == (400, "ValidationException")
        assert text is not None
        assert text.startswith(f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy")


@pytest.mark.parametrize("operation", sorted(NOT_THERE.keys() & set(HERE)))
def test_a_version_or_alias_that_isnt_there(client: Any, account: str, operation: str) -> None:
    create(client, "fn")
    settle(client, "fn")
    of_version, of_alias = NOT_THERE[operation]
    texts = {"7": of_version, "$latest": of_version, "$LATEST.PUBLISHED": of_version, "dead": of_alias}
    tried = 0
    for qualifier, text in texts.items():
        arn = arn_of(account, f"fn:{qualifier}")
        for name, separate in (("fn", qualifier), (f"fn:{qualifier}", None), (arn, qualifier)):
            if is_possible(operation, name, separate):
                assert refused(ask(client, operation, name, separate))[::2] == (404, text.format(arn=arn)), name
                tried += 1
    assert tried
