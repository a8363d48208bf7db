"""Policies of functions over the API: single permissions and whole documents.

Recorded answers are compared in test_golden_answers.py; here is what they don't show. Sources: api-errors.md §4 and §9,
api-durable-capacity.md §5; for whole documents AWS's texts are unverified.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, send, settle
from tests.api.conftest import ClientFactory
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root

F = "my-function"
NOTHING = ("ResourceNotFoundException", "The resource you requested does not exist.")
NO_POLICY = ("ResourceNotFoundException", "No policy is associated with the given resource.")
OTHER_REVISION = (
    "PreconditionFailedException",
    (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the {} API to retrieve the latest Revision Id"
    ),
)
UUID = "00000000-0000-4000-8000-000000000000"


def add(client: Any, sid: str = "s1", **more: Any) -> dict[str, Any]:
    request = {"FunctionName": F, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **more}
    statement: dict[str, Any] = json.loads(client.add_permission(StatementId=sid, **request)["Statement"])
    return statement


def sids(client: Any, **more: Any) -> list[str]:
    policy = client.get_policy(**{"FunctionName": F, **more})["Policy"]
    return [statement["Sid"] for statement in json.loads(policy)["Statement"]]


def refused(operation: Callable[..., object], *arguments: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        operation(*arguments, **request)
    return refusal(error)


@pytest.fixture
def arn(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:{F}"


@pytest.fixture
def function(client: Any) -> Any:
    """A function with version 1 and the alias `live`."""
    create(client)
    settle(client)
    client.publish_version(FunctionName=F)
    client.create_alias(FunctionName=F, Name="live", FunctionVersion="1")
    return client


class TestScope:
    def test_function_version_and_alias_each_have_their_own(self, function: Any, arn: str) -> None:
        for qualifier in (None, "1", "live"):
            more = {} if qualifier is None else {"Qualifier": qualifier}
            assert add(function, **more)["Resource"] == (arn if qualifier is None else f"{arn}:{qualifier}")
        add(function, "s2", FunctionName=f"{arn}:live")
        assert (sids(function), sids(function, Qualifier="1"), sids(function, FunctionName=f"{F}:live")) == (
            ["s1"],
            ["s1"],
            ["s1", "s2"],
        )
        revisions = {function.get_policy(FunctionName=name)["RevisionId"] for name in (F, f"{F}:1", f"{F}:live")}
        assert len(revisions) == 3

    def test_it_is_not_inherited(self, function: Any) -> None:
        add(function)
        function.publish_version(FunctionName=F)
        for qualifier in ("1", "live", "$LATEST"):
            assert refused(function.get_policy, FunctionName=F, Qualifier=qualifier) == NOTHING

    def test_the_revision_is_its_own_and_changes_with_each_change(self, function: Any) -> None:
        before = function.get_function_configuration(FunctionName=F)["RevisionId"]
        add(function)
        revisions = [function.get_policy(FunctionName=F)["RevisionId"]]
        add(function, "s2", RevisionId=revisions[0])
        revisions.append(function.get_policy(FunctionName=F)["RevisionId"])
        function.remove_permission(FunctionName=F, StatementId="s1", RevisionId=revisions[1])
        revisions.append(function.get_policy(FunctionName=F)["RevisionId"])
        function.publish_version(FunctionName=F)
        assert function.get_policy(FunctionName=F)["RevisionId"] == revisions[2]
        assert len({*revisions, before}) == 4
        assert function.get_function_configuration(FunctionName=F)["RevisionId"] == before

    def test_it_ends_with_what_it_belongs_to(self, function: Any) -> None:
        add(function)
        add(function, Qualifier="1")
        add(function, Qualifier="live")
        function.delete_alias(FunctionName=F, Name="live")
        function.create_alias(FunctionName=F, Name="live", FunctionVersion="$LATEST")
        assert refused(function.get_policy, FunctionName=F, Qualifier="live") == NOTHING
        function.delete_function(FunctionName=F, Qualifier="1")
        assert refused(function.get_policy, FunctionName=F, Qualifier="1") == NOTHING
        assert sids(function) == ["s1"]
        function.delete_function(FunctionName=F)
        create(function)
        assert refused(function.get_policy, FunctionName=F) == NOTHING

    def test_accounts_and_regions_are_apart(self, function: Any, lambda_client: ClientFactory, arn: str) -> None:
        add(function)
        elsewhere = lambda_client(region="eu-central-1")
        assert refused(elsewhere.get_policy, FunctionName=F) == NOTHING
        assert refused(elsewhere.get_policy, FunctionName=arn)[0] == "ResourceNotFoundException"
        stranger = lambda_client(account="999999999999")
        for answer in (
            refused(add, stranger, FunctionName=arn),
            refused(stranger.get_policy, FunctionName=arn),
            refused(stranger.put_resource_policy, ResourceArn=arn, Policy="{}"),
            refused(stranger.delete_resource_policy, ResourceArn=arn),
        ):
            assert answer[0] == "AccessDeniedException"

    def test_statements_that_are_added_at_once_are_all_there(self, function: Any) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: add(function, f"s{number}"), range(8)))
        assert set(sids(function)) == {f"s{number}" for number in range(8)}

    def test_of_two_who_change_one_revision_one_is_told(self, function: Any) -> None:
        add(function)
        revision = function.get_policy(FunctionName=F)["RevisionId"]

        def attempt(sid: str) -> str:
            try:
                add(function, sid, RevisionId=revision)
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return "added"

        with ThreadPoolExecutor(4) as threads:
            outcomes = list(threads.map(attempt, ("a", "b", "c", "d")))
        assert sorted(outcomes) == ["PreconditionFailedException"] * 3 + ["added"]
        assert len(sids(function)) == 2


class TestRefusals:
    def test_what_is_not_there_is_named_as_the_operation_does(self, function: Any, arn: str) -> None:
        """Source: api-errors.md §4 and §9 (recorded); a missing version to RemovePermission is unverified."""
        missing = arn.replace(F, "missing")

        def remove(**more: Any) -> Callable[[], object]:
            return lambda: function.remove_permission(**{"FunctionName": F, "StatementId": "s1", **more})

        expected: list[tuple[Callable[[], object], str]] = [
            (lambda: add(function, FunctionName="missing"), f"Function not found: {missing}"),
            (lambda: add(function, FunctionName="missing:1"), f"Function not found: {missing}:1"),
            (lambda: add(function, FunctionName="missing:a"), f"Cannot find alias arn: {missing}:a"),
            (lambda: add(function, Qualifier="2"), f"Function not found: {arn}:2"),
            (lambda: add(function, Qualifier="none"), f"Cannot find alias arn: {arn}:none"),
            (lambda: add(function, Qualifier="a$b"), f"Function not found: {arn}:a$b"),
            (lambda: add(function, Qualifier="$LATEST.PUBLISHED"), f"Function not found: {arn}:$LATEST.PUBLISHED"),
            (remove(FunctionName="missing", Qualifier="a"), f"No policy found for: {missing}"),
            (remove(Qualifier="none"), f"Cannot find alias arn: {arn}:none"),
            (remove(Qualifier="2"), f"Function not found: {arn}:2"),
            (remove(Qualifier="$LATEST"), NO_POLICY[1]),
            (remove(Qualifier="live"), NO_POLICY[1]),
            (lambda: function.get_policy(FunctionName="missing", Qualifier="a"), NOTHING[1]),
            (lambda: function.get_policy(FunctionName=F, Qualifier="2"), NOTHING[1]),
            (lambda: function.get_policy(FunctionName=F), NOTHING[1]),
        ]
        for attempt, text in expected:
            assert refused(attempt) == ("ResourceNotFoundException", text)

    def test_arguments_come_before_existence_and_that_before_the_revision(self, function: Any) -> None:
        """Source: api-errors.md §15."""
        wrong = {"RevisionId": "wrong", "FunctionName": "missing"}
        assert refused(add, function, "s.1", Principal="nobody", **wrong)[0] == "ValidationException"
        latest = refused(add, function, Principal="nobody", Qualifier="$LATEST", **wrong)
        assert latest == (
            "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.",
        )
        assert refused(add, function, Principal="nobody", **wrong)[0] == "InvalidParameterValueException"
        assert refused(add, function, **wrong)[0] == "ResourceNotFoundException"
        add(function)
        code, text = OTHER_REVISION
        expected = (code, text.format("GetPolicy"))
        assert refused(add, function, RevisionId="wrong") == expected
        remove = {"FunctionName": F, "RevisionId": "wrong"}
        assert refused(function.remove_permission, StatementId="s1", **remove) == expected
        assert refused(function.remove_permission, StatementId="s2", **remove) == (
            "ResourceNotFoundException",
            "Statement s2 is not found in resource policy.",
        )
        assert sids(function) == ["s1"]

    def test_a_condition_that_does_not_go_with_the_action(self, function: Any) -> None:
        assert refused(add, function, FunctionUrlAuthType="NONE") == (
            "InvalidParameterValueException",
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        )

    def test_a_policy_has_a_limit_and_keeps_what_it_had(self, function: Any) -> None:
        long = {"SourceArn": f"arn:aws:s3:::{'b' * 9_900}"}
        add(function, "s1", **long)
        add(function, "s2", **long)
        code, text = refused(add, function, "s3", **long)
        assert code == "PolicyLengthExceededException"
        assert text.startswith("The final policy size (3")
        assert text.endswith(") is bigger than the limit (20480).")
        assert sids(function) == ["s1", "s2"]

    def test_a_condition_is_shown_for_urls(self, function: Any) -> None:
        """Source: api-errors.md §9 (recorded)."""
        statement = add(function, Principal="*", InvokedViaFunctionUrl=True)
        assert statement["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}


def document(arn: str, *sids_of_it: str, **more: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "lambda:*", "Resource": arn, **more}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Sid": sid, **statement} for sid in sids_of_it]}, indent=1
    )


class TestDocuments:
    def test_a_document_replaces_every_statement_and_is_shown_as_it_was_sent(self, function: Any, arn: str) -> None:
        add(function)
        before = function.get_resource_policy(ResourceArn=arn)
        assert before == {**function.get_policy(FunctionName=F), "ResponseMetadata": before["ResponseMetadata"]}
        text = document(arn, "a", "b", Action=["lambda:GetFunction", "lambda:InvokeFunction"])
        put = function.put_resource_policy(ResourceArn=arn, Policy=text, RevisionId=before["RevisionId"])
        found = function.get_resource_policy(ResourceArn=arn)
        assert (put["Policy"], found["Policy"]) == (text, text)
        assert put["RevisionId"] == found["RevisionId"] != before["RevisionId"]
        assert sids(function) == ["a", "b"]

    def test_single_permissions_work_on_it(self, function: Any, arn: str) -> None:
        function.put_resource_policy(ResourceArn=arn, Policy=document(arn, "a", "b"))
        assert refused(add, function, "a")[0] == "ResourceConflictException"
        add(function, "c")
        function.remove_permission(FunctionName=F, StatementId="a")
        assert sids(function) == ["b", "c"]
        for sid in ("b", "c"):
            function.remove_permission(FunctionName=F, StatementId=sid)
        assert refused(function.get_resource_policy, ResourceArn=arn) == NOTHING

    def test_deleting_it_takes_single_permissions_along(self, function: Any, arn: str) -> None:
        add(function)
        revision = function.get_policy(FunctionName=F)["RevisionId"]
        code, text = OTHER_REVISION
        assert refused(function.delete_resource_policy, ResourceArn=arn, RevisionId=UUID) == (
            code,
            text.format("GetResourcePolicy"),
        )
        answer = function.delete_resource_policy(ResourceArn=arn, RevisionId=revision)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert refused(function.get_policy, FunctionName=F) == NOTHING
        assert refused(function.delete_resource_policy, ResourceArn=arn) == NO_POLICY

    def test_versions_and_aliases_have_their_own(self, function: Any, arn: str) -> None:
        for qualifier in ("1", "live"):
            resource = f"{arn}:{qualifier}"
            function.put_resource_policy(ResourceArn=resource, Policy=document(resource, qualifier))
            assert sids(function, Qualifier=qualifier) == [qualifier]
            refusal_of_another = refused(function.put_resource_policy, ResourceArn=resource, Policy=document(arn, "a"))
            assert refusal_of_another[0] == "InvalidParameterValueException"
        assert refused(function.get_policy, FunctionName=F) == NOTHING

    def test_what_is_not_there(self, function: Any, arn: str) -> None:
        put, text = function.put_resource_policy, document(arn, "a")
        for resource in (arn + "x", f"{arn}:2", f"{arn}:none", f"{arn}:$LATEST"):
            assert refused(function.get_resource_policy, ResourceArn=resource) == NOTHING
            policy = document(resource, "a")
            code = refused(put, ResourceArn=resource, Policy=policy)[0]
            latest = resource.endswith("$LATEST")
            assert code == ("InvalidParameterValueException" if latest else "ResourceNotFoundException")
            gone = refused(function.delete_resource_policy, ResourceArn=resource)
            assert gone[0] == "ResourceNotFoundException"
        runtime = arn.replace(f"function:{F}", "runtime/python3.13")
        assert refused(put, ResourceArn=runtime, Policy=text) == NOTHING
        code, message = OTHER_REVISION
        assert refused(put, ResourceArn=arn, Policy=text, RevisionId=UUID) == (
            code,
            message.format("GetResourcePolicy"),
        )
        assert refused(function.get_resource_policy, ResourceArn=arn) == NOTHING

    @pytest.mark.parametrize(
        "policy",
        ["{", "{}", '"\ud800"', '{"Statement": [{"Sid": "\\ud800"}]}', " " * 20_480, "é" * 10_241],
        ids=["json", "empty", "surrogate", "escaped surrogate", "blanks", "bytes"],
    )
    def test_what_is_no_document_changes_nothing(self, function: Any, arn: str, policy: str) -> None:
        add(function)
        code = refused(function.put_resource_policy, ResourceArn=arn, Policy=policy)[0]
        assert code in {
            "InvalidParameterValueException",
            "PolicyLengthExceededException",
            "SerializationException",
        }
        assert sids(function) == ["s1"]

    def test_only_whole_arns_are_resources(self, function: Any) -> None:
        for resource in (F, f"function:{F}", "arn:aws:lambda:us-east-1:123456789012:layer:l:1"):
            code, text = refused(function.get_resource_policy, ResourceArn=resource)
            assert (code, "'resourceArn'" in text) == ("ValidationException", True)

    def test_the_arn_is_in_the_path_encoded_or_not(
        self, function: Any, arn: str, lambent: LambentServer, account: str
    ) -> None:
        add(function)
        for written in (arn, quote(arn, safe="")):
            answer = send(lambent.url, "GET", f"/2026-07-09/resource-policy/{written}", account=account)
            assert answer.status == 200


class TestPublicAccess:
    def test_everybody_may_be_let_in(self, function: Any, arn: str) -> None:
        """Source: permissions.json (recorded for statements with a condition); decision 56."""
        add(function, "all", Principal="*")
        function.put_resource_policy(ResourceArn=arn, Policy=document(arn, "everybody", Principal="*"))
        assert sids(function) == ["everybody"]

    def test_a_server_can_be_told_to_refuse_it(self, own_lambent: LambentServer, account: str) -> None:
        own_lambent.flags += ["--block-public-policies"]
        own_lambent.start()
        client = own_lambent.client(account=account)
        create(client)
        blocked = "PublicPolicyException"
        text = refused(add, client, Principal="*")
        assert text[0] == blocked
        assert text[1].startswith("Lambda blocked the creation of this policy because it would grant public access")
        assert refused(add, client, FunctionName="missing", Principal="*")[0] == "ResourceNotFoundException"
        function_arn = f"arn:aws:lambda:{REGION}:{account}:function:{F}"
        public = document(function_arn, "a", Principal={"AWS": "*"})
        assert refused(client.put_resource_policy, ResourceArn=function_arn, Policy=public)[0] == blocked
        assert refused(client.get_policy, FunctionName=F) == NOTHING
        add(client, Principal="*", SourceAccount=account)
        add(client, "s2")
        assert sids(client) == ["s1", "s2"]
        client.delete_function(FunctionName=F)
