"""Provisioned concurrency over the API: what may be configured, and what else it counts against.

Recorded answers are compared in test_golden_answers.py, invocations are in tests/invoke/test_provisioned.py; here is what
those don't show. Sources: api-errors.md §12, quotas.md §2.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, package, refusal, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane

pytestmark = pytest.mark.root

IPVE = "InvalidParameterValueException"
CONFLICT = "ResourceConflictException"


@pytest.fixture
def client(control_client: Any) -> Any:
    """Of a control plane where nothing runs, and so nothing is ever allocated."""
    yield control_client
    for function in control_client.list_functions()["Functions"]:
        control_client.delete_function(FunctionName=function["FunctionName"])


def published(client: Any, name: str = "my-function", versions: int = 1) -> None:
    create(client, name=name)
    settle(client, name)
    for number in range(versions):
        if number:
            client.update_function_code(FunctionName=name, ZipFile=package(f"# {number}"))
            settle(client, name)
        client.publish_version(FunctionName=name)


def put(client: Any, qualifier: str = "1", count: int = 1, name: str = "my-function") -> Any:
    return client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def requested(client: Any, name: str = "my-function") -> dict[str, int]:
    """What is requested, by qualifier."""
    configs = client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    return {
        config["FunctionArn"].rsplit(":", 1)[1]: config["RequestedProvisionedConcurrentExecutions"]
        for config in configs
    }


def unreserved(client: Any) -> int:
    return int(client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])


def refused(call: Any, *arguments: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(*arguments, **more)
    return refusal(error)


def test_a_config_is_replaced_listed_and_deleted(client: Any, account: str) -> None:
    published(client)
    put(client, count=3)
    put(client, count=5)
    (config,) = client.list_provisioned_concurrency_configs(FunctionName="my-function")["ProvisionedConcurrencyConfigs"]
    assert config["FunctionArn"] == f"arn:aws:lambda:eu-west-1:{account}:function:my-function:1"
    assert config["RequestedProvisionedConcurrentExecutions"] == 5
    assert config["Status"] == "IN_PROGRESS"
    client.delete_provisioned_concurrency_config(FunctionName="my-function", Qualifier="1")
    assert requested(client) == {}
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        client.get_provisioned_concurrency_config(FunctionName="my-function", Qualifier="1")


def test_the_qualifier_may_be_in_the_name(client: Any) -> None:
    published(client)
    put(client, name="my-function:1")
    assert refused(put, client, "2", 1, "my-function:1") == (
        IPVE,
        "The derived qualifier from the function name does not match the specified qualifier.",
    )
    assert requested(client) == {"1": 1}


def test_configs_are_listed_in_pages(client: Any) -> None:
    published(client, versions=3)
    for version in ("1", "2", "3"):
        put(client, version)
    pages = list(
        client.get_paginator("list_provisioned_concurrency_configs").paginate(
            FunctionName="my-function", PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["ProvisionedConcurrencyConfigs"]) for page in pages] == [2, 1]


def test_a_version_is_provisioned_once(client: Any) -> None:
    published(client)
    for name in ("blue", "green"):
        client.create_alias(FunctionName="my-function", Name=name, FunctionVersion="1")
    put(client, "blue")
    assert refused(put, client, "1") == (CONFLICT, "Version is pointed by a Provisioned Concurrency alias")
    twice = (
        CONFLICT,
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    assert refused(put, client, "green") == twice
    client.delete_provisioned_concurrency_config(FunctionName="my-function", Qualifier="blue")
    put(client, "1")
    assert refused(put, client, "blue") == twice
    assert requested(client) == {"1": 1}


def test_an_alias_with_weights_has_none(client: Any) -> None:
    published(client, versions=2)
    client.create_alias(
        FunctionName="my-function",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    assert refused(put, client, "live") == (IPVE, "Alias with weights can not be used with Provisioned Concurrency")
    client.create_alias(FunctionName="my-function", Name="latest", FunctionVersion="$LATEST")
    assert refused(put, client, "latest")[0] == IPVE


class TestAliasThatIsProvisioned:
    @pytest.fixture(autouse=True)
    def live(self, client: Any) -> None:
        """An alias of version 1 with provisioned concurrency."""
        published(client, versions=3)
        client.create_alias(FunctionName="my-function", Name="live", FunctionVersion="1")
        put(client, "live", 2)

    def update(self, client: Any, **change: Any) -> Any:
        return client.update_alias(FunctionName="my-function", Name="live", **change)

    def test_it_may_get_weights_and_is_left_alone_until_it_has_none(self, client: Any) -> None:
        """Source: developer guide, "Configuring provisioned concurrency"."""
        self.update(client, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
        assert requested(client) == {"live": 2}
        assert refused(put, client, "live", 3) == (
            IPVE,
            "Alias with weights can not be used with Provisioned Concurrency",
        )
        self.update(client, FunctionVersion="2", RoutingConfig={})
        put(client, "live", 3)
        assert requested(client) == {"live": 3}

    def test_it_is_never_pointed_at_the_unpublished_version(self, client: Any) -> None:
        """Source of the text: observed for another alias that can't be."""
        assert refused(self.update, client, FunctionVersion="$LATEST") == (
            IPVE,
            "Invalid alias configuration for Provisioned Concurrency",
        )
        assert client.get_alias(FunctionName="my-function", Name="live")["FunctionVersion"] == "1"
        client.delete_provisioned_concurrency_config(FunctionName="my-function", Qualifier="live")
        assert self.update(client, FunctionVersion="$LATEST")["FunctionVersion"] == "$LATEST"

    def test_it_is_never_pointed_at_a_version_that_is_provisioned_already(self, client: Any) -> None:
        """Source: developer guide, one config for a version; the text is unverified."""
        client.create_alias(FunctionName="my-function", Name="next", FunctionVersion="2")
        put(client, "next")
        put(client, "3")
        for version in ("2", "3"):
            assert refused(self.update, client, FunctionVersion=version) == (
                CONFLICT,
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
            )
        assert self.update(client, Description="stays")["FunctionVersion"] == "1"
        client.delete_provisioned_concurrency_config(FunctionName="my-function", Qualifier="next")
        assert self.update(client, FunctionVersion="2")["FunctionVersion"] == "2"

    def test_one_that_is_not_provisioned_may_be_pointed_anywhere(self, client: Any) -> None:
        client.create_alias(FunctionName="my-function", Name="other", FunctionVersion="2")
        for version in ("1", "$LATEST"):
            moved = client.update_alias(FunctionName="my-function", Name="other", FunctionVersion=version)
            assert moved["FunctionVersion"] == version


@pytest.mark.parametrize("qualifier", ["9", "nobody", "$nobody"])
def test_the_version_or_alias_must_be_there(client: Any, account: str, qualifier: str) -> None:
    published(client)
    arn = f"arn:aws:lambda:eu-west-1:{account}:function:my-function:{qualifier}"
    text = f"Cannot find alias arn: {arn}" if qualifier == "nobody" else f"Function not found: {arn}"
    expected = ("ResourceNotFoundException", text)
    assert refused(put, client, qualifier) == expected
    for operation in (client.get_provisioned_concurrency_config, client.delete_provisioned_concurrency_config):
        assert refused(operation, FunctionName="my-function", Qualifier=qualifier) == expected


def test_a_config_ends_with_its_version_its_alias_or_its_function(client: Any) -> None:
    published(client, versions=2)
    client.create_alias(FunctionName="my-function", Name="live", FunctionVersion="2")
    put(client, "1", 2)
    put(client, "live", 3)
    assert unreserved(client) == 995
    client.delete_function(FunctionName="my-function", Qualifier="1")
    assert requested(client) == {"live": 3}
    client.delete_alias(FunctionName="my-function", Name="live")
    assert requested(client) == {}
    put(client, "2", 4)
    client.delete_function(FunctionName="my-function")
    assert unreserved(client) == 1000
    published(client)
    assert requested(client) == {}


def test_provisioned_concurrency_is_taken_from_the_account(client: Any) -> None:
    published(client)
    published(client, "other")
    put(client, count=600)
    assert unreserved(client) == 400
    over = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [400]."
    assert refused(put, client, "1", 401, "other") == (IPVE, over)
    below = (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
        "value of [100]."
    )
    assert refused(put, client, "1", 301, "other") == (IPVE, below)
    put(client, "1", 300, "other")
    put(client, count=500)
    put(client, count=600)
    assert unreserved(client) == 100
    reserved_below = below.replace("ConcurrentExecutions", "ReservedConcurrentExecutions", 1)
    assert refused(client.put_function_concurrency, FunctionName="other", ReservedConcurrentExecutions=301) == (
        IPVE,
        reserved_below,
    )


def test_provisioned_concurrency_is_a_part_of_the_reservation(client: Any) -> None:
    published(client, versions=2)
    client.put_function_concurrency(FunctionName="my-function", ReservedConcurrentExecutions=5)
    put(client, "1", 3)
    over = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    assert refused(put, client, "2", 3) == (IPVE, over)
    assert refused(put, client, "1", 6) == (IPVE, over)
    put(client, "2", 2)
    assert unreserved(client) == 995
    too_low = " ReservedConcurrentExecutions  4 should not be lower than function's total provisioned concurrency [5]."
    assert refused(client.put_function_concurrency, FunctionName="my-function", ReservedConcurrentExecutions=4) == (
        IPVE,
        too_low,
    )
    client.delete_function_concurrency(FunctionName="my-function")
    assert unreserved(client) == 995


def test_a_reservation_may_hold_what_is_provisioned_already(client: Any) -> None:
    published(client)
    put(client, count=900)
    client.put_function_concurrency(FunctionName="my-function", ReservedConcurrentExecutions=900)
    assert unreserved(client) == 100


def test_many_writers_never_take_more_than_there_is(client: Any, lambda_client: ClientFactory) -> None:
    """Reservations and provisioned concurrency are decided in one unit of work."""
    names = [f"f{number}" for number in range(6)]
    for name in names:
        published(client, name)

    def take(name: str) -> bool:
        try:
            if name in names[:3]:
                put(client, "1", 250, name)
            else:
                client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=250)
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(take, names))
    assert sum(taken) == 3
    assert unreserved(client) == 250


def test_accounts_and_regions_have_their_own(
    client: Any, lambda_client: ClientFactory, control_plane: ControlPlane
) -> None:
    published(client)
    put(client, count=7)
    for stranger in (
        lambda_client(account="999999999998", url=control_plane.url),
        lambda_client(region="us-west-2", url=control_plane.url),
    ):
        published(stranger)
        assert requested(stranger) == {}
        assert unreserved(stranger) == 1000
        stranger.delete_function(FunctionName="my-function")


def test_a_function_with_tenants_has_none(client: Any) -> None:
    create(client, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})
    settle(client)
    client.publish_version(FunctionName="my-function")
    assert refused(put, client)[0] == IPVE
    assert requested(client) == {}


def test_a_list_takes_whole_functions_only(client: Any) -> None:
    published(client)
    assert refused(client.list_provisioned_concurrency_configs, FunctionName="my-function:1")[0] == IPVE
