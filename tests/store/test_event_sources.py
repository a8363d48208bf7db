"""Sources of a real server of AWS's APIs, a process of its own. Texts: api-event-source-mappings.md §2 (j)."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.core.errors import InvalidParameterValue
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.store import event_sources
from lambent.store.event_sources import AwsSourceProbe
from tests.aws_server import aws_client, aws_server

REGION = "eu-west-1"
ACCOUNT = "123456789012"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
STREAM_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with aws_server() as url:
        yield url


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")


def probe_of(url: str | None, *, companion_url: str | None = None) -> AwsSourceProbe:
    async def endpoint_for(service: str) -> str | None:
        return url

    return AwsSourceProbe(endpoint_for=endpoint_for, companion_url=companion_url)


@pytest.fixture
def probe(aws: str) -> Iterator[AwsSourceProbe]:
    probe = probe_of(aws)
    yield probe
    probe.close()


async def refusal(probe: AwsSourceProbe, source: EventSource, *, seconds: int = 3) -> str | None:
    try:
        await probe.check(source, function_timeout_seconds=seconds)
    except InvalidParameterValue as error:
        return error.message
    return None


async def test_a_queue(probe: AwsSourceProbe, aws: str) -> None:
    queue = EventSource(SourceKind.SQS, QUEUE_ARN + "a-queue")
    assert await refusal(probe, queue) == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    aws_client("sqs", aws, region=REGION).create_queue(QueueName="a-queue")
    assert await refusal(probe, queue, seconds=30) is None
    assert await refusal(probe, queue, seconds=60) == (
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    )


async def test_a_fifo_queue(probe: AwsSourceProbe, aws: str) -> None:
    aws_client("sqs", aws, region=REGION).create_queue(QueueName="a.fifo", Attributes={"FifoQueue": "true"})
    assert await refusal(probe, EventSource(SourceKind.SQS_FIFO, QUEUE_ARN + "a.fifo")) is None
    assert "NonExistentQueue" in str(await refusal(probe, EventSource(SourceKind.SQS_FIFO, QUEUE_ARN + "b.fifo")))


async def test_a_kinesis_stream_and_its_consumers(probe: AwsSourceProbe, aws: str) -> None:
    arn = STREAM_ARN + "a-stream"
    stream = EventSource(SourceKind.KINESIS, arn)
    assert await refusal(probe, stream) == f"Stream not found: {arn}"
    kinesis = aws_client("kinesis", aws, region=REGION)
    kinesis.create_stream(StreamName="a-stream", ShardCount=1)
    assert await refusal(probe, stream) is None
    nobody = EventSource(SourceKind.KINESIS, arn + "/consumer/nobody:1700000000")
    assert await refusal(probe, nobody) == f"Stream not found: {nobody.arn}"
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    assert await refusal(probe, EventSource(SourceKind.KINESIS, consumer)) is None


async def test_the_stream_of_a_table(probe: AwsSourceProbe, aws: str) -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/a-table/stream/2024-05-01T00:00:00.000"
    assert await refusal(probe, EventSource(SourceKind.DYNAMODB, arn)) == f"Stream not found: {arn}"
    table = aws_client("dynamodb", aws, region=REGION).create_table(
        TableName="a-table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]
    assert await refusal(probe, EventSource(SourceKind.DYNAMODB, table["LatestStreamArn"])) is None
    assert await refusal(probe, EventSource(SourceKind.DYNAMODB, arn)) == f"Stream not found: {arn}"


@pytest.mark.parametrize("kind", [SourceKind.MSK, SourceKind.MQ, SourceKind.DOCUMENTDB, SourceKind.SELF_MANAGED_KAFKA])
async def test_other_sources_are_taken_at_their_word(kind: SourceKind) -> None:
    probe = probe_of("http://127.0.0.1:1")
    assert await refusal(probe, EventSource(kind, "arn:aws:mq:eu-west-1:123456789012:broker:b:b-1")) is None
    probe.close()


async def test_nobody_answers() -> None:
    """AWS has no such error; the endpoint is named."""
    with socket.socket() as taken:  # and not listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        probe = probe_of(url)
        said = str(await refusal(probe, EventSource(SourceKind.SQS, QUEUE_ARN + "q")))
        assert said.startswith("The event source could not be looked at: ")
        assert url in said
        probe.close()


async def test_no_credentials(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    queue = EventSource(SourceKind.SQS, QUEUE_ARN + "with-keys")
    probe = probe_of(aws)
    assert "Unable to locate credentials" in str(await refusal(probe, queue))
    probe.close()
    with_keys_of_the_account = probe_of(aws, companion_url=aws)
    assert "NonExistentQueue" in str(await refusal(with_keys_of_the_account, queue))
    with_keys_of_the_account.close()


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        (
            SourceKind.SQS,
            "AccessDenied",
            "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        ),
        (
            SourceKind.KINESIS,
            "AccessDeniedException",
            "The provided execution role does not have permissions to call GetRecords on Kinesis",
        ),
        (
            SourceKind.DYNAMODB,
            "AccessDeniedException",
            "The provided execution role does not have permissions to call DescribeStream on DynamoDB",
        ),
        (
            SourceKind.SQS,
            "InternalError",
            "Error occurred while ReceiveMessage. SQS Error Code: InternalError. SQS Error Message: why",
        ),
        (
            SourceKind.KINESIS,
            "InternalError",
            "Error occurred while DescribeStream. Kinesis Error Code: InternalError. Kinesis Error Message: why",
        ),
    ],
)
async def test_what_else_a_service_may_answer(
    monkeypatch: pytest.MonkeyPatch, kind: SourceKind, code: str, said: str
) -> None:
    """A server that knows no rights can't be asked for these: the answer is put into the look's place."""

    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "why"}}, "Any")

    service, _ = event_sources._LOOKS[kind]
    look: tuple[str, Callable[..., None]] = (service, refuse)
    monkeypatch.setitem(event_sources._LOOKS, kind, look)
    probe = probe_of("http://127.0.0.1:1")
    assert await refusal(probe, EventSource(kind, QUEUE_ARN + "q")) == said
    probe.close()


async def test_without_an_endpoint_it_is_awss_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    asked: list[Any] = []

    def keep(client: Any, *_: object) -> None:
        asked.append(client.meta.endpoint_url)

    monkeypatch.setitem(event_sources._LOOKS, SourceKind.SQS, ("sqs", keep))
    probe = probe_of(None)
    assert await refusal(probe, EventSource(SourceKind.SQS, QUEUE_ARN + "q")) is None
    assert asked == ["https://sqs.eu-west-1.amazonaws.com"]
    probe.close()


def test_boto3_is_imported_by_the_first_look_only() -> None:
    program = "import sys, lambent.store.event_sources; print('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
