import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.core.errors import PolicyLengthExceeded, PreconditionFailed, ResourceConflict, ResourceNotFound
from lambent.core.permissions import Permission
from lambent.core.policies import (
    MAX_POLICY_BYTES,
    Policy,
    add_statement,
    check_length,
    check_revision,
    json_text,
    remove_statement,
)
from lambent.core.policy_documents import check_resources, parse_document

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def statement(sid: str = "s1") -> dict[str, Any]:
    return Permission(sid, "lambda:InvokeFunction", "s3.amazonaws.com").statement(ARN)


def add(policy: Policy | None, one: dict[str, Any], *, seen: str | None = None, revision_id: str = "r") -> Policy:
    return add_statement(policy, one, seen_revision=seen, revision_id=revision_id, read_operation="GetPolicy")


def remove(policy: Policy | None, sid: str, *, seen: str | None = None, revision_id: str = "r") -> Policy | None:
    return remove_statement(policy, sid, seen_revision=seen, revision_id=revision_id, read_operation="GetPolicy")


def sids(policy: Policy | None) -> list[str]:
    assert policy is not None
    return [one["Sid"] for one in json.loads(policy.text)["Statement"]]


def test_statements_are_added_and_taken_away_until_there_is_no_policy() -> None:
    """Source: permissions.json (recorded): order of adding, document, end of the policy."""
    one = add(None, statement("s1"), revision_id="r1")
    two = add(one, statement("s2"), seen="r1", revision_id="r2")
    assert two.text.startswith('{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s1",')
    assert sids(two) == ["s1", "s2"]
    less = remove(two, "s1", revision_id="r3")
    assert less is not None
    assert (less.revision_id, sids(less)) == ("r3", ["s2"])
    assert remove(less, "s2", seen="r3") is None


def test_another_revision_is_refused() -> None:
    policy = add(None, statement(), revision_id="r1")
    with pytest.raises(PreconditionFailed) as caught:
        add(policy, statement("s1"), seen="old")
    assert caught.value.message == (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetPolicy API to retrieve the latest Revision Id"
    )
    with pytest.raises(PreconditionFailed):
        add(None, statement(), seen="old")
    with pytest.raises(PreconditionFailed):
        remove(policy, "s1", seen="old")
    with pytest.raises(PreconditionFailed, match="Call the GetResourcePolicy API"):
        check_revision(None, "old", "GetResourcePolicy")


def test_an_id_is_there_once() -> None:
    policy = add(None, statement())
    with pytest.raises(ResourceConflict) as caught:
        add(policy, statement())
    assert caught.value.message == (
        "The statement id (s1) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )
    with pytest.raises(ResourceNotFound, match=r"Statement s2 is not found in resource policy\."):
        remove(policy, "s2", seen="old")
    with pytest.raises(ResourceNotFound, match=r"No policy is associated with the given resource\."):
        remove(None, "s2", seen="old")


def test_a_policy_has_a_limit() -> None:
    """Source: api-errors.md §9 (observed)."""
    policy, number = add(None, statement("s000")), 1
    one = statement("s001")
    while len(policy.text) + len(json_text(one)) + 1 <= MAX_POLICY_BYTES:
        policy, number = add(policy, one), number + 1
        one = statement(f"s{number:03}")
    size = len(policy.text) + len(json_text(one)) + 1
    with pytest.raises(PolicyLengthExceeded) as caught:
        add(policy, one)
    assert caught.value.message == f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY_BYTES})."


def test_the_limit_is_one_of_bytes() -> None:
    check_length("é" * (MAX_POLICY_BYTES // 2))
    with pytest.raises(PolicyLengthExceeded):
        check_length("é" * (MAX_POLICY_BYTES // 2) + "x")


def test_a_document_of_ones_own_keeps_what_is_in_it() -> None:
    written = '{ "Id": "mine", "Statement": { "Sid": "", "Effect": "Deny", "Principal": "*" } }'
    more = add(Policy(written, "r1"), statement("s2"))
    document = json.loads(more.text)
    assert list(document) == ["Id", "Statement"]
    assert document["Statement"][0] == {"Sid": "", "Effect": "Deny", "Principal": "*"}
    assert sids(more) == ["", "s2"]
    less = remove(more, "s2")
    assert less is not None
    assert json.loads(less.text)["Statement"] == [{"Sid": "", "Effect": "Deny", "Principal": "*"}]


_accounts = st.from_regex("[0-9]{12}", fullmatch=True)
_permissions = st.builds(
    Permission,
    statement_id=st.from_regex("[a-zA-Z0-9_-]{1,100}", fullmatch=True),
    action=st.sampled_from(["lambda:InvokeFunction", "lambda:*", "*", "lambda:GetFunction"]),
    principal=st.one_of(
        st.just("*"),
        _accounts,
        _accounts.map(lambda account: f"arn:aws:iam::{account}:role/r"),
        st.sampled_from(["s3.amazonaws.com", "alexa-appkit.amazon.com"]),
    ),
    source_arn=st.none() | st.just("arn:aws:s3:::b") | st.text(min_size=1).map(lambda text: f"arn:aws:x:::{text}"),
    source_account=st.none() | _accounts,
    principal_org_id=st.none() | st.just("o-1234567890"),
    event_source_token=st.none() | st.from_regex(r"[a-zA-Z0-9._\-]{1,256}", fullmatch=True),
)


@given(st.lists(_permissions, max_size=8, unique_by=lambda one: one.statement_id), st.randoms(use_true_random=False))
def test_what_was_added_is_there_until_it_is_removed(permissions: list[Permission], random: Any) -> None:
    policy: Policy | None = None
    for number, one in enumerate(permissions):
        policy = add(policy, one.statement(ARN), revision_id=f"a{number}")
    left = list(permissions)
    while left:
        assert policy is not None
        assert json.loads(policy.text)["Statement"] == [one.statement(ARN) for one in left]
        parsed = parse_document(policy.text)
        check_resources(parsed, ARN)
        for one, understood in zip(left, parsed.statements, strict=True):
            assert (understood.sid, understood.effect, understood.actions) == (
                one.statement_id,
                "Allow",
                (one.action,),
            )
            assert len(understood.principals.aws) + len(understood.principals.services) == 1
        removed = left.pop(random.randrange(len(left)))
        policy = remove(policy, removed.statement_id, revision_id=f"r{len(left)}")
    assert policy is None
