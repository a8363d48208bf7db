import pytest

from lambent.core.arn import FunctionReference
from lambent.core.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict
from lambent.core.function import (
    LATEST,
    FunctionConfiguration,
    State,
    activation_failed,
)
from lambent.core.function_rules import (
    check_deletable_qualifier,
    check_revision,
    check_settled,
    function_not_found,
    is_version_number,
    name_of_latest,
    not_invocable,
    unqualified_name,
)
from tests.one_function import ACTIVE, CREATED, SCOPE, UPDATING


def test_a_settled_version_can_be_changed() -> None:
    check_settled(ACTIVE)
    check_settled(activation_failed(UPDATING, revision_id="r4", reason="why", reason_code="InternalError"))


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (CREATED, r"function:f is currently in the following state: 'Pending'. StateReasonCode: 'Creating'"),
        (UPDATING, r"An update is in progress for resource: arn:aws:lambda:eu-west-1:123456789012:function:f$"),
    ],
)
def test_an_unsettled_version_cannot_be_changed(configuration: FunctionConfiguration, text: str) -> None:
    with pytest.raises(ResourceConflict, match=text):
        check_settled(configuration)


def test_a_revision_is_a_condition_only_when_given() -> None:
    check_revision(ACTIVE, None)
    check_revision(ACTIVE, "r2")
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        check_revision(ACTIVE, "r1")


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "alias"])
def test_operations_on_functions_take_no_qualifier(qualifier: str) -> None:
    assert unqualified_name(FunctionReference("f", None)) == "f"
    with pytest.raises(InvalidParameterValue, match="permitted on Lambda functions only"):
        unqualified_name(FunctionReference("f", qualifier))


def test_versions_can_be_deleted_and_nothing_else_by_qualifier() -> None:
    check_deletable_qualifier("12")
    with pytest.raises(InvalidParameterValue, match="cannot be deleted without deleting the function"):
        check_deletable_qualifier("$LATEST")
    with pytest.raises(InvalidParameterValue, match="Deletion of aliases"):
        check_deletable_qualifier("v1")


def test_a_version_number_is_digits() -> None:
    assert [is_version_number(text) for text in ("1", "10", "$LATEST", "v1", "1a", "²")] == [True] * 2 + [False] * 4


def test_what_is_not_there_is_named_by_its_arn() -> None:
    assert (function_not_found(SCOPE, "f").message or "").endswith("123456789012:function:f")
    assert (function_not_found(SCOPE, "f", "3").message or "").endswith("function:f:3")
    assert (not_invocable(State.PENDING).message or "").endswith("state: Pending")


@pytest.mark.parametrize("qualifier", [None, LATEST])
def test_what_changes_latest_may_say_so(qualifier: str | None) -> None:
    assert name_of_latest(FunctionReference("f", qualifier)) == "f"


@pytest.mark.parametrize("qualifier", ["1", "live", "$LATEST.PUBLISHED"])
def test_nothing_but_latest_can_be_changed(qualifier: str) -> None:
    """Source: observed (UpdateFunctionCode)."""
    with pytest.raises(InvalidParameterValue) as refused:
        name_of_latest(FunctionReference("f", qualifier))
    assert refused.value.message == (
        "Current operation does not support versions other than $LATEST. "
        "Please set the version to $LATEST or do not set a version in your request."
    )
