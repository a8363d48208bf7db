"""Functions, versions, concurrency and tags through boto3, on a real server."""

import base64
import hashlib
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import PATIENTLY, call, create, package, refusal, send, settle
from tests.api.conftest import ClientFactory
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root


class TestLifeOfAVersion:
    def test_each_step_gives_a_new_revision(self, client: Any) -> None:
        created = create(client)
        active = settle(client)
        updated = client.update_function_configuration(FunctionName="my-function", Timeout=10)
        settled = settle(client)
        revisions = [one["RevisionId"] for one in (created, active, updated, settled)]
        assert len(set(revisions)) == 4
        assert (settled["State"], settled["LastUpdateStatus"], settled["Timeout"]) == ("Active", "Successful", 10)


class TestCreate:
    def test_publish_makes_version_1_active_too(self, client: Any) -> None:
        assert create(client, Publish=True)["Version"] == "1"
        client.get_waiter("published_version_active").wait(
            FunctionName="my-function", Qualifier="1", WaiterConfig=PATIENTLY
        )
        settle(client)
        assert [one["Version"] for one in client.list_versions_by_function(FunctionName="my-function")["Versions"]] == [
            "$LATEST",
            "1",
        ]

    def test_a_name_is_taken_once(self, client: Any) -> None:
        create(client)
        with pytest.raises(ClientError) as error:
            create(client)
        assert refusal(error) == ("ResourceConflictException", "Function already exist: my-function")

    def test_of_many_at_once_one_gets_the_name(self, client: Any) -> None:
        def attempt(_: int) -> int:
            try:
                return int(create(client)["ResponseMetadata"]["HTTPStatusCode"])
            except ClientError as error:
                return int(error.response["ResponseMetadata"]["HTTPStatusCode"])

        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(attempt, range(8))) == [201] + [409] * 7

    def test_accounts_and_regions_do_not_see_each_other(self, lambda_client: ClientFactory, client: Any) -> None:
        create(client)
        for other in (lambda_client(account="999999999999"), lambda_client(region="us-east-1")):
            assert other.list_functions()["Functions"] == []
            with pytest.raises(ClientError) as error:
                other.get_function(FunctionName="my-function")
            assert refusal(error)[0] == "ResourceNotFoundException"

    @pytest.mark.parametrize(
        ("request_part", "text"),
        [
            ({"Runtime": "java8"}, "The runtime parameter of java8 is no longer supported"),
            ({"Runtime": "java21"}, "Runtime java21 is not available on this host: "),
            ({"Architectures": ["arm64"]}, "Architectures: arm64 functions can't run on this host, which is x86_64"),
            ({"Handler": None}, "Runtime and Handler are mandatory parameters"),
            ({"Code": {}}, "Please provide a source for function code."),
            ({"MemorySize": 10241}, "Member must have value less than or equal to 10240"),
            (
                {"Environment": {"Variables": {"AWS_REGION": "x", "AB": "", "TZ": "", "LAMBDA_TASK_ROOT": "y"}}},
                ": AWS_REGION, LAMBDA_TASK_ROOT",
            ),
            ({"LoggingConfig": {"ApplicationLogLevel": "DEBUG"}}, "LogLevel is not supported when LogFormat is set to"),
        ],
    )
    def test_what_cannot_be_is_refused(self, client: Any, request_part: dict[str, Any], text: str) -> None:
        with pytest.raises(ClientError) as error:
            create(client, **request_part)
        assert refusal(error)[0] == "InvalidParameterValueException"
        assert text in refusal(error)[1]
        assert client.list_functions()["Functions"] == []

    @pytest.mark.parametrize(
        ("request_part", "path"),
        [({"Timeout": 901}, "'timeout'"), ({"EphemeralStorage": {"Size": 10241}}, "'ephemeralStorage.size'")],
    )
    def test_more_than_a_function_may_have_is_a_validation_error(
        self, client: Any, request_part: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(ClientError) as error:
            create(client, **request_part)
        assert refusal(error)[0] == "ValidationException"
        assert path in refusal(error)[1]

    def test_what_infrastructure_tools_always_send_is_accepted(self, client: Any) -> None:
        create(
            client,
            Layers=[],
            VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
            SnapStart={"ApplyOn": "None"},
            TracingConfig={"Mode": "PassThrough"},
            PackageType="Zip",
            KMSKeyArn="",
            FileSystemConfigs=[],
            DeadLetterConfig={"TargetArn": ""},
        )
        assert settle(client)["State"] == "Active"


class TestUpdate:
    def test_another_revision_is_refused(self, client: Any) -> None:
        create(client)
        revision = settle(client)["RevisionId"]
        client.update_function_configuration(FunctionName="my-function", Timeout=4, RevisionId=revision)
        settle(client)
        text = (
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
        for operation, more in (
            (client.update_function_configuration, {}),
            (client.update_function_code, {"ZipFile": package()}),
        ):
            with pytest.raises(ClientError) as error:
                operation(FunctionName="my-function", RevisionId=revision, **more)
            assert refusal(error) == ("PreconditionFailedException", text)

    def test_a_function_cannot_be_given_a_runtime_that_is_blocked(self, client: Any) -> None:
        create(client)
        settle(client)
        with pytest.raises(ClientError, match=r"nodejs12\.x is no longer supported for creating or updating"):
            client.update_function_configuration(FunctionName="my-function", Runtime="nodejs12.x")

    def test_a_dry_run_shows_what_would_be_and_changes_nothing(self, client: Any) -> None:
        create(client)
        before = settle(client)
        new = package("other")
        shown = client.update_function_code(FunctionName="my-function", ZipFile=new, DryRun=True)
        assert shown["CodeSha256"] == base64.b64encode(hashlib.sha256(new).digest()).decode()
        after = client.get_function_configuration(FunctionName="my-function")
        del before["ResponseMetadata"], after["ResponseMetadata"]
        assert after == before

    def test_json_logging_has_levels_and_text_has_none(self, client: Any) -> None:
        create(client, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
        settle(client)

        def change(**logging: str) -> Any:
            client.update_function_configuration(FunctionName="my-function", LoggingConfig=logging)
            return settle(client)["LoggingConfig"]

        assert change(LogGroup="mine") == {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "WARN",
            "SystemLogLevel": "INFO",
            "LogGroup": "mine",
        }
        assert change(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "mine"}

    def test_an_environment_is_replaced_whole(self, client: Any) -> None:
        create(client, Environment={"Variables": {"AA": "1", "BB": "2"}})
        settle(client)
        client.update_function_configuration(FunctionName="my-function", Environment={"Variables": {"CC": "3"}})
        assert settle(client)["Environment"] == {"Variables": {"CC": "3"}}

    def test_arguments_are_checked_before_existence(self, client: Any) -> None:
        too_much = {"Variables": {"KEY": 4096 * "x"}}
        with pytest.raises(ClientError, match="4KB"):
            client.update_function_configuration(FunctionName="missing", Environment=too_much)

    def test_an_image_for_a_zip_function_is_refused(self, client: Any) -> None:
        create(client)
        settle(client)
        with pytest.raises(ClientError) as error:
            client.update_function_code(FunctionName="my-function", ImageUri="repository:tag")
        assert refusal(error)[1] == "Please don't provide ImageUri when updating a function with packageType Zip."

    def test_publishing_unchanged_code_makes_no_version(self, client: Any) -> None:
        create(client)
        settle(client)
        client.publish_version(FunctionName="my-function")
        same = client.update_function_code(FunctionName="my-function", ZipFile=package(), Publish=True)
        assert same["Version"] == "1"
        assert same["State"] == "Active"


class TestRaces:
    """Eight callers at once: each is answered as if they had come one after the other."""

    def test_updates_with_the_same_revision_are_carried_out_once(self, client: Any) -> None:
        create(client)
        revision = settle(client)["RevisionId"]

        def attempt(number: int) -> str:
            try:
                client.update_function_configuration(
                    FunctionName="my-function", Timeout=number + 1, RevisionId=revision
                )
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return "done"

        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(attempt, range(8))) == ["PreconditionFailedException"] * 7 + ["done"]

    def test_publishing_makes_one_version(self, client: Any) -> None:
        create(client)
        settle(client)
        with ThreadPoolExecutor(8) as threads:
            published = threads.map(lambda _: client.publish_version(FunctionName="my-function"), range(8))
            assert {(one["Version"], one["State"]) for one in published} == {("1", "Active")}

    def test_reservations_never_exceed_what_can_be_reserved(self, client: Any) -> None:
        names = [f"function-{number}" for number in range(8)]
        for name in names:
            create(client, name)

        def attempt(name: str) -> int:
            try:
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=300)
            except ClientError:
                return 0
            return 300

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(attempt, names)) == 900
        assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100


class TestDelete:
    @pytest.mark.parametrize(
        ("qualifier", "text"),
        [
            ("$LATEST", "$LATEST version cannot be deleted without deleting the function."),
            ("an-alias", "Deletion of aliases is not currently supported."),
        ],
    )
    def test_only_published_versions_can_be_deleted_by_qualifier(self, client: Any, qualifier: str, text: str) -> None:
        with pytest.raises(ClientError) as error:
            client.delete_function(FunctionName="missing", Qualifier=qualifier)
        assert refusal(error) == ("InvalidParameterValueException", text)

    @pytest.mark.parametrize("qualifier", ["7", "01", "9" * 100])
    def test_a_version_that_is_not_there_is_no_error(self, client: Any, qualifier: str) -> None:
        create(client, Publish=True)
        assert call(client, "DeleteFunction", {"FunctionName": "my-function", "Qualifier": qualifier}).status == 204
        assert len(client.list_versions_by_function(FunctionName="my-function")["Versions"]) == 2

    def test_a_function_goes_with_its_versions_and_reservation(self, client: Any) -> None:
        create(client, Publish=True)
        settle(client)
        client.put_function_concurrency(FunctionName="my-function", ReservedConcurrentExecutions=0)
        client.delete_function(FunctionName="my-function")
        assert client.get_account_settings()["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
        with pytest.raises(ClientError, match=r"Function not found: .*:my-function:\$LATEST"):
            client.invoke(FunctionName="my-function")
        create(client)
        settle(client)
        assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="my-function")
        assert client.invoke(FunctionName="my-function", Payload=b"1")["Payload"].read() == b"1"

    def test_a_name_that_was_freed_begins_anew(self, client: Any) -> None:
        create(client, Publish=True)
        settle(client)
        client.delete_function(FunctionName="my-function")
        assert create(client, Publish=True)["Version"] == "1"


class TestLists:
    def test_pages_have_every_function_once(self, client: Any) -> None:
        names = sorted(f"function-{number}" for number in range(7))
        for name in names:
            create(client, name)
        paginator = client.get_paginator("list_functions")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": 3}))
        assert [len(page["Functions"]) for page in pages] == [3, 3, 1]
        assert [one["FunctionName"] for page in pages for one in page["Functions"]] == names

    def test_pages_of_versions_ascend(self, client: Any) -> None:
        create(client)
        settle(client)
        for number in range(3):
            client.update_function_configuration(FunctionName="my-function", Description=str(number))
            settle(client)
            client.publish_version(FunctionName="my-function")
        pages = client.get_paginator("list_versions_by_function").paginate(
            FunctionName="my-function", PaginationConfig={"PageSize": 2}
        )
        assert [one["Version"] for page in pages for one in page["Versions"]] == ["$LATEST", "1", "2", "3"]
        everything = client.list_functions(FunctionVersion="ALL", MaxItems=2)
        assert [one["Version"] for one in everything["Functions"]] == ["$LATEST", "1"]

    def test_no_function_is_a_replica_of_another_region(self, client: Any) -> None:
        create(client)
        assert client.list_functions(MasterRegion="us-west-2", FunctionVersion="ALL")["Functions"] == []
        assert len(client.list_functions(MasterRegion="ALL", FunctionVersion="ALL")["Functions"]) == 1

    @pytest.mark.parametrize("marker", ["nonsense", base64.b64encode(b'["a"]').decode(), "bnVsbA=="])
    def test_a_marker_of_something_else_is_refused(self, client: Any, marker: str) -> None:
        with pytest.raises(ClientError) as error:
            client.list_functions(Marker=marker)
        assert refusal(error) == ("InvalidParameterValueException", "Invalid Marker.")


class TestCodeLink:
    def test_it_downloads_the_package_without_credentials(self, client: Any) -> None:
        create(client, Code={"ZipFile": package("to download")})
        link = client.get_function(FunctionName="my-function")["Code"]["Location"]
        with urllib.request.urlopen(link) as answer:
            assert answer.headers["Content-Type"] == "application/zip"
            assert answer.read() == package("to download")

    def test_it_ends_with_the_code(self, client: Any, lambent: LambentServer) -> None:
        create(client, Code={"ZipFile": package("to delete")})
        link = settle(client) and client.get_function(FunctionName="my-function")["Code"]["Location"]
        digest = hashlib.sha256(package("to delete")).hexdigest()
        (lambent.data_directory / "packages" / digest[:2] / digest).unlink()
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(link)
        assert error.value.code == 404
        error.value.close()

    @pytest.mark.parametrize(
        ("pattern", "replacement"),
        [(r"Expires=\d", "Expires=9"), ("Signature=..", "Signature=zz"), (r"\?.*", ""), (r"code/...", "code/000")],
    )
    def test_a_changed_link_opens_nothing(self, client: Any, pattern: str, replacement: str) -> None:
        create(client)
        link = client.get_function(FunctionName="my-function")["Code"]["Location"]
        changed = re.sub(pattern, replacement, link)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(changed)
        assert error.value.code == 403
        error.value.close()


class TestConcurrency:
    def test_reservations_together_leave_a_hundred_unreserved(self, client: Any) -> None:
        create(client, "one")
        create(client, "two")
        client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=500)
        with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
            client.put_function_concurrency(FunctionName="two", ReservedConcurrentExecutions=401)
        client.put_function_concurrency(FunctionName="two", ReservedConcurrentExecutions=400)
        client.put_function_concurrency(FunctionName="one", ReservedConcurrentExecutions=400)
        assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 200
        assert client.get_function(FunctionName="one")["Concurrency"] == {"ReservedConcurrentExecutions": 400}


class TestTags:
    def test_a_new_function_has_the_tags_it_was_created_with(self, client: Any, account: str) -> None:
        arn = create(client, Tags={"key": "value"})["FunctionArn"]
        assert client.list_tags(Resource=arn)["Tags"] == {"key": "value"}
        assert client.get_function(FunctionName="my-function")["Tags"] == {"key": "value"}

    def test_versions_have_no_tags(self, client: Any) -> None:
        arn = create(client, Publish=True)["FunctionArn"]
        with pytest.raises(ClientError, match="Tags on function aliases and versions are not supported"):
            client.list_tags(Resource=f"{arn}:1")


class TestErrors:
    def test_every_answer_carries_a_request_id(self, client: Any) -> None:
        for operation, request in (("ListFunctions", {}), ("GetFunction", {"FunctionName": "missing"})):
            assert re.fullmatch(r"[0-9a-f-]{36}", call(client, operation, request).headers["x-amzn-requestid"])

    def test_a_path_of_no_operation_is_not_found(self, lambent: LambentServer, account: str) -> None:
        answer = send(lambent.url, "GET", "/nothing", account=account)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
