"""Event invoke configurations through boto3; what was recorded is in situations_event_invoke.py.

What they do to events is in tests/invoke/test_event_invoke_configs.py. Source of the expected answers: api-errors.md
section 11, where nothing else is said.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.clock import Clock
from tests.api.calls import create, refusal, settle
from tests.api.conftest import ClientFactory
from tests.lambent_server import REGION

pytestmark = pytest.mark.root

NAME, OTHER = "my-function", "other-function"
NOTHING_ASKED = (
    "InvalidParameterValueException",
    "You must specify at least one of error handling or destination setting.",
)
NO_FUNCTION = ("ResourceNotFoundException", "The function doesn't exist.")


@pytest.fixture
def client(control_client: Any) -> Iterator[Any]:
    """A function with version 1 and alias `live`, and another one."""
    for name in (NAME, OTHER):
        create(control_client, name)
        settle(control_client, name)
    control_client.publish_version(FunctionName=NAME)
    control_client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    yield control_client
    for name in (NAME, OTHER):
        control_client.delete_function(FunctionName=name)


@pytest.fixture
def prefix(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:"


def put(client: Any, **more: Any) -> Any:
    return client.put_function_event_invoke_config(**{"FunctionName": NAME, **more})


def update(client: Any, **more: Any) -> Any:
    return client.update_function_event_invoke_config(**{"FunctionName": NAME, **more})


def get(client: Any, **more: Any) -> Any:
    shown = client.get_function_event_invoke_config(FunctionName=NAME, **more)
    del shown["ResponseMetadata"]
    return shown


def listed(client: Any) -> list[str]:
    shown = client.list_function_event_invoke_configs(FunctionName=NAME)["FunctionEventInvokeConfigs"]
    return [config["FunctionArn"].rpartition(":")[2] for config in shown]


def to(success: str | None = None, failure: str | None = None) -> dict[str, Any]:
    given = {"OnSuccess": success, "OnFailure": failure}
    return {outcome: {"Destination": arn} for outcome, arn in given.items() if arn is not None}


class TestSettings:
    def test_put_replaces_and_update_merges(self, client: Any, account: str) -> None:
        queue = f"arn:aws:sqs:{REGION}:{account}:q"
        put(client, MaximumRetryAttempts=0, DestinationConfig=to(failure=queue))
        merged = update(client, MaximumEventAgeInSeconds=60)
        assert (merged["MaximumRetryAttempts"], merged["MaximumEventAgeInSeconds"]) == (0, 60)
        assert merged["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": queue}}
        replaced = put(client, MaximumRetryAttempts=1)
        assert "MaximumEventAgeInSeconds" not in replaced
        assert replaced["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}

    def test_the_time_is_that_of_the_last_change(self, client: Any) -> None:
        before_ms = Clock().now_ms()
        put(client, MaximumRetryAttempts=0)
        first = get(client)["LastModified"]
        assert before_ms <= round(first.timestamp() * 1_000) <= Clock().now_ms()
        assert update(client, MaximumRetryAttempts=1)["LastModified"] >= first

    def test_each_qualifier_has_its_own(self, client: Any) -> None:
        put(client, MaximumRetryAttempts=0)
        put(client, MaximumRetryAttempts=1, Qualifier="1")
        put(client, MaximumRetryAttempts=2, FunctionName=f"{NAME}:live")
        assert listed(client) == ["$LATEST", "1", "live"]
        retries = [get(client, Qualifier=qualifier)["MaximumRetryAttempts"] for qualifier in ("$LATEST", "1", "live")]
        assert retries == [0, 1, 2]

    def test_they_are_listed_in_pages(self, client: Any) -> None:
        for qualifier in ("$LATEST", "1", "live"):
            put(client, MaximumRetryAttempts=0, Qualifier=qualifier)
        pages = client.get_paginator("list_function_event_invoke_configs").paginate(
            FunctionName=NAME, PaginationConfig={"PageSize": 2}
        )
        assert [len(page["FunctionEventInvokeConfigs"]) for page in pages] == [2, 1]

    @pytest.mark.parametrize(
        "settings",
        [{"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 59}, {"MaximumEventAgeInSeconds": 21601}],
    )
    def test_their_ranges_are_the_models(self, client: Any, settings: dict[str, int]) -> None:
        with pytest.raises(ClientError) as error:
            put(client, **settings)
        assert refusal(error)[0] == "ValidationException"
        assert listed(client) == []


class TestDestinations:
    @pytest.mark.parametrize("arn", ["arn:aws:sqs:{}:{}:q", "arn:aws:sns:{}:{}:t", "arn:aws:events:{}:{}:event-bus/b"])
    def test_a_queue_a_topic_and_a_bus_may_be_one(self, client: Any, account: str, arn: str) -> None:
        there = arn.format(REGION, account)
        shown = put(client, DestinationConfig=to(there, there))
        assert shown["DestinationConfig"] == to(there, there)
        assert get(client)["DestinationConfig"] == to(there, there)

    def test_a_bucket_takes_failures_only(self, client: Any) -> None:
        """Source: developer guide, "Capturing records of Lambda asynchronous invocations"."""
        put(client, DestinationConfig=to(failure="arn:aws:s3:::b"))
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(success="arn:aws:s3:::b"))
        assert refusal(error) == (
            "InvalidParameterValueException",
            (
                "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::b), "
                "onFailure=null) is invalid."
            ),
        )

    def test_a_function_may_be_one_and_its_alias(self, client: Any, prefix: str) -> None:
        client.create_alias(FunctionName=OTHER, Name="live", FunctionVersion="$LATEST")
        put(client, DestinationConfig=to(f"{prefix}{OTHER}", f"{prefix}{OTHER}:live"))

    @pytest.mark.parametrize("missing", ["missing", f"{OTHER}:7", f"{OTHER}:missing"])
    def test_a_function_must_be_there(self, client: Any, prefix: str, missing: str) -> None:
        arn = prefix + missing
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(failure=arn))
        assert refusal(error) == ("InvalidParameterValueException", f"The destination ARN {arn} is invalid.")
        assert listed(client) == []

    @pytest.mark.parametrize(
        "arn",
        [
            f"arn:aws:lambda:us-west-2:{{}}:function:{OTHER}",
            f"arn:aws:lambda:{REGION}:999999999999:function:{OTHER}",
            f"arn:aws:lambda:{REGION}:{{}}:layer:{OTHER}",
        ],
    )
    def test_a_function_is_of_this_account_and_region(self, client: Any, account: str, arn: str) -> None:
        """Source: unverified."""
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(arn.format(account)))
        assert refusal(error)[1] == f"The destination ARN {arn.format(account)} is invalid."

    @pytest.mark.parametrize("itself", [NAME, f"{NAME}:live", f"{NAME}:$LATEST"])
    def test_a_function_is_not_its_own(self, client: Any, prefix: str, itself: str) -> None:
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(prefix + itself))
        assert refusal(error) == (
            "InvalidParameterValueException",
            "You can't specify the function as a destination for itself.",
        )

    @pytest.mark.parametrize("arn", ["arn:aws:dynamodb:eu-west-1:123456789012:table/t", "kafka://topic"])
    def test_other_services_are_none(self, client: Any, arn: str) -> None:
        queue = "arn:aws:sqs:eu-west-1:123456789012:q"
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(queue, arn))
        assert refusal(error) == (
            "InvalidParameterValueException",
            (
                f"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={queue}), "
                f"onFailure=OnFailure(destination={arn})) is invalid."
            ),
        )

    def test_what_is_no_arn_is_a_violation_of_the_model(self, client: Any) -> None:
        with pytest.raises(ClientError) as error:
            put(client, DestinationConfig=to(failure="bad"))
        code, text = refusal(error)
        assert code == "ValidationException"
        assert "Value 'bad' at 'destinationConfig.onFailure.destination' failed to satisfy constraint" in text

    def test_an_empty_one_is_none(self, client: Any) -> None:
        """Terraform's provider sends both outcomes, empty. Source: unverified."""
        assert put(client, DestinationConfig=to("", ""))["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
        assert put(client, DestinationConfig={})["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}

    def test_an_update_is_checked_as_well_and_changes_nothing_then(self, client: Any, prefix: str) -> None:
        put(client, MaximumRetryAttempts=0)
        before = get(client)
        with pytest.raises(ClientError):
            update(client, MaximumRetryAttempts=1, DestinationConfig=to(f"{prefix}missing"))
        assert get(client) == before

    def test_an_update_minds_only_what_it_changes(self, client: Any, prefix: str) -> None:
        put(client, DestinationConfig=to(f"{prefix}{OTHER}"))
        client.delete_function(FunctionName=OTHER)
        assert update(client, MaximumRetryAttempts=1)["MaximumRetryAttempts"] == 1
        create(client, OTHER)


class TestOrder:
    @pytest.mark.parametrize("name", [NAME, "missing"])
    def test_to_ask_for_nothing_is_wrong_whatever_there_is(self, client: Any, name: str) -> None:
        for operation in (put, update):
            with pytest.raises(ClientError) as error:
                operation(client, FunctionName=name)
            assert refusal(error) == NOTHING_ASKED

    @pytest.mark.parametrize(
        "missing", [{"FunctionName": "missing"}, {"Qualifier": "7"}, {"Qualifier": "missing"}, {"Qualifier": "$latest"}]
    )
    def test_the_function_comes_before_the_destination(self, client: Any, prefix: str, missing: dict[str, str]) -> None:
        for operation in (put, update):
            with pytest.raises(ClientError) as error:
                operation(client, **missing, DestinationConfig=to(f"{prefix}missing"))
            assert refusal(error) == NO_FUNCTION

    @pytest.mark.parametrize("name", [NAME, "missing"])
    def test_the_service_of_a_destination_comes_before_the_function(self, client: Any, name: str) -> None:
        """It takes the arguments alone to see (section 15)."""
        for operation in (put, update):
            with pytest.raises(ClientError) as error:
                operation(client, FunctionName=name, DestinationConfig=to("kafka://topic"))
            assert refusal(error)[1].startswith("The provided destination config ")

    @pytest.mark.parametrize("missing", ["missing", "missing:live", f"{NAME}:7", f"{NAME}:missing"])
    def test_the_list_of_what_is_missing(self, client: Any, missing: str) -> None:
        with pytest.raises(ClientError) as error:
            client.list_function_event_invoke_configs(FunctionName=missing)
        assert refusal(error) == NO_FUNCTION

    @pytest.mark.parametrize("there", [f"{NAME}:live", f"{NAME}:1", f"{NAME}:$LATEST"])
    def test_the_list_of_a_qualifier_is_the_functions(self, client: Any, there: str) -> None:
        """Source: unverified."""
        put(client, MaximumRetryAttempts=0, Qualifier="live")
        put(client, MaximumRetryAttempts=0)
        shown = client.list_function_event_invoke_configs(FunctionName=there)["FunctionEventInvokeConfigs"]
        assert len(shown) == 2

    def test_an_update_takes_a_configuration(self, client: Any, prefix: str) -> None:
        put(client, MaximumRetryAttempts=0)
        with pytest.raises(ClientError) as error:
            update(client, Qualifier="live", MaximumRetryAttempts=0)
        assert refusal(error) == (
            "ResourceNotFoundException",
            f"The function {prefix}{NAME}:live doesn't have an EventInvokeConfig",
        )

    @pytest.mark.parametrize("which", [{}, {"Qualifier": "1"}, {"FunctionName": "missing"}])
    def test_delete_says_what_is_not_there(self, client: Any, prefix: str, which: dict[str, str]) -> None:
        with pytest.raises(ClientError) as error:
            client.delete_function_event_invoke_config(**{"FunctionName": NAME, **which})
        arn = f"{prefix}{which.get('FunctionName', NAME)}:{which.get('Qualifier', '$LATEST')}"
        assert refusal(error) == (
            "ResourceNotFoundException",
            f"The function {arn} doesn't have an EventInvokeConfig",
        )


class TestTheEnd:
    def test_they_go_with_alias_and_version(self, client: Any) -> None:
        for qualifier in ("1", "live"):
            put(client, MaximumRetryAttempts=0, Qualifier=qualifier)
        client.delete_alias(FunctionName=NAME, Name="live")
        assert listed(client) == ["1"]
        client.delete_function(FunctionName=NAME, Qualifier="1")
        assert listed(client) == []

    def test_they_go_with_the_function(self, client: Any) -> None:
        put(client, MaximumRetryAttempts=0)
        client.delete_function(FunctionName=NAME)
        create(client)
        assert listed(client) == []

    def test_another_account_has_none(self, client: Any, lambda_client: ClientFactory) -> None:
        put(client, MaximumRetryAttempts=0)
        other = lambda_client(account="999999999999", url=client.meta.endpoint_url)
        with pytest.raises(ClientError) as error:
            other.list_function_event_invoke_configs(FunctionName=NAME)
        assert refusal(error) == NO_FUNCTION
