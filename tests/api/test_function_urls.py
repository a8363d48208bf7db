"""Function URLs through boto3: their addresses, CORS settings and life; what was recorded is in situations_urls.py.

Source of the expected answers: api-errors.md section 10, where nothing else is said.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import call, create, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME = "my-function"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["date", "keep-alive"],
    "AllowMethods": ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"],
    "AllowOrigins": ["https://example.com", "http://localhost:8080"],
    "ExposeHeaders": ["date"],
    "MaxAge": 86400,
}
GONE = ("ResourceNotFoundException", "The resource you requested does not exist.")


@pytest.fixture
def client(control_client: Any) -> Iterator[Any]:
    """A function with an alias, `live`."""
    create(control_client)
    settle(control_client)
    control_client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="$LATEST")
    yield control_client
    control_client.delete_function(FunctionName=NAME)


def add(client: Any, **more: Any) -> Any:
    return client.create_function_url_config(**{"FunctionName": NAME, "AuthType": "NONE", **more})


def get(client: Any, **more: Any) -> Any:
    shown = client.get_function_url_config(FunctionName=NAME, **more)
    del shown["ResponseMetadata"]
    return shown


def arns(client: Any, **more: Any) -> list[str]:
    shown = client.list_function_url_configs(FunctionName=NAME, **more)["FunctionUrlConfigs"]
    return [config["FunctionArn"].partition(":function:")[2] for config in shown]


class TestAddress:
    def test_it_is_a_host_of_its_own_on_this_servers_port(self, client: Any, control_plane: ControlPlane) -> None:
        """Source: AWS's form of the host, with another domain."""
        url = add(client)["FunctionUrl"]
        port = urlsplit(control_plane.url).port
        assert re.fullmatch(rf"http://[a-z0-9]{{32}}\.lambda-url\.{REGION}\.localhost:{port}/", url)
        assert 40 <= len(url) <= 100, "the API model's limits"

    def test_it_stays_while_the_url_is_there(self, client: Any) -> None:
        url = add(client)["FunctionUrl"]
        updated = client.update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM")
        assert {url} == {updated["FunctionUrl"], get(client)["FunctionUrl"]}

    def test_a_url_that_is_made_again_is_another_one(self, client: Any) -> None:
        first = add(client)["FunctionUrl"]
        client.delete_function_url_config(FunctionName=NAME)
        assert add(client)["FunctionUrl"] != first


class TestTimes:
    def test_they_have_six_digits_of_a_second(self, client: Any) -> None:
        created = add(client)
        assert TIME.fullmatch(created["CreationTime"])
        shown = get(client)
        assert shown["LastModifiedTime"] == shown["CreationTime"] == created["CreationTime"]

    def test_an_update_moves_one_of_them(self, client: Any) -> None:
        created = add(client)
        updated = client.update_function_url_config(FunctionName=NAME)
        assert updated["CreationTime"] == created["CreationTime"]
        assert TIME.fullmatch(updated["LastModifiedTime"])
        assert updated["LastModifiedTime"] >= created["CreationTime"]


class TestCors:
    def test_it_is_shown_as_it_was_sent(self, client: Any) -> None:
        assert add(client, Cors=CORS)["Cors"] == CORS
        assert get(client)["Cors"] == CORS
        [listed] = client.list_function_url_configs(FunctionName=NAME)["FunctionUrlConfigs"]
        assert listed["Cors"] == CORS

    def test_an_update_replaces_it_whole(self, client: Any) -> None:
        add(client, Cors=CORS)
        changed = client.update_function_url_config(FunctionName=NAME, Cors={"AllowOrigins": ["*"], "MaxAge": 0})
        assert changed["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 0}

    def test_an_update_without_it_leaves_it(self, client: Any) -> None:
        add(client, Cors=CORS)
        assert client.update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM")["Cors"] == CORS

    def test_an_empty_one_takes_it_away(self, client: Any) -> None:
        """Terraform's provider sends this for a `cors` block that was removed. Source: unverified."""
        add(client, Cors=CORS)
        assert "Cors" not in client.update_function_url_config(FunctionName=NAME, Cors={})
        assert "Cors" not in get(client)

    @pytest.mark.parametrize("cors", [{"AllowOrigins": []}, {"AllowMethods": ["*"]}, {**CORS, "AllowOrigins": []}])
    def test_it_takes_an_origin(self, client: Any, cors: dict[str, Any]) -> None:
        """Source: observed."""
        with pytest.raises(ClientError) as error:
            add(client, Cors=cors)
        assert refusal(error) == (
            "InvalidParameterValueException",
            "You can't leave AllowOrigins as empty when Cors is enabled.",
        )
        assert arns(client) == []

    def test_some_methods_cannot_be_allowed(self, client: Any) -> None:
        with pytest.raises(ClientError) as error:
            add(client, Cors={"AllowOrigins": ["*"], "AllowMethods": ["GET", "TRACE"]})
        assert refusal(error)[0] == "InvalidParameterValueException"

    def test_options_is_too_long_a_method(self, client: Any) -> None:
        """Source: the API model, and AWS's documentation: preflight requests are answered by Lambda itself."""
        with pytest.raises(ClientError) as error:
            add(client, Cors={"AllowOrigins": ["*"], "AllowMethods": ["OPTIONS"]})
        code, text = refusal(error)
        assert code == "ValidationException"
        assert text.startswith("1 validation error detected: Value '[OPTIONS]' at 'cors.allowMethods'")

    def test_a_refused_update_changes_nothing(self, client: Any) -> None:
        add(client, Cors=CORS)
        before = get(client)
        with pytest.raises(ClientError):
            client.update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM", Cors={"AllowOrigins": []})
        assert get(client) == before


class TestOfFunctionAndAlias:
    def test_each_has_one_of_its_own(self, client: Any) -> None:
        function, alias = add(client), add(client, Qualifier="live", AuthType="AWS_IAM")
        assert function["FunctionUrl"] != alias["FunctionUrl"]
        assert get(client)["AuthType"] == "NONE"
        assert get(client, Qualifier="live")["AuthType"] == "AWS_IAM"
        client.delete_function_url_config(FunctionName=NAME)
        assert arns(client) == [f"{NAME}:live"]

    def test_the_alias_may_be_in_the_name(self, client: Any) -> None:
        add(client, FunctionName=f"{NAME}:live")
        assert arns(client) == [f"{NAME}:live"]

    @pytest.mark.parametrize(("qualifier", "arn"), [({}, NAME), ({"Qualifier": "live"}, f"{NAME}:live")])
    def test_there_is_no_second_one(self, client: Any, qualifier: dict[str, str], arn: str, account: str) -> None:
        add(client, **qualifier)
        with pytest.raises(ClientError) as error:
            add(client, **qualifier)
        assert refusal(error) == (
            "ResourceConflictException",
            (
                f"Failed to create function url config for [functionArn = arn:aws:lambda:{REGION}:{account}:function:{arn}]"
                ". Error message:  FunctionUrlConfig exists for this Lambda function"
            ),
        )

    def test_of_many_at_once_one_is_made(self, client: Any, lambda_client: ClientFactory) -> None:
        request = {"FunctionName": NAME, "AuthType": "NONE"}
        with ThreadPoolExecutor(8) as threads:
            clients = [lambda_client(url=client.meta.endpoint_url) for _ in range(8)]
            answers = list(threads.map(lambda one: call(one, "CreateFunctionUrlConfig", request).status, clients))
        assert sorted(answers) == [201, *7 * [409]]

    def test_they_are_listed_in_pages_that_of_the_function_first(self, client: Any) -> None:
        for name in ("beta", "alpha"):
            client.create_alias(FunctionName=NAME, Name=name, FunctionVersion="$LATEST")
        add(client)
        for name in ("live", "beta", "alpha"):
            add(client, Qualifier=name)
        pages = client.get_paginator("list_function_url_configs").paginate(
            FunctionName=NAME, PaginationConfig={"PageSize": 1}
        )
        seen = [config["FunctionArn"].rpartition(":")[2] for page in pages for config in page["FunctionUrlConfigs"]]
        assert seen == [NAME, "alpha", "beta", "live"]

    @pytest.mark.parametrize("missing", ["missing", "missing:live", f"{NAME}:missing"])
    def test_the_list_of_what_is_missing(self, client: Any, missing: str) -> None:
        with pytest.raises(ClientError) as error:
            client.list_function_url_configs(FunctionName=missing)
        assert refusal(error) == ("ResourceNotFoundException", "Function does not exist")

    def test_the_list_of_an_alias_is_the_functions(self, client: Any) -> None:
        """Source: unverified."""
        add(client)
        add(client, Qualifier="live")
        assert len(client.list_function_url_configs(FunctionName=f"{NAME}:live")["FunctionUrlConfigs"]) == 2

    def test_a_function_with_tenants_has_none(self, client: Any) -> None:
        """Source: developer guide, "Tenant isolation"; the text is unverified. Tenancy is settled at creation."""
        create(client, "tenants", TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
        settle(client, "tenants")
        client.create_alias(FunctionName="tenants", Name="live", FunctionVersion="$LATEST")
        for qualifier in ({}, {"Qualifier": "live"}):
            with pytest.raises(ClientError) as error:
                add(client, FunctionName="tenants", **qualifier)
            assert refusal(error) == (
                "InvalidParameterValueException",
                "Function URLs are not supported for functions with tenant isolation.",
            )
        assert client.list_function_url_configs(FunctionName="tenants")["FunctionUrlConfigs"] == []

    def test_another_account_has_none(self, client: Any, lambda_client: ClientFactory) -> None:
        add(client)
        other = lambda_client(account="999999999999", url=client.meta.endpoint_url)
        with pytest.raises(ClientError) as error:
            other.get_function_url_config(FunctionName=NAME)
        assert refusal(error) == GONE


class TestTheEnd:
    def test_it_goes_with_its_alias(self, client: Any) -> None:
        add(client, Qualifier="live")
        client.delete_alias(FunctionName=NAME, Name="live")
        assert arns(client) == []
        client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="$LATEST")
        with pytest.raises(ClientError) as error:
            get(client, Qualifier="live")
        assert refusal(error) == GONE

    def test_it_goes_with_its_function(self, client: Any) -> None:
        add(client)
        client.delete_function(FunctionName=NAME)
        create(client)
        assert arns(client) == []

    def test_publishing_makes_none(self, client: Any) -> None:
        """Source: api-errors.md section 6."""
        add(client)
        client.publish_version(FunctionName=NAME)
        assert arns(client) == [NAME]
