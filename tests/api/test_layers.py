"""Layers over the API: their versions, who may use them, and functions that have them.

Recorded answers are compared in test_golden_answers.py; here is what they don't show. Sources: api-errors.md §8.
"""

import base64
import hashlib
import http.client
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION, zip_of

pytestmark = pytest.mark.root

LIMIT = 262_144_000


@pytest.fixture
def client(lambda_client: ClientFactory) -> Iterator[Any]:
    """A client of the shared server in the test's own account, whose layers are deleted afterwards."""
    client = lambda_client()
    yield client
    for layer in client.list_layers()["Layers"]:
        for version in client.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]:
            client.delete_layer_version(LayerName=layer["LayerName"], VersionNumber=version["Version"])


def publish(client: Any, name: str = "my-layer", content: bytes = b"", **more: Any) -> Any:
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": content or package()}, **more)


def zeros(size: int) -> bytes:
    """An archive that is small and unpacks to that many bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", bytes(size))
    return buffer.getvalue()


def numbers(client: Any, name: str = "my-layer", **more: Any) -> list[int]:
    return [version["Version"] for version in client.list_layer_versions(LayerName=name, **more)["LayerVersions"]]


def allow(client: Any, principal: str, name: str = "my-layer", **more: Any) -> Any:
    request = {"LayerName": name, "VersionNumber": 1, "StatementId": "s1", "Action": "lambda:GetLayerVersion", **more}
    return client.add_layer_version_permission(Principal=principal, **request)


def download(url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class TestVersions:
    def test_a_version_is_found_by_name_by_arn_and_by_its_own_arn(self, client: Any) -> None:
        content = package("layer")
        published = publish(
            client,
            content=content,
            Description="d",
            LicenseInfo="MIT",
            CompatibleRuntimes=["python3.12", "python3.13"],
            CompatibleArchitectures=["x86_64"],
        )
        assert published["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert published["Content"]["CodeSize"] == len(content)

        def without_link(answer: Any) -> dict[str, Any]:
            shown = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
            return {**shown, "Content": {**shown["Content"], "Location": ""}}

        for found in (
            client.get_layer_version(LayerName="my-layer", VersionNumber=1),
            client.get_layer_version(LayerName=published["LayerArn"], VersionNumber=1),
            client.get_layer_version_by_arn(Arn=published["LayerVersionArn"]),
        ):
            assert without_link(found) == without_link(published)
            assert found["LicenseInfo"] == "MIT"

    def test_the_link_opens_the_archive_without_credentials(self, client: Any) -> None:
        content = package("layer")
        assert download(publish(client, content=content)["Content"]["Location"]) == (200, content)

    def test_numbers_are_never_used_again_not_even_when_all_versions_are_gone(self, client: Any) -> None:
        for _ in range(2):
            publish(client)
        for number in (1, 2, 2):  # deleting what isn't there is no error
            client.delete_layer_version(LayerName="my-layer", VersionNumber=number)
        assert client.list_layers()["Layers"] == []
        assert publish(client)["Version"] == 3

    def test_versions_that_are_published_at_once_have_different_numbers(self, client: Any) -> None:
        with ThreadPoolExecutor(8) as threads:
            published = list(threads.map(lambda _: publish(client, "at-once")["Version"], range(16)))
        assert sorted(published) == list(range(1, 17))

    def test_a_number_is_whole_for_who_publishes_and_deletes_at_once(self, client: Any) -> None:
        seen: list[int] = []
        stop = threading.Event()

        def delete() -> None:
            while not stop.is_set():
                for number in numbers(client, "churn"):
                    client.delete_layer_version(LayerName="churn", VersionNumber=number)

        deleting = threading.Thread(target=delete)
        deleting.start()
        try:
            seen = [publish(client, "churn")["Version"] for _ in range(20)]
        finally:
            stop.set()
            deleting.join(30)
        assert seen == list(range(1, 21))

    @pytest.mark.parametrize("number", [0, -1])
    def test_there_is_no_version_below_one(self, client: Any, number: int) -> None:
        for operation in (client.get_layer_version, client.delete_layer_version):
            with pytest.raises(ClientError) as error:
                operation(LayerName="my-layer", VersionNumber=number)
            assert refusal(error) == ("InvalidParameterValueException", "Layer Version Cannot be less than 1")

    @pytest.mark.parametrize("number", [2, 2**31, 2**62])
    def test_a_version_that_is_not_there(self, client: Any, number: int) -> None:
        publish(client)
        with pytest.raises(ClientError) as error:
            client.get_layer_version(LayerName="my-layer", VersionNumber=number)
        assert refusal(error) == ("ResourceNotFoundException", "The resource you requested does not exist.")
        client.delete_layer_version(LayerName="my-layer", VersionNumber=number)

    @pytest.mark.parametrize(
        "arn",
        [
            "arn:aws:lambda:eu-west-1:{account}:layer:missing:1",
            "arn:aws:lambda:us-east-1:{account}:layer:my-layer:1",
            "arn:aws:lambda:::awslayer:AmazonLinux1803",
        ],
    )
    def test_an_arn_that_leads_nowhere(self, client: Any, account: str, arn: str) -> None:
        publish(client)
        with pytest.raises(ClientError) as error:
            client.get_layer_version_by_arn(Arn=arn.format(account=account))
        assert refusal(error)[0] == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                {"ZipFile": b"no zip"},
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
            ),
            ({"ZipFile": zip_of({})}, "Uploaded file must be a non-empty zip"),
            ({"ZipFile": zeros(LIMIT + 1)}, f"Unzipped size must be smaller than {LIMIT} bytes"),
            (
                {"S3Bucket": "bucket", "S3Key": "key", "S3ObjectStorageMode": "REFERENCE"},
                (
                    "Content.S3ObjectStorageMode=REFERENCE is not supported by this version of Lambent. "
                    "Remove it from the request."
                ),
            ),
        ],
    )
    def test_a_bad_archive_is_refused_and_takes_no_number(
        self, client: Any, content: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ClientError) as error:
            client.publish_layer_version(LayerName="my-layer", Content=content)
        assert refusal(error) == ("InvalidParameterValueException", message)
        assert publish(client)["Version"] == 1

    def test_what_the_model_refuses_is_said_all_at_once(self, client: Any) -> None:
        with pytest.raises(ClientError) as error:
            publish(client, CompatibleRuntimes=["cobol"], CompatibleArchitectures=["z80"])
        code, message = refusal(error)
        assert code == "ValidationException"
        assert message.startswith("2 validation errors detected: Value '[cobol]' at 'compatibleRuntimes' failed")
        assert "; Value '[z80]' at 'compatibleArchitectures' failed" in message

    def test_a_runtime_that_is_retired_may_be_named(self, client: Any) -> None:
        assert publish(client, CompatibleRuntimes=["python3.6"])["CompatibleRuntimes"] == ["python3.6"]

    def test_each_version_counts_as_code_of_the_account(self, client: Any) -> None:
        size = publish(client)["Content"]["CodeSize"]
        publish(client)
        assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 2 * size
        client.delete_layer_version(LayerName="my-layer", VersionNumber=1)
        assert client.get_account_settings()["AccountUsage"] == {"TotalCodeSize": size, "FunctionCount": 0}


class TestLists:
    def test_versions_come_newest_first_in_pages_without_content(self, client: Any) -> None:
        for _ in range(3):
            publish(client)
        pages = client.get_paginator("list_layer_versions").paginate(
            LayerName="my-layer", PaginationConfig={"PageSize": 2}
        )
        found = [[version["Version"] for version in page["LayerVersions"]] for page in pages]
        assert found == [[3, 2], [1]]
        item = client.list_layer_versions(LayerName="my-layer")["LayerVersions"][0]
        assert item.keys() == {"LayerVersionArn", "Version", "Description", "CreatedDate"}

    def test_layers_come_by_name_with_their_newest_version(self, client: Any, account: str) -> None:
        for name in ("b", "a", "c", "a"):
            publish(client, name)
        pages = client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 2})
        layers = [layer for page in pages for layer in page["Layers"]]
        assert [layer["LayerName"] for layer in layers] == ["a", "b", "c"]
        assert [layer["LatestMatchingVersion"]["Version"] for layer in layers] == [2, 1, 1]
        assert layers[0]["LayerArn"] == f"arn:aws:lambda:{REGION}:{account}:layer:a"

    def test_filters_find_the_newest_version_that_matches(self, client: Any) -> None:
        publish(client, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["arm64"])
        publish(client, CompatibleRuntimes=["python3.13"])
        publish(client, "other")
        matching = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
        assert [layer["LatestMatchingVersion"]["Version"] for layer in matching] == [1]
        assert numbers(client, CompatibleArchitecture="arm64") == [1]
        assert numbers(client, CompatibleRuntime="python3.13", CompatibleArchitecture="arm64") == []
        assert client.list_layers(CompatibleRuntime="ruby3.4")["Layers"] == []

    def test_a_layer_that_is_not_there_has_no_versions(self, client: Any) -> None:
        assert numbers(client, "missing") == []

    def test_a_foreign_marker_is_refused(self, client: Any) -> None:
        with pytest.raises(ClientError) as error:
            client.list_layers(Marker="rubbish")
        assert refusal(error) == ("InvalidParameterValueException", "Invalid Marker.")

    def test_layers_of_another_region_are_others(self, client: Any, lambda_client: ClientFactory) -> None:
        publish(client)
        assert lambda_client(region="us-east-1").list_layers()["Layers"] == []


class TestPermissions:
    def test_a_policy_is_shown_as_it_was_given(self, client: Any, account: str) -> None:
        arn = publish(client)["LayerVersionArn"]
        first = allow(client, "999999999999")
        second = allow(client, "*", StatementId="s2", OrganizationId="o-abc123defg", RevisionId=first["RevisionId"])
        found = client.get_layer_version_policy(LayerName="my-layer", VersionNumber=1)
        assert found["RevisionId"] == second["RevisionId"] != first["RevisionId"]
        assert json.loads(found["Policy"]) == {
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": [json.loads(first["Statement"]), json.loads(second["Statement"])],
        }
        assert json.loads(first["Statement"])["Principal"] == {"AWS": "arn:aws:iam::999999999999:root"}
        assert json.loads(second["Statement"])["Resource"] == arn

    def test_the_last_statement_takes_the_policy_along(self, client: Any) -> None:
        publish(client)
        revision = allow(client, "*")["RevisionId"]
        client.remove_layer_version_permission(
            LayerName="my-layer", VersionNumber=1, StatementId="s1", RevisionId=revision
        )
        with pytest.raises(ClientError) as error:
            client.get_layer_version_policy(LayerName="my-layer", VersionNumber=1)
        assert refusal(error) == (
            "ResourceNotFoundException",
            "No policy is associated with the given resource.",
        )

    def test_statements_that_are_added_at_once_are_all_there(self, client: Any) -> None:
        publish(client)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: allow(client, "*", StatementId=f"s{number}"), range(8)))
        policy = json.loads(client.get_layer_version_policy(LayerName="my-layer", VersionNumber=1)["Policy"])
        assert {statement["Sid"] for statement in policy["Statement"]} == {f"s{number}" for number in range(8)}

    def test_a_new_version_of_a_layer_is_not_shared(self, client: Any) -> None:
        for _ in range(2):
            publish(client)
        allow(client, "*")
        with pytest.raises(ClientError) as error:
            client.get_layer_version_policy(LayerName="my-layer", VersionNumber=2)
        assert refusal(error)[0] == "ResourceNotFoundException"


class TestOtherAccounts:
    OTHER = "999999999999"

    @pytest.fixture
    def other(self, lambda_client: ClientFactory) -> Any:
        return lambda_client(account=self.OTHER)

    def denied(self, arn: str, action: str = "GetLayerVersion") -> tuple[str, str]:
        message = (
            f"User: arn:aws:iam::{self.OTHER}:root is not authorized to perform: lambda:{action} on resource: {arn} "
            f"because no resource-based policy allows the lambda:{action} action"
        )
        return "AccessDeniedException", message

    def test_a_layer_is_its_accounts_own(self, client: Any, other: Any) -> None:
        published = publish(client)
        layer, version = published["LayerArn"], published["LayerVersionArn"]
        attempts: list[Callable[[], Any]] = [
            lambda: other.get_layer_version(LayerName=layer, VersionNumber=1),
            lambda: other.get_layer_version_by_arn(Arn=version),
            lambda: create(other, Layers=[version]),
        ]
        for attempt in attempts:
            with pytest.raises(ClientError) as error:
                attempt()
            assert refusal(error) == self.denied(version)

    def test_whether_it_exists_is_not_told(self, client: Any, other: Any, account: str) -> None:
        missing = f"arn:aws:lambda:{REGION}:{account}:layer:missing:1"
        with pytest.raises(ClientError) as error:
            create(other, Layers=[missing])
        assert refusal(error) == self.denied(missing)

    @pytest.mark.parametrize("principal", ["*", OTHER, f"arn:aws:iam::{OTHER}:root"])
    def test_a_version_that_is_shared_can_be_used_and_not_changed(
        self, client: Any, other: Any, principal: str
    ) -> None:
        published = publish(client)
        layer, version = published["LayerArn"], published["LayerVersionArn"]
        allow(client, principal)
        assert other.get_layer_version(LayerName=layer, VersionNumber=1)["LayerVersionArn"] == version
        assert create(other, Layers=[version])["Layers"][0]["Arn"] == version
        of_version = {"LayerName": layer, "VersionNumber": 1}
        of_the_version: dict[str, Callable[[], Any]] = {
            "DeleteLayerVersion": lambda: other.delete_layer_version(**of_version),
            "GetLayerVersionPolicy": lambda: other.get_layer_version_policy(**of_version),
            "RemoveLayerVersionPermission": lambda: other.remove_layer_version_permission(
                **of_version, StatementId="s1"
            ),
            "AddLayerVersionPermission": lambda: allow(other, "*", layer, StatementId="s2"),
        }
        of_the_layer: dict[str, Callable[[], Any]] = {
            "PublishLayerVersion": lambda: publish(other, layer),
            "ListLayerVersions": lambda: other.list_layer_versions(LayerName=layer),
        }
        for arn, attempts in ((version, of_the_version), (layer, of_the_layer)):
            for action, attempt in attempts.items():
                with pytest.raises(ClientError) as error:
                    attempt()
                assert refusal(error) == self.denied(arn, action)

    def test_a_function_runs_with_a_layer_of_another_account_also_when_it_is_shared_no_more(
        self, client: Any, other: Any
    ) -> None:
        """Source: developer guide, "Granting layer access to other accounts"; api-errors.md §8 for the end of it."""
        published = publish(client, content=zip_of({"python/shared.py": "WORD = 'shared'"}))
        allow(client, self.OTHER)
        code = "import shared\ndef handler(event, context): return shared.WORD"
        create(other, Code={"ZipFile": package(code)}, Layers=[published["LayerVersionArn"]])
        settle(other)
        client.remove_layer_version_permission(LayerName="my-layer", VersionNumber=1, StatementId="s1")
        assert json.load(other.invoke(FunctionName="my-function")["Payload"]) == "shared"
        with pytest.raises(ClientError) as error:
            create(other, "another", Layers=[published["LayerVersionArn"]])
        assert refusal(error) == self.denied(published["LayerVersionArn"])

    @pytest.mark.parametrize("more", [{"principal": "888888888888"}, {"OrganizationId": "o-abc123defg"}])
    def test_a_version_that_is_shared_with_others_is_not_shared(
        self, client: Any, other: Any, more: dict[str, str]
    ) -> None:
        version = publish(client)["LayerVersionArn"]
        allow(client, **{"principal": "*", **more})
        with pytest.raises(ClientError) as error:
            create(other, Layers=[version])
        assert refusal(error) == self.denied(version)


class TestFunctions:
    def test_layers_are_shown_in_order_wherever_the_function_is(self, client: Any) -> None:
        published = [publish(client, name) for name in ("b", "a")]
        expected = [{"Arn": layer["LayerVersionArn"], "CodeSize": layer["Content"]["CodeSize"]} for layer in published]
        created = create(client, Layers=[layer["LayerVersionArn"] for layer in published])
        assert created["Layers"] == expected
        assert settle(client)["Layers"] == expected
        assert client.get_function(FunctionName="my-function")["Configuration"]["Layers"] == expected
        assert client.list_functions()["Functions"][0]["Layers"] == expected

    def test_layers_are_replaced_whole_and_taken_away_by_an_empty_list(self, client: Any) -> None:
        first, second = (publish(client, name)["LayerVersionArn"] for name in ("a", "b"))
        create(client, Layers=[first])
        settle(client)
        for request, expected in (
            ({"Layers": [second]}, [second]),
            ({"Description": "layers stay"}, [second]),
            ({"Layers": [second, first]}, [second, first]),
            ({"Layers": []}, None),
        ):
            client.update_function_configuration(FunctionName="my-function", **request)
            shown = settle(client).get("Layers")
            assert shown == expected or [layer["Arn"] for layer in shown] == expected
        assert "Layers" not in settle(client)

    def test_a_version_keeps_the_layers_that_it_was_published_with(self, client: Any) -> None:
        first, second = (publish(client, name)["LayerVersionArn"] for name in ("a", "b"))
        create(client, Layers=[first])
        settle(client)
        assert client.publish_version(FunctionName="my-function")["Layers"][0]["Arn"] == first
        client.update_function_configuration(FunctionName="my-function", Layers=[second])
        settle(client)
        assert client.publish_version(FunctionName="my-function")["Version"] == "2"
        shown = client.list_versions_by_function(FunctionName="my-function")["Versions"]
        assert [version["Layers"][0]["Arn"] for version in shown] == [second, first, second]

    def test_a_function_keeps_a_layer_version_that_is_deleted(self, client: Any) -> None:
        arn = publish(client)["LayerVersionArn"]
        create(client, Layers=[arn])
        settle(client)
        client.delete_layer_version(LayerName="my-layer", VersionNumber=1)
        client.update_function_code(FunctionName="my-function", ZipFile=package("other"))
        assert settle(client)["Layers"][0]["Arn"] == arn
        with pytest.raises(ClientError) as error:
            client.update_function_configuration(FunctionName="my-function", Layers=[arn])
        assert refusal(error) == ("InvalidParameterValueException", f"Layer version {arn} does not exist.")

    def test_code_and_layers_have_one_limit(self, client: Any) -> None:
        half = publish(client, "half", zeros(LIMIT // 2))["LayerVersionArn"]
        more = publish(client, "more", zeros(LIMIT // 2 + 1))["LayerVersionArn"]
        too_much = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        with pytest.raises(ClientError) as error:
            create(client, Layers=[half, more])
        assert refusal(error)[1] == "Layers consume more than the available size of 262144000 bytes"
        with pytest.raises(ClientError) as error:
            create(client, Layers=[half], Code={"ZipFile": zeros(LIMIT // 2 + 1)})
        assert refusal(error)[1] == too_much + f"The actual size is {LIMIT + 1} bytes."
        create(client, Code={"ZipFile": zeros(LIMIT // 2)})
        settle(client)
        with pytest.raises(ClientError) as error:
            client.update_function_configuration(FunctionName="my-function", Layers=[more])
        assert refusal(error)[1] == too_much + f"The actual size is {LIMIT + 1} bytes."
        client.update_function_configuration(FunctionName="my-function", Layers=[half])
        settle(client)
        with pytest.raises(ClientError) as error:
            client.update_function_code(FunctionName="my-function", ZipFile=zeros(LIMIT // 2 + 1))
        assert refusal(error)[1] == too_much + f"The actual size is {LIMIT + 1} bytes."

    @pytest.mark.parametrize("arn", ["arn:aws:lambda:::awslayer:X", "arn:aws:lambda:{region}:{account}:layer:l:0"])
    def test_a_layer_that_can_not_be_here_does_not_exist(self, client: Any, account: str, arn: str) -> None:
        arn = arn.format(region=REGION, account=account)
        with pytest.raises(ClientError) as error:
            create(client, Layers=[arn])
        assert refusal(error) == ("InvalidParameterValueException", f"Layer version {arn} does not exist.")

    def test_a_layer_for_other_runtimes_may_be_used_all_the_same(self, client: Any) -> None:
        layer = publish(client, CompatibleRuntimes=["ruby3.4"], CompatibleArchitectures=["arm64"])
        assert create(client, Layers=[layer["LayerVersionArn"]])["Layers"]

    def test_a_layer_that_is_deleted_while_functions_are_created_is_there_or_not(self, client: Any) -> None:
        """Either the function has it, and runs with it, or there is no function."""
        outcomes: list[str] = []

        def attempt(number: int) -> None:
            try:
                create(client, f"f{number}", Layers=[arn])
            except ClientError as error:
                outcomes.append(error.response["Error"]["Message"])
            else:
                outcomes.append(settle(client, f"f{number}")["State"])

        arn = publish(client)["LayerVersionArn"]
        with ThreadPoolExecutor(8) as threads:
            for number in range(8):
                threads.submit(attempt, number)
            client.delete_layer_version(LayerName="my-layer", VersionNumber=1)
        assert len(outcomes) == 8
        assert set(outcomes) <= {"Active", f"Layer version {arn} does not exist."}


class TestActivation:
    def test_a_layer_whose_archive_is_lost_fails_the_update_and_the_old_one_runs(
        self, control_plane: ControlPlane, control_client: Any
    ) -> None:
        create(control_client)
        settle(control_client)
        layer = publish(control_client, content=package("lost"))
        control_plane.lose_code(base64.b64decode(layer["Content"]["CodeSha256"]).hex())
        control_client.update_function_configuration(FunctionName="my-function", Layers=[layer["LayerVersionArn"]])
        while (shown := control_client.get_function_configuration(FunctionName="my-function"))[
            "LastUpdateStatus"
        ] == "InProgress":
            pass
        assert shown["LastUpdateStatus"] == "Failed"
        assert shown["State"] == "Active"
