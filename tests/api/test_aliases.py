"""Aliases and what they have to do with versions, through boto3; what was recorded is in situations_aliases.py.

Source of the expected answers: api-errors.md sections 4 to 7, where nothing else is said.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import call, create, package, refusal, settle
from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION

NAME = "my-function"


@pytest.fixture
def aliased(control_client: Any) -> Any:
    """Version 1, and version 2 with the same role; no alias yet."""
    client = control_client
    create(client)
    settle(client)
    client.publish_version(FunctionName=NAME)
    client.update_function_code(FunctionName=NAME, ZipFile=package("second"))
    settle(client)
    client.publish_version(FunctionName=NAME)
    yield client
    client.delete_function(FunctionName=NAME)


def add(client: Any, name: str = "live", version: str = "1", **more: Any) -> Any:
    return client.create_alias(FunctionName=NAME, Name=name, FunctionVersion=version, **more)


def weights(**of: float) -> dict[str, Any]:
    return {"AdditionalVersionWeights": {version.removeprefix("v"): weight for version, weight in of.items()}}


def names(client: Any, **which: Any) -> list[str]:
    return [alias["Name"] for alias in client.list_aliases(FunctionName=NAME, **which)["Aliases"]]


def succeeds(operation: Callable[..., Any], *args: Any, **request: Any) -> bool:
    try:
        operation(*args, **request)
    except ClientError:
        return False
    return True


class TestRevisions:
    def test_each_update_gives_a_new_one_and_leaves_the_functions_alone(self, aliased: Any) -> None:
        def of_function() -> list[str]:
            return [
                aliased.get_function_configuration(FunctionName=NAME, Qualifier=version)["RevisionId"]
                for version in ("$LATEST", "1", "2")
            ]

        before = of_function()
        made = add(aliased)
        changes: list[dict[str, Any]] = [
            {},
            {"Description": "d"},
            {"FunctionVersion": "2"},
            {"RoutingConfig": weights(v1=0.5)},
        ]
        updates = [aliased.update_alias(FunctionName=NAME, Name="live", **change) for change in changes]
        seen = [alias["RevisionId"] for alias in (made, *updates)]
        assert len(set(seen)) == 5
        assert aliased.get_alias(FunctionName=NAME, Name="live")["RevisionId"] == seen[-1]
        assert of_function() == before

    def test_of_eight_writers_with_one_revision_one_wins(self, aliased: Any) -> None:
        revision = add(aliased)["RevisionId"]

        def attempt(number: int) -> str:
            try:
                aliased.update_alias(FunctionName=NAME, Name="live", Description=str(number), RevisionId=revision)
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return str(number)

        with ThreadPoolExecutor(8) as threads:
            answers = sorted(threads.map(attempt, range(8)))
        assert answers[1:] == ["PreconditionFailedException"] * 7
        assert aliased.get_alias(FunctionName=NAME, Name="live")["Description"] == answers[0]

    def test_of_eight_that_want_a_name_one_gets_it(self, aliased: Any) -> None:
        def attempt(number: int) -> str:
            try:
                add(aliased, Description=str(number))
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return str(number)

        with ThreadPoolExecutor(8) as threads:
            answers = sorted(threads.map(attempt, range(8)))
        assert answers[1:] == ["ResourceConflictException"] * 7
        assert aliased.get_alias(FunctionName=NAME, Name="live")["Description"] == answers[0]

    def test_a_version_is_either_deleted_or_pointed_at(self, aliased: Any) -> None:
        for number in range(8):
            aliased.update_function_code(FunctionName=NAME, ZipFile=package(f"round {number}"))
            settle(aliased)
            version = aliased.publish_version(FunctionName=NAME)["Version"]
            with ThreadPoolExecutor(2) as threads:
                deleted = threads.submit(succeeds, aliased.delete_function, FunctionName=NAME, Qualifier=version)
                pointed_at = threads.submit(succeeds, add, aliased, f"a{version}", version)
            assert deleted.result() is not pointed_at.result()


class TestRules:
    def test_what_an_update_does_not_name_stays(self, aliased: Any) -> None:
        made = add(aliased, Description="d", RoutingConfig=weights(v2=0.25))
        updated = aliased.update_alias(FunctionName=NAME, Name="live", Description="")
        for shown in (made, updated):
            del shown["ResponseMetadata"], shown["RevisionId"]
        assert updated == {**made, "Description": ""}

    def test_a_weight_of_nothing_is_kept(self, aliased: Any) -> None:
        assert add(aliased, RoutingConfig=weights(v2=0))["RoutingConfig"] == weights(v2=0)

    def test_routing_without_weights_is_none(self, aliased: Any) -> None:
        """As Terraform's provider takes weights away. Source: unverified."""
        add(aliased, RoutingConfig=weights(v2=0.25))
        assert "RoutingConfig" not in aliased.update_alias(FunctionName=NAME, Name="live", RoutingConfig={})

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"FunctionVersion": "2"}, "Function version 2 is already included in routing configuration."),
            ({"FunctionVersion": "$LATEST"}, "$LATEST is not supported for an alias pointing to more than 1 version"),
            ({"RoutingConfig": weights(v1=0.5)}, "Function version 1 is already included in routing configuration."),
            ({"RoutingConfig": weights(v1=0.5, v2=0.5)}, "cannot be greater than 1"),
            ({"RoutingConfig": weights(v2=1.5)}, "Member must have value less than or equal to 1.0"),
        ],
    )
    def test_an_update_that_cant_be_changes_nothing(self, aliased: Any, change: dict[str, Any], text: str) -> None:
        """That the routing which is kept is checked against the new version is unverified."""
        add(aliased, RoutingConfig=weights(v2=0.25))
        before = aliased.get_alias(FunctionName=NAME, Name="live")
        with pytest.raises(ClientError) as error:
            aliased.update_alias(FunctionName=NAME, Name="live", **change)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert text in refusal(error)[1]
        after = aliased.get_alias(FunctionName=NAME, Name="live")
        del before["ResponseMetadata"], after["ResponseMetadata"]
        assert after == before

    def test_versions_with_different_roles_share_no_alias(self, aliased: Any) -> None:
        """Source: observed (in the field, 2018)."""
        aliased.update_function_configuration(FunctionName=NAME, Role="arn:aws:iam::123456789012:role/another")
        settle(aliased)
        assert aliased.publish_version(FunctionName=NAME)["Version"] == "3"
        with pytest.raises(ClientError) as error:
            add(aliased, RoutingConfig=weights(v3=0.5))
        assert refusal(error) == (
            "InvalidParameterValueException",
            "Specified versions must be associated with the same execution role",
        )

    def test_arguments_are_checked_before_existence_and_existence_before_the_revision(self, aliased: Any) -> None:
        add(aliased)

        def code(operation: str, **more: Any) -> str:
            with pytest.raises(ClientError) as error:
                getattr(aliased, operation)(**more)
            return refusal(error)[0]

        missing = {"FunctionName": "missing", "Name": "live", "FunctionVersion": "1"}
        live = {"FunctionName": NAME, "Name": "live", "RevisionId": "wrong"}
        two = weights(v1=0.5, v2=0.5)
        assert code("create_alias", **missing, RoutingConfig=two) == "InvalidParameterValueException"
        assert code("update_alias", **missing, RoutingConfig=two) == "InvalidParameterValueException"
        assert code("update_alias", **live, FunctionVersion="9") == "ResourceNotFoundException"
        assert code("update_alias", **live, FunctionVersion="2") == "PreconditionFailedException"


class TestWhatIsNotThere:
    def test_each_operation_has_its_words(self, aliased: Any, account: str) -> None:
        arn = f"arn:aws:lambda:{REGION}:{account}:function"
        dead = {"Name": "dead"}
        said = [
            ("CreateAlias", "missing", {"Name": "new", "FunctionVersion": "1"}, f"Function not found: {arn}:missing:1"),
            ("GetAlias", "missing", dead, f"Cannot find alias arn: {arn}:missing:dead"),
            ("GetAlias", NAME, dead, f"Cannot find alias arn: {arn}:{NAME}:dead"),
            ("UpdateAlias", "missing", dead, f"Alias not found: {arn}:missing:dead"),
            ("UpdateAlias", NAME, dead, f"Alias not found: {arn}:{NAME}:dead"),
            ("ListAliases", "missing", {}, f"Function not found: {arn}:missing"),
        ]
        for operation, function, more, text in said:
            with pytest.raises(ClientError) as error:
                aliased._make_api_call(operation, {"FunctionName": function, **more})
            assert refusal(error) == ("ResourceNotFoundException", text), operation

    def test_to_delete_it_is_no_error(self, aliased: Any) -> None:
        """Of a function that isn't there, neither: the API model has no such error for DeleteAlias."""
        for function in (NAME, "missing"):
            assert call(aliased, "DeleteAlias", {"FunctionName": function, "Name": "dead"}).status == 204

    def test_a_name_is_free_again_when_the_alias_is_gone(self, aliased: Any) -> None:
        add(aliased)
        aliased.delete_alias(FunctionName=NAME, Name="live")
        assert names(aliased) == []
        assert add(aliased, version="2")["FunctionVersion"] == "2"

    def test_a_function_that_is_made_anew_has_none(self, aliased: Any) -> None:
        add(aliased)
        aliased.delete_function(FunctionName=NAME)
        create(aliased)
        settle(aliased)
        assert names(aliased) == []


class TestVersionsOfAliases:
    def test_a_version_that_is_referred_to_cant_be_deleted(self, aliased: Any) -> None:
        """Source: observed; that a routed version counts is unverified."""
        add(aliased, "b")
        add(aliased, "a", RoutingConfig=weights(v2=0.25))
        for version, referring in (("1", "[a, b]"), ("2", "[a]")):
            with pytest.raises(ClientError) as error:
                aliased.delete_function(FunctionName=NAME, Qualifier=version)
            assert refusal(error) == (
                "ResourceConflictException",
                f"Unable to delete version because the following aliases reference it: {referring}",
            )
        aliased.update_alias(FunctionName=NAME, Name="a", RoutingConfig={"AdditionalVersionWeights": {}})
        aliased.delete_function(FunctionName=NAME, Qualifier="2")
        assert [one["Version"] for one in aliased.list_versions_by_function(FunctionName=NAME)["Versions"]] == [
            "$LATEST",
            "1",
        ]

    def test_an_alias_isnt_deleted_as_a_version(self, aliased: Any) -> None:
        add(aliased)
        with pytest.raises(ClientError) as error:
            aliased.delete_function(FunctionName=NAME, Qualifier="live")
        assert refusal(error)[1] == "Deletion of aliases is not currently supported."
        assert names(aliased) == ["live"]

    @pytest.mark.parametrize("version", ["1", "$LATEST"])
    def test_configurations_by_alias_are_those_of_the_version(self, aliased: Any, account: str, version: str) -> None:
        add(aliased, version=version)
        of_version = aliased.get_function_configuration(FunctionName=NAME, Qualifier=version)
        of_alias = aliased.get_function_configuration(FunctionName=f"{NAME}:live")
        for shown in (of_version, of_alias):
            del shown["ResponseMetadata"]
        arn = f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"
        assert of_alias == {**of_version, "FunctionArn": f"{arn}:live"}
        assert of_alias["Version"] == version

    def test_a_version_that_is_pending_may_have_one(self, control_plane: ControlPlane, aliased: Any) -> None:
        with control_plane.activation_held():
            aliased.update_function_code(FunctionName=NAME, ZipFile=package("third"), Publish=True)
            assert add(aliased, version="3")["FunctionVersion"] == "3"
            assert aliased.get_function_configuration(FunctionName=NAME, Qualifier="live")["State"] == "Pending"
        settle(aliased)

    def test_lists_of_functions_dont_show_them(self, aliased: Any) -> None:
        add(aliased)
        listed = aliased.list_functions(FunctionVersion="ALL")["Functions"]
        assert [one["Version"] for one in listed] == ["$LATEST", "1", "2"]


class TestList:
    def test_pages_have_every_alias_once(self, aliased: Any) -> None:
        every = sorted(f"alias-{number}" for number in range(7))
        for name in every:
            add(aliased, name)
        pages = list(
            aliased.get_paginator("list_aliases").paginate(FunctionName=NAME, PaginationConfig={"PageSize": 3})
        )
        assert [len(page["Aliases"]) for page in pages] == [3, 3, 1]
        assert [one["Name"] for page in pages for one in page["Aliases"]] == every

    def test_a_version_shows_the_aliases_that_point_at_it(self, aliased: Any) -> None:
        add(aliased, "a", "1", RoutingConfig=weights(v2=0.5))
        add(aliased, "b", "2")
        add(aliased, "c", "$LATEST")
        assert names(aliased, FunctionVersion="2") == ["b"]
        assert names(aliased, FunctionVersion="$LATEST") == ["c"]
        assert names(aliased, FunctionVersion="9") == []
        page = aliased.list_aliases(FunctionName=NAME, FunctionVersion="1", MaxItems=1)
        assert ([one["Name"] for one in page["Aliases"]], "NextMarker" in page) == (["a"], False)


def test_what_is_changed_by_qualifier_is_latest(aliased: Any) -> None:
    """Source: observed (UpdateFunctionCode); of the others unverified."""
    add(aliased)
    assert aliased.update_function_configuration(FunctionName=f"{NAME}:$LATEST", Timeout=9)["Timeout"] == 9
    settle(aliased)
    for operation, more in (
        ("UpdateFunctionCode", {"ZipFile": package("new")}),
        ("UpdateFunctionConfiguration", {}),
        ("PublishVersion", {}),
    ):
        for qualifier in ("1", "live"):
            with pytest.raises(ClientError) as error:
                aliased._make_api_call(operation, {"FunctionName": f"{NAME}:{qualifier}", **more})
            assert refusal(error)[0] == "InvalidParameterValueException"
            assert refusal(error)[1].startswith("Current operation does not support versions other than $LATEST. ")
