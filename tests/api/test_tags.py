"""Tags through boto3; what was recorded is in situations_tags.py.

Source of the expected answers: api-errors.md section 13, where nothing else is said.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, send, settle
from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME = "my-function"


@pytest.fixture
def client(control_client: Any) -> Iterator[Any]:
    """A function without tags."""
    create(control_client)
    settle(control_client)
    yield control_client
    control_client.delete_function(FunctionName=NAME)


@pytest.fixture
def arn(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"


def tags_of(client: Any, arn: str) -> dict[str, str]:
    tags: dict[str, str] = client.list_tags(Resource=arn)["Tags"]
    return tags


def revision(client: Any, **which: str) -> str:
    shown: str = client.get_function_configuration(FunctionName=NAME, **which)["RevisionId"]
    return shown


class TestOfFunctions:
    def test_they_are_added_overwritten_and_taken_away(self, client: Any, arn: str) -> None:
        client.tag_resource(Resource=arn, Tags={"a": "1", "b": ""})
        client.tag_resource(Resource=arn, Tags={"b": "2", "c": "3"})
        assert tags_of(client, arn) == {"a": "1", "b": "2", "c": "3"}
        client.untag_resource(Resource=arn, TagKeys=["a", "c", "not there"])
        assert tags_of(client, arn) == {"b": "2"}
        assert client.get_function(FunctionName=NAME)["Tags"] == {"b": "2"}

    def test_a_function_without_tags_shows_none(self, client: Any, arn: str) -> None:
        client.tag_resource(Resource=arn, Tags={"a": "1"})
        client.untag_resource(Resource=arn, TagKeys=["a"])
        assert "Tags" not in client.get_function(FunctionName=NAME)

    def test_keys_may_have_spaces_and_marks(self, client: Any, arn: str) -> None:
        tags = {"a key": "a:b/c=d+e-f@g._ é"}
        client.tag_resource(Resource=arn, Tags=tags)
        assert tags_of(client, arn) == tags
        client.untag_resource(Resource=arn, TagKeys=["a key"])
        assert tags_of(client, arn) == {}

    def test_each_change_makes_another_revision_of_latest_only(self, client: Any, arn: str) -> None:
        client.publish_version(FunctionName=NAME)
        published, seen = revision(client, Qualifier="1"), {revision(client)}
        client.tag_resource(Resource=arn, Tags={"a": "1"})
        seen.add(revision(client))
        client.untag_resource(Resource=arn, TagKeys=["a"])
        seen.add(revision(client))
        assert len(seen) == 3
        assert revision(client, Qualifier="1") == published

    def test_a_change_is_refused_while_an_update_is_in_progress(
        self, client: Any, arn: str, control_plane: ControlPlane
    ) -> None:
        """Source: developer guide, "Lambda function states"."""
        with control_plane.activation_held():
            client.update_function_configuration(FunctionName=NAME, Description="held")
            before = revision(client)
            for operation, more in (("tag_resource", {"Tags": {"a": "1"}}), ("untag_resource", {"TagKeys": ["a"]})):
                with pytest.raises(ClientError) as error:
                    getattr(client, operation)(Resource=arn, **more)
                assert refusal(error) == (
                    "ResourceConflictException",
                    f"The operation cannot be performed at this time. An update is in progress for resource: {arn}",
                )
            assert tags_of(client, arn) == {}
            assert revision(client) == before
        settle(client)
        client.tag_resource(Resource=arn, Tags={"a": "1"})

    def test_two_that_are_added_at_once_are_both_there(self, client: Any, arn: str) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: client.tag_resource(Resource=arn, Tags={f"k{n}": "v"}), range(8)))
        assert len(tags_of(client, arn)) == 8

    def test_they_go_with_the_function(self, client: Any, arn: str) -> None:
        client.tag_resource(Resource=arn, Tags={"a": "1"})
        client.delete_function(FunctionName=NAME)
        create(client)
        assert tags_of(client, arn) == {}

    def test_a_new_version_has_none(self, client: Any, arn: str) -> None:
        client.tag_resource(Resource=arn, Tags={"a": "1"})
        client.publish_version(FunctionName=NAME)
        for qualifier in ("1", "$LATEST"):
            with pytest.raises(ClientError) as error:
                client.list_tags(Resource=f"{arn}:{qualifier}")
            assert refusal(error) == (
                "InvalidParameterValueException",
                "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            )

    @pytest.mark.parametrize("key", ["aws:mine", "AWS:mine"])
    def test_keys_of_aws_are_refused(self, client: Any, arn: str, key: str) -> None:
        """Source: developer guide, "Tag restrictions"; the text is unverified."""
        with pytest.raises(ClientError) as error:
            client.tag_resource(Resource=arn, Tags={key: "v"})
        assert refusal(error)[0] == "InvalidParameterValueException"
        with pytest.raises(ClientError) as error:
            create(client, "another", Tags={key: "v"})
        assert refusal(error)[0] == "InvalidParameterValueException"


class TestResources:
    @pytest.mark.parametrize(
        ("resource", "text"),
        [
            ("function:missing", "Function not found: {}"),
            ("event-source-mapping:00000000-0000-4000-8000-000000000000", "Event source mapping not found: {}"),
            ("code-signing-config:csc-0123456789abcdefg", "The Lambda code signing configuration {} can not be found."),
            ("capacity-provider:missing", "Capacity provider not found: {}"),
            ("network-connector:missing", "Network connector not found: {}"),
        ],
    )
    def test_what_is_not_there(self, client: Any, account: str, resource: str, text: str) -> None:
        arn = f"arn:aws:lambda:{REGION}:{account}:{resource}"
        for operation, more in (
            ("list_tags", {}),
            ("tag_resource", {"Tags": {"a": "1"}}),
            ("untag_resource", {"TagKeys": ["a"]}),
        ):
            with pytest.raises(ClientError) as error:
                getattr(client, operation)(Resource=arn, **more)
            assert refusal(error) == ("ResourceNotFoundException", text.format(arn))

    def test_a_code_signing_configuration_has_tags(self, client: Any) -> None:
        made = client.create_code_signing_config(
            AllowedPublishers={
                "SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:123456789012:/signing-profiles/p/abcdefghij"]
            },
            Tags={"a": "1"},
        )
        arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
        client.tag_resource(Resource=arn, Tags={"b": "2"})
        client.untag_resource(Resource=arn, TagKeys=["a"])
        assert tags_of(client, arn) == {"b": "2"}
        with pytest.raises(ClientError) as error:
            client.tag_resource(Resource=arn, Tags={f"k{n}": "v" for n in range(50)})
        assert refusal(error)[1] == "Number of tags exceeds resource tag limit."
        assert tags_of(client, arn) == {"b": "2"}
        client.delete_code_signing_config(CodeSigningConfigArn=arn)

    @pytest.mark.parametrize(
        "resource",
        ["arn:aws:something", f"arn:aws:lambda:{REGION}:123456789012:layer:l", "arn:aws:sqs:eu-west-1:123456789012:q"],
    )
    def test_other_arns_violate_the_model(self, client: Any, resource: str) -> None:
        """The recorded pattern had layers still (`arn:aws:something` was what was sent)."""
        with pytest.raises(ClientError) as error:
            client.tag_resource(Resource=resource, Tags={"key_a": "value_a"})
        code, text = refusal(error)
        assert code == "ValidationException"
        assert text.startswith(
            f"1 validation error detected: Value '{resource}' at 'resource' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}"
        )

    def test_the_arn_may_be_in_the_path_as_it_is_or_encoded(self, client: Any, arn: str, account: str) -> None:
        client.tag_resource(Resource=arn, Tags={"a": "1"})
        for path in (arn, quote(arn, safe="")):
            answer = send(client.meta.endpoint_url, "GET", f"/2017-03-31/tags/{path}", account=account)
            assert (answer.status, answer.body) == (200, b'{"Tags":{"a":"1"}}')

    def test_tags_of_another_account_are_denied(self, client: Any) -> None:
        with pytest.raises(ClientError) as error:
            client.list_tags(Resource=f"arn:aws:lambda:{REGION}:999999999999:function:{NAME}")
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
