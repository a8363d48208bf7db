"""Event source mappings over the API. Source of the answers: api-event-source-mappings.md, by section.

What concerns the rules alone is in tests/core/mappings; here each operation, its states, and the order of its checks.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.api.calls import create, refusal, send, settle
from tests.api.conftest import ClientFactory
from tests.api.control_plane import ControlPlane
from tests.aws_server import aws_client
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root

FUNCTION = "my-function"
SECRET = {"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Mappings:
    """The mappings of one account on the control plane, where every source is there."""

    def __init__(self, client: Any, account: str) -> None:
        self.client = client
        self.account = account
        self.queue = f"arn:aws:sqs:{REGION}:{account}:queue"
        self.stream = f"arn:aws:kinesis:{REGION}:{account}:stream/stream"
        self.table = f"arn:aws:dynamodb:{REGION}:{account}:table/T/stream/2024-05-01T00:00:00.000"
        self.function_arn = f"arn:aws:lambda:{REGION}:{account}:function:{FUNCTION}"
        self.kafka = {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["h1:9092", "h2:9092"]}},
            "Topics": ["t1"],
            "SourceAccessConfigurations": [SECRET],
        }

    def create(self, **request: Any) -> Any:
        if "SelfManagedEventSource" not in request:
            request = {"EventSourceArn": self.queue, **request}
        return self.client.create_event_source_mapping(**{"FunctionName": FUNCTION, **request})

    def settled(self, made: Any) -> Any:
        """A mapping once it is in no transition."""
        while True:
            found = self.client.get_event_source_mapping(UUID=made["UUID"])
            if found["State"] in {"Enabled", "Disabled"}:
                return found
            time.sleep(0.005)

    def gone(self, made: Any) -> None:
        """Wait until a mapping isn't there any more."""
        while True:
            try:
                self.client.get_event_source_mapping(UUID=made["UUID"])
            except self.client.exceptions.ResourceNotFoundException:
                return
            time.sleep(0.005)

    def update(self, made: Any, **request: Any) -> Any:
        return self.client.update_event_source_mapping(UUID=made["UUID"], **request)

    def refused(self, **request: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as raised:
            self.create(**request)
        return refusal(raised)

    def invalid(self, **request: Any) -> str:
        code, message = self.refused(**request)
        assert code == "InvalidParameterValueException"
        return message


@pytest.fixture
def bare(control_client: Any, account: str) -> Mappings:
    """An account without functions."""
    return Mappings(control_client, account)


@pytest.fixture
def mappings(bare: Mappings) -> Mappings:
    """An account with one function."""
    create(bare.client)
    settle(bare.client)
    return bare


def without_metadata(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


# --- §1: operations and states ---


def test_the_states_that_clients_see(mappings: Mappings, control_plane: ControlPlane) -> None:
    client = mappings.client
    with control_plane.mappings_held():
        made = mappings.create()
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert made["State"] == "Creating"
        assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Creating"
    assert mappings.settled(made)["State"] == "Enabled"
    for change, during, after in (
        ({"BatchSize": 5}, "Updating", "Enabled"),
        ({"Enabled": False, "BatchSize": 6}, "Disabling", "Disabled"),
        ({"BatchSize": 7}, "Updating", "Disabled"),
        ({"Enabled": True}, "Enabling", "Enabled"),
        ({}, "Updating", "Enabled"),
    ):
        with control_plane.mappings_held():
            changed = mappings.update(made, **change)
            assert changed["ResponseMetadata"]["HTTPStatusCode"] == 202
            assert changed["State"] == during
        assert mappings.settled(made)["State"] == after
    with control_plane.mappings_held():
        ended = client.delete_event_source_mapping(UUID=made["UUID"])
        assert ended["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert ended["State"] == "Deleting"
        assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    mappings.gone(made)


def test_one_that_is_created_disabled_is_so_at_once(mappings: Mappings, control_plane: ControlPlane) -> None:
    with control_plane.mappings_held():
        made = mappings.create(Enabled=False)
        assert made["State"] == "Disabled"
        assert mappings.update(made, Enabled=True)["State"] == "Enabling"


def test_nothing_is_changed_in_transition(mappings: Mappings, control_plane: ControlPlane) -> None:
    with control_plane.mappings_held():
        made = mappings.create()
        for state in ("Creating", "Deleting"):
            with pytest.raises(ClientError) as updating:
                mappings.update(made, BatchSize=5)
            assert refusal(updating) == (
                "ResourceInUseException",
                "Cannot update the event source mapping because it is in use.",
            )
            assert updating.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            with pytest.raises(ClientError) as deleting:
                mappings.client.delete_event_source_mapping(UUID=made["UUID"])
            assert refusal(deleting) == (
                "ResourceInUseException",
                "Cannot delete the event source mapping because it is in use.",
            )
            if state == "Creating":
                control_plane.run(control_plane._settle_mappings())
                mappings.settled(made)
                control_plane.run(control_plane._hold_mappings())
                mappings.client.delete_event_source_mapping(UUID=made["UUID"])


def test_what_a_server_left_in_transition_is_settled_by_the_next(
    own_lambent: LambentServer, account: str, aws: str
) -> None:
    """A deletion that was acknowledged is carried out, and a mapping doesn't stay in Creating."""
    number = account
    aws_client("sqs", aws, region=REGION).create_queue(QueueName=f"killed-{number}")
    own_lambent.environment = {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    own_lambent.start()
    client = own_lambent.client(account=account)
    create(client)
    settle(client)
    arn = f"arn:aws:sqs:{REGION}:{account}:killed-{number}"
    mappings = Mappings(client, account)
    first = mappings.create(EventSourceArn=arn)
    mappings.settled(first)
    mappings.client.delete_event_source_mapping(UUID=first["UUID"])
    own_lambent.kill()
    own_lambent.start()
    mappings = Mappings(own_lambent.client(account=account), account)
    mappings.gone(first)
    second = mappings.create(EventSourceArn=arn)
    own_lambent.kill()
    own_lambent.start()
    mappings = Mappings(own_lambent.client(account=account), account)
    assert mappings.settled(second)["State"] == "Enabled"


@pytest.mark.parametrize("operation", ["get", "update", "delete"])
def test_what_is_unknown_is_not_found(bare: Mappings, operation: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(bare.client, f"{operation}_event_source_mapping")(UUID=UNKNOWN)
    assert refusal(raised) == ("ResourceNotFoundException", "The resource you requested does not exist.")


def test_a_uuid_in_capitals_is_the_same(mappings: Mappings) -> None:
    made = mappings.create()
    assert mappings.client.get_event_source_mapping(UUID=made["UUID"].upper())["UUID"] == made["UUID"]


def test_mappings_outlive_their_function(mappings: Mappings) -> None:
    made = mappings.settled(mappings.create())
    mappings.client.delete_function(FunctionName=FUNCTION)
    assert without_metadata(mappings.settled(made)) == without_metadata(made)
    assert mappings.update(made, Enabled=False)["State"] == "Disabling"
    mappings.settled(made)
    with pytest.raises(ClientError) as raised:
        mappings.update(made, FunctionName=FUNCTION)
    assert refusal(raised) == ("InvalidParameterValueException", "Function does not exist")
    listed = mappings.client.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    assert [mapping["UUID"] for mapping in listed] == [made["UUID"]]
    mappings.client.delete_event_source_mapping(UUID=made["UUID"])
    mappings.gone(made)


# --- §2: what is refused, and in which order ---


def test_the_order_of_the_checks(bare: Mappings) -> None:
    """Each request has everything wrong that comes later, too."""
    client = bare.client
    bad_filter = {"FilterCriteria": {"Filters": [{"Pattern": "no"}]}}
    late = {"FunctionName": "missing", **bad_filter, "BatchSize": 11}
    success = {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:q"}}}
    foreign = f"arn:aws:sns:{REGION}:{bare.account}:topic"
    assert bare.refused(**late, **success, EventSourceArn=foreign, StartingPosition="x")[0] == "ValidationException"
    assert "DestinationConfig" in bare.invalid(**late, **success, EventSourceArn=foreign)
    kafka = {**bare.kafka, "SourceAccessConfigurations": []}
    assert bare.invalid(**{**late, **kafka}, EventSourceArn=foreign) == (
        "Required 'sourceAccessConfigurations' parameter is missing."
    )
    assert bare.invalid(**late, EventSourceArn=foreign) == "Unrecognized event source."
    fifo = bare.queue + ".fifo"
    assert bare.invalid(**late, EventSourceArn=fifo, MaximumBatchingWindowInSeconds=1) == (
        "Maximum batch size must be between 1 and 10 inclusive"
    )
    assert "'startingPosition'" in bare.invalid(**late, EventSourceArn=bare.stream)
    assert bare.invalid(**late) == (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )
    late["BatchSize"] = 10
    assert bare.invalid(**late) == "Invalid filter pattern definition."
    assert bare.invalid(FunctionName="missing") == "Function does not exist"
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parametrize("qualifier", ["missing", "7", "$LATEST"])
def test_a_function_version_or_alias_must_be_there(bare: Mappings, qualifier: str) -> None:
    """A 400, not a 404 (recorded for functions; for versions and aliases unverified)."""
    if qualifier != "$LATEST":
        create(bare.client)
    assert bare.invalid(FunctionName=f"{FUNCTION}:{qualifier}") == "Function does not exist"


def test_values_that_the_model_refuses(bare: Mappings) -> None:
    for request, path in (
        ({"BatchSize": 0}, "batchSize"),
        ({"BatchSize": 10_001}, "batchSize"),
        ({"MaximumBatchingWindowInSeconds": 301}, "maximumBatchingWindowInSeconds"),
        ({"ParallelizationFactor": 11}, "parallelizationFactor"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "maximumRecordAgeInSeconds"),
        ({"MaximumRetryAttempts": 10_001}, "maximumRetryAttempts"),
        ({"TumblingWindowInSeconds": 901}, "tumblingWindowInSeconds"),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, "scalingConfig.maximumConcurrency"),
        ({"FunctionResponseTypes": ["Other"]}, "functionResponseTypes"),
        ({"Topics": ["t1", "t2"]}, "topics"),
        ({"Topics": ["."]}, "topics"),
    ):
        code, message = bare.refused(**request)
        assert code == "ValidationException", request
        assert f"at '{path}' failed to satisfy constraint" in message


@pytest.mark.parametrize(
    "pattern", ['{"eventSource": "aws:sqs"}', '"x"', "null", "{}", "", "{", '{"a": []}', '{"a": ["x"], "a": ["y"]}']
)
def test_what_is_no_event_pattern_is_refused(mappings: Mappings, pattern: str) -> None:
    text = "Invalid filter pattern definition."
    criteria = {"Filters": [{"Pattern": '{"body": ["right"]}'}, {"Pattern": pattern}]}
    assert mappings.invalid(FilterCriteria=criteria) == text
    made = mappings.settled(mappings.create())
    with pytest.raises(ClientError) as raised:
        mappings.update(made, FilterCriteria=criteria)
    assert refusal(raised) == ("InvalidParameterValueException", text)
    assert "FilterCriteria" not in mappings.settled(made)


# --- §2, j: the source, which is looked at ---


@pytest.fixture
def with_aws(lambent_with_aws: LambentServer, lambda_client: ClientFactory, account: str) -> Mappings:
    """An account with one function on a server that looks at sources."""
    found = Mappings(lambda_client(url=lambent_with_aws.url), account)
    create(found.client, Timeout=60)
    settle(found.client)
    return found


def test_a_queue_must_be_there_and_hide_messages_long_enough(with_aws: Mappings, aws: str, account: str) -> None:
    assert with_aws.invalid() == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    sqs = aws_client("sqs", aws, region=REGION)
    sqs.create_queue(QueueName=f"visibility-{account}")
    patient = f"patient-{account}"
    sqs.create_queue(QueueName=patient, Attributes={"VisibilityTimeout": "60"})
    arn = f"arn:aws:sqs:{REGION}:{account}:visibility-{account}"
    text = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    assert with_aws.invalid(EventSourceArn=arn) == text
    assert with_aws.client.list_event_source_mappings()["EventSourceMappings"] == []
    made = with_aws.create(EventSourceArn=f"arn:aws:sqs:{REGION}:{account}:{patient}")
    create(with_aws.client, "slow", Timeout=61)
    with_aws.settled(made)
    with pytest.raises(ClientError) as raised:
        with_aws.update(made, FunctionName="slow")
    assert refusal(raised)[1] == "Queue visibility timeout: 60 seconds is less than Function timeout: 61 seconds"
    assert with_aws.settled(made)["FunctionArn"] == with_aws.function_arn


def test_a_stream_must_be_there(with_aws: Mappings) -> None:
    for arn in (with_aws.stream, with_aws.table):
        assert with_aws.invalid(EventSourceArn=arn, StartingPosition="LATEST") == f"Stream not found: {arn}"


def test_a_source_that_vanishes_takes_nothing_away(with_aws: Mappings, aws: str, account: str) -> None:
    sqs = aws_client("sqs", aws, region=REGION)
    url = sqs.create_queue(QueueName=f"gone-{account}", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    made = with_aws.create(EventSourceArn=f"arn:aws:sqs:{REGION}:{account}:gone-{account}")
    sqs.delete_queue(QueueUrl=url)
    assert with_aws.settled(made)["State"] == "Enabled"
    assert with_aws.update(made, Enabled=False)["State"] == "Disabling"
    with_aws.settled(made)
    with_aws.client.delete_event_source_mapping(UUID=made["UUID"])
    with_aws.gone(made)


def test_sources_of_the_companion_are_those_of_the_account(
    lambent: LambentServer, lambda_client: ClientFactory, account: str
) -> None:
    """Under `dev`, what was made through Lambent's own port is what is looked at."""
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "any"}
    sqs = boto3.session.Session(**keys, region_name=REGION).client("sqs", endpoint_url=lambent.url)
    url = sqs.create_queue(QueueName="companion-queue")["QueueUrl"]
    found = Mappings(lambda_client(), account)
    create(found.client)
    settle(found.client)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    foreign = arn.replace(account, "999999999999")
    assert "NonExistentQueue" in found.invalid(EventSourceArn=foreign)
    made = found.create(EventSourceArn=arn)
    assert found.settled(made)["State"] == "Enabled"
    found.client.delete_event_source_mapping(UUID=made["UUID"])
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


# --- §2, k: duplicates ---


def test_the_same_source_and_function_twice(mappings: Mappings) -> None:
    queue, stream = (
        mappings.create()["UUID"],
        mappings.create(EventSourceArn=mappings.stream, StartingPosition="LATEST")["UUID"],
    )
    kafka = mappings.create(**mappings.kafka)["UUID"]
    assert mappings.refused() == (
        "ResourceConflictException",
        (
            f'An event source mapping with SQS arn (" {mappings.queue} ") and function (" {FUNCTION} ") already exists. '
            f"Please update or delete the existing mapping with UUID {queue}"
        ),
    )
    assert mappings.refused(EventSourceArn=mappings.stream, StartingPosition="TRIM_HORIZON") == (
        "ResourceConflictException",
        (
            f'The event source arn (" {mappings.stream} ") and function (" {FUNCTION} ") provided mapping already exists. '
            f"Please update or delete the existing mapping with UUID {stream}"
        ),
    )
    brokers = {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["h2:9092", "h9:9092"]}}}
    assert mappings.refused(**{**mappings.kafka, **brokers}) == (
        "ResourceConflictException",
        (
            f'An event source mapping with event source ("h2:9092,h9:9092"), function ("{mappings.function_arn}"), '
            f'topics ("t1") already exists. Please update or delete the existing mapping with UUID {kafka}'
        ),
    )
    assert mappings.create(**{**mappings.kafka, "Topics": ["t2"]})


def test_the_same_source_for_another_qualifier(mappings: Mappings) -> None:
    mappings.client.publish_version(FunctionName=FUNCTION)
    mappings.client.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    names = (FUNCTION, f"{FUNCTION}:$LATEST", f"{FUNCTION}:1", f"{FUNCTION}:live")
    made = [mappings.settled(mappings.create(FunctionName=name)) for name in names]
    assert len({mapping["FunctionArn"] for mapping in made}) == 4
    for name in names:
        assert mappings.refused(FunctionName=name)[0] == "ResourceConflictException"
    with pytest.raises(ClientError) as raised:
        mappings.update(made[0], FunctionName=f"{FUNCTION}:live")
    assert refusal(raised)[0] == "ResourceConflictException"
    assert made[3]["UUID"] in refusal(raised)[1]


def test_a_mapping_that_is_being_deleted_is_still_there(mappings: Mappings, control_plane: ControlPlane) -> None:
    made = mappings.settled(mappings.create())
    with control_plane.mappings_held():
        mappings.client.delete_event_source_mapping(UUID=made["UUID"])
        assert mappings.refused()[0] == "ResourceConflictException"
    mappings.gone(made)
    assert mappings.create()["UUID"] != made["UUID"]


def test_one_of_many_at_once_is_first(mappings: Mappings) -> None:
    def attempt(_: int) -> str:
        try:
            return str(mappings.create()["UUID"])
        except ClientError as error:
            return str(error.response["Error"]["Message"])

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(8)))
    listed = mappings.client.list_event_source_mappings()["EventSourceMappings"]
    assert len(listed) == 1
    assert all(listed[0]["UUID"] in outcome for outcome in outcomes)


# --- §3: what answers show ---


def test_defaults_per_source(mappings: Mappings) -> None:
    always = {
        "UUID",
        "EventSourceMappingArn",
        "FunctionArn",
        "LastModified",
        "State",
        "StateTransitionReason",
        "BatchSize",
    }
    queue = {"EventSourceArn", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes"}
    stream = queue | {
        "LastProcessingResult",
        "StartingPosition",
        "ParallelizationFactor",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "TumblingWindowInSeconds",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
    }
    kafka = {"LastProcessingResult", "StartingPosition", "Topics"}
    own_kafka = kafka | {
        "SelfManagedEventSource",
        "SelfManagedKafkaEventSourceConfig",
        "SourceAccessConfigurations",
    }
    arn = f"arn:aws:{{}}:{REGION}:{mappings.account}:{{}}"
    sources: list[tuple[dict[str, Any], set[str]]] = [
        ({}, queue),
        ({"EventSourceArn": mappings.queue + ".fifo"}, queue),
        ({"EventSourceArn": mappings.stream, "StartingPosition": "LATEST"}, stream),
        ({"EventSourceArn": mappings.table, "StartingPosition": "TRIM_HORIZON"}, stream),
        (mappings.kafka, own_kafka),
        (
            {"EventSourceArn": arn.format("kafka", "cluster/c/uuid"), "Topics": ["t1"]},
            kafka | {"EventSourceArn", "AmazonManagedKafkaEventSourceConfig"},
        ),
        (
            {
                "EventSourceArn": arn.format("mq", "broker:b:b-1"),
                "Queues": ["q"],
                "SourceAccessConfigurations": [SECRET],
            },
            {"EventSourceArn", "LastProcessingResult", "Queues", "SourceAccessConfigurations"},
        ),
        (
            {
                "EventSourceArn": arn.format("rds", "cluster:c"),
                "StartingPosition": "LATEST",
                "SourceAccessConfigurations": [SECRET],
                "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
            },
            {
                "EventSourceArn",
                "LastProcessingResult",
                "StartingPosition",
                "SourceAccessConfigurations",
                "DocumentDBEventSourceConfig",
            },
        ),
    ]
    for request, keys in sources:
        made = mappings.create(**request)
        assert set(made) - {"ResponseMetadata"} == always | keys, request
        assert made["BatchSize"] == (10 if keys == queue else 100)
        assert made["EventSourceMappingArn"] == (
            f"arn:aws:lambda:{REGION}:{mappings.account}:event-source-mapping:{made['UUID']}"
        )
    groups = mappings.client.list_event_source_mappings()["EventSourceMappings"]
    for mapping in groups:
        config = mapping.get("SelfManagedKafkaEventSourceConfig") or mapping.get("AmazonManagedKafkaEventSourceConfig")
        assert config is None or config == {"ConsumerGroupId": mapping["UUID"]}


def test_every_setting_is_shown_as_it_was_sent(mappings: Mappings) -> None:
    registry = {
        "SchemaRegistryURI": "https://registry.example.com",
        "EventRecordFormat": "JSON",
        "AccessConfigs": [SECRET],
        "SchemaValidationConfigs": [{"Attribute": "KEY"}],
    }
    kafka = {
        **mappings.kafka,
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 3,
        "FilterCriteria": {"Filters": [{"Pattern": '{"value": {"a": [1]}}'}]},
        "MetricsConfig": {"Metrics": ["EventCount", "KafkaMetrics"]},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 3, "PollerGroupName": "g"},
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://dead"}},
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 0,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "SelfManagedKafkaEventSourceConfig": {
            "ConsumerGroupId": "mine",
            "ConsumptionMode": "Stream",
            "SchemaRegistryConfig": registry,
        },
    }
    made = mappings.create(**kafka)
    assert {name: made[name] for name in kafka} == kafka
    found = mappings.settled(made)
    assert {name: found[name] for name in kafka} == kafka


def test_how_the_function_is_named(mappings: Mappings) -> None:
    mappings.client.publish_version(FunctionName=FUNCTION)
    mappings.client.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    arn = mappings.function_arn
    for given, shown in (
        (FUNCTION, arn),
        (f"{mappings.account}:function:{FUNCTION}", arn),
        (arn, arn),
        (f"{FUNCTION}:$LATEST", arn + ":$LATEST"),
        (f"{arn}:$LATEST", arn + ":$LATEST"),
        (f"{FUNCTION}:1", arn + ":1"),
        (f"{mappings.account}:function:{FUNCTION}:live", arn + ":live"),
    ):
        made = mappings.create(FunctionName=given, Enabled=False)
        assert made["FunctionArn"] == shown
        mappings.client.delete_event_source_mapping(UUID=made["UUID"])
        mappings.gone(made)


def test_no_filters_are_not_shown(mappings: Mappings) -> None:
    made = mappings.create(FilterCriteria={"Filters": []})
    assert "FilterCriteria" not in made
    criteria = {"Filters": [{"Pattern": json.dumps({"body": [{"prefix": "x"}]})}]}
    mappings.settled(made)
    assert mappings.update(made, FilterCriteria=criteria)["FilterCriteria"] == criteria
    nothing: list[dict[str, Any]] = [{}, {"Filters": []}]
    for empty in nothing:
        mappings.settled(made)
        assert "FilterCriteria" not in mappings.update(made, FilterCriteria=empty)
        mappings.settled(made)
        assert mappings.update(made, FilterCriteria=criteria)["FilterCriteria"] == criteria


def test_criteria_that_are_encrypted_are_not_listed(mappings: Mappings) -> None:
    """Documented: List shows none, Get does."""
    key = "arn:aws:kms:eu-west-1:123456789012:key/k"
    criteria = {"Filters": [{"Pattern": '{"body": [1]}'}]}
    made = mappings.create(FilterCriteria=criteria, KMSKeyArn=key)
    assert mappings.settled(made)["FilterCriteria"] == criteria
    (listed,) = mappings.client.list_event_source_mappings()["EventSourceMappings"]
    assert "FilterCriteria" not in listed
    assert listed["KMSKeyArn"] == key


# --- §5: updates ---


def test_what_is_not_sent_stays_and_what_is_empty_is_reset(mappings: Mappings) -> None:
    made = mappings.create(
        BatchSize=20,
        MaximumBatchingWindowInSeconds=1,
        ScalingConfig={"MaximumConcurrency": 2},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    before = mappings.settled(made)
    updated = mappings.update(made, Enabled=True)
    same = {"ResponseMetadata", "LastModified", "State"}
    assert {k: v for k, v in updated.items() if k not in same} == {k: v for k, v in before.items() if k not in same}
    assert updated["LastModified"] > before["LastModified"]
    mappings.settled(made)
    with pytest.raises(ClientError) as raised:
        mappings.update(made, MaximumBatchingWindowInSeconds=0)
    assert refusal(raised)[1] == (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )
    updated = mappings.update(made, ScalingConfig={}, FunctionResponseTypes=[])
    assert "ScalingConfig" not in updated
    assert updated["FunctionResponseTypes"] == []
    assert updated["BatchSize"] == 20


def test_the_destination_of_a_stream_is_reset(mappings: Mappings) -> None:
    target = {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:dead"}}
    made = mappings.create(EventSourceArn=mappings.stream, StartingPosition="LATEST", DestinationConfig=target)
    assert made["DestinationConfig"] == target
    mappings.settled(made)
    assert mappings.update(made, DestinationConfig={"OnFailure": {}})["DestinationConfig"] == {"OnFailure": {}}


def test_members_that_an_update_does_not_have_change_nothing(mappings: Mappings, control_plane: ControlPlane) -> None:
    made = mappings.create(EventSourceArn=mappings.stream, StartingPosition="LATEST")
    mappings.settled(made)
    immutable = {
        "StartingPosition": "TRIM_HORIZON",
        "StartingPositionTimestamp": 5,
        "EventSourceArn": mappings.queue,
        "Topics": ["t"],
        "Queues": ["q"],
        "SelfManagedEventSource": mappings.kafka["SelfManagedEventSource"],
    }
    path = f"/2015-03-31/event-source-mappings/{made['UUID']}"
    answer = send(control_plane.url, "PUT", path, json.dumps(immutable).encode(), account=mappings.account)
    assert answer.status == 202
    updated = json.loads(answer.body)
    assert updated["StartingPosition"] == "LATEST"
    assert updated["EventSourceArn"] == mappings.stream
    assert not (immutable.keys() - {"StartingPosition", "EventSourceArn"}) & updated.keys()


def test_another_function(mappings: Mappings) -> None:
    create(mappings.client, "other")
    made = mappings.settled(mappings.create())
    assert mappings.update(made, FunctionName="other")["FunctionArn"].endswith(":function:other")
    mappings.settled(made)
    with pytest.raises(ClientError) as raised:
        mappings.update(made, FunctionName="missing")
    assert refusal(raised) == ("InvalidParameterValueException", "Function does not exist")
    assert mappings.create()["UUID"] != made["UUID"]


def test_a_consumer_group_stays_with_its_mapping(mappings: Mappings) -> None:
    group = {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "mine"}}
    made = mappings.settled(mappings.create(**mappings.kafka, **group))
    assert mappings.update(made, BatchSize=3)["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "mine"}
    mappings.settled(made)
    with pytest.raises(ClientError) as raised:
        mappings.update(made, SelfManagedKafkaEventSourceConfig={"ConsumerGroupId": "yours"})
    assert refusal(raised)[0] == "InvalidParameterValueException"
    code, message = mappings.refused(**{**mappings.kafka, "Topics": ["another"]}, **group)
    assert code == "ResourceConflictException"
    assert made["UUID"] in message


# --- lists ---


def listed(client: Any, **request: Any) -> list[str]:
    return [mapping["UUID"] for mapping in client.list_event_source_mappings(**request)["EventSourceMappings"]]


def test_lists_by_function_and_source(mappings: Mappings) -> None:
    mappings.client.publish_version(FunctionName=FUNCTION)
    plain = mappings.create()["UUID"]
    latest = mappings.create(FunctionName=f"{FUNCTION}:$LATEST")["UUID"]
    first = mappings.create(FunctionName=f"{FUNCTION}:1", EventSourceArn=mappings.stream, StartingPosition="LATEST")
    client = mappings.client
    assert listed(client) == sorted([plain, latest, first["UUID"]])
    assert listed(client, FunctionName=FUNCTION) == [plain]
    assert listed(client, FunctionName=mappings.function_arn) == [plain]
    assert listed(client, FunctionName=f"{FUNCTION}:$LATEST") == [latest]
    assert listed(client, FunctionName=f"{FUNCTION}:1") == [first["UUID"]]
    assert listed(client, EventSourceArn=mappings.queue) == sorted([plain, latest])
    assert listed(client, EventSourceArn=mappings.stream, FunctionName=f"{FUNCTION}:1") == [first["UUID"]]
    assert listed(client, EventSourceArn=mappings.stream, FunctionName=FUNCTION) == []
    assert listed(client, FunctionName="missing") == []
    assert listed(client, EventSourceArn=mappings.queue + "-missing") == []


def test_pages(mappings: Mappings) -> None:
    """At most 100 on a page, however many are asked for (documented)."""
    made = {
        mappings.create(EventSourceArn=f"{mappings.queue}-{number}", Enabled=False)["UUID"] for number in range(102)
    }
    first = mappings.client.list_event_source_mappings(MaxItems=10_000)
    assert len(first["EventSourceMappings"]) == 100
    assert len(listed(mappings.client, Marker=first["NextMarker"])) == 2
    paginator = mappings.client.get_paginator("list_event_source_mappings")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 40}))
    assert [len(page["EventSourceMappings"]) for page in pages] == [40, 40, 22]
    assert {mapping["UUID"] for page in pages for mapping in page["EventSourceMappings"]} == made
    with pytest.raises(ClientError) as raised:
        mappings.client.list_event_source_mappings(Marker="nonsense")
    assert refusal(raised)[0] == "InvalidParameterValueException"


# --- accounts, regions, tags ---


def test_accounts_and_regions_see_their_own(
    mappings: Mappings, lambda_client: ClientFactory, control_plane: ControlPlane
) -> None:
    made = mappings.settled(mappings.create())
    for other in (
        lambda_client(url=control_plane.url, account="999999999999"),
        lambda_client(url=control_plane.url, region="us-west-2"),
    ):
        assert listed(other) == []
        for operation in ("get", "update", "delete"):
            with pytest.raises(other.exceptions.ResourceNotFoundException):
                getattr(other, f"{operation}_event_source_mapping")(UUID=made["UUID"])
    assert mappings.settled(made)["State"] == "Enabled"


def test_tags_are_kept_and_not_shown(mappings: Mappings) -> None:
    made = mappings.create(Tags={"a": "1", "b": "2"})
    assert "Tags" not in made
    arn = made["EventSourceMappingArn"]
    client = mappings.client
    client.tag_resource(Resource=arn, Tags={"c": "3"})
    mappings.settled(made)
    mappings.update(made, BatchSize=3)
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2", "c": "3"}
    mappings.settled(made)
    client.delete_event_source_mapping(UUID=made["UUID"])
    mappings.gone(made)
    with pytest.raises(ClientError) as raised:
        client.list_tags(Resource=arn)
    assert refusal(raised) == ("ResourceNotFoundException", f"Event source mapping not found: {arn}")


def test_more_than_fifty_tags(mappings: Mappings) -> None:
    tags = {f"k{number}": "v" for number in range(51)}
    assert mappings.invalid(Tags=tags) == "Number of tags exceeds resource tag limit."
