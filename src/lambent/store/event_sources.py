"""Whether an event source is there, asked of the service that has it; what is wrong told in AWS's words.

Queues, Kinesis streams and DynamoDB streams are looked at, other sources are taken at their word: brokers and clusters
are in networks that only their pollers reach. AWS looks with the function's execution role; this looks as the account.

boto3 is imported by the first look, in its thread: see `aws_clients`.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambent.core.errors import InvalidParameterValue
from lambent.core.mappings.sources import QUEUES, EventSource, SourceKind
from lambent.store.aws_clients import AwsClients

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.AccessDenied"})
_NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_NO_STREAM = frozenset({"ResourceNotFoundException", "TrimmedDataAccessException"})

logger = logging.getLogger(__name__)


class AwsSourceProbe:
    """Looks at sources through boto3.

    Args:
        endpoint_for: the URL of a service, by boto3's name of it; None is AWS's own.
        companion_url: as of `AwsClients`.
    """

    def __init__(
        self, *, endpoint_for: Callable[[str], Awaitable[str | None]], companion_url: str | None = None
    ) -> None:
        self._endpoint_for = endpoint_for
        self._clients = AwsClients(companion_url=companion_url)
        self._threads = ThreadPoolExecutor(2, "source-probe")

    async def check(self, source: EventSource, *, function_timeout_seconds: int) -> None:
        """Returns if a function with this timeout can read the source.

        Raises:
            InvalidParameterValue: it isn't there, may not be read, hides messages for too short a time, or its service
                can't be reached. Source: api-event-source-mappings.md §2 (j), recorded for what isn't there, observed
                for rights and timeouts (github-aws-runners/terraform-aws-github-runner#465), else unverified.
        """
        look = _LOOKS.get(source.kind)
        if look is None:
            return
        service, ask = look
        endpoint = await self._endpoint_for(service)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._check, source, service, endpoint, ask, function_timeout_seconds)

    def close(self) -> None:
        """Wait for what is being asked. Blocks."""
        self._threads.shutdown()
        self._clients.close()

    def _check(
        self, source: EventSource, service: str, endpoint: str | None, ask: "_Ask", function_timeout_seconds: int
    ) -> None:
        exceptions = importlib.import_module("botocore.exceptions")
        try:
            ask(self._clients.client(service, endpoint, source.scope), source, function_timeout_seconds)
        except exceptions.ClientError as error:
            detail = error.response.get("Error", {})
            raise _refused(source, detail.get("Code", "Unknown"), detail.get("Message", "")) from error
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            where = endpoint or f"AWS's {service} in {source.scope.region}"
            logger.warning("An event source could not be looked at.", extra={"source": source.arn}, exc_info=error)
            raise InvalidParameterValue(f"The event source could not be looked at: {where}: {error}") from error


def _ask_queue(client: Any, source: EventSource, function_timeout_seconds: int) -> None:
    url = client.get_queue_url(QueueName=source.resource, QueueOwnerAWSAccountId=source.scope.account)["QueueUrl"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    visibility = int(answer["Attributes"]["VisibilityTimeout"])
    if visibility < function_timeout_seconds:
        raise InvalidParameterValue(
            f"Queue visibility timeout: {visibility} seconds is less than "
            f"Function timeout: {function_timeout_seconds} seconds"
        )


def _ask_kinesis(client: Any, source: EventSource, _function_timeout_seconds: int) -> None:
    stream, _, consumer = (source.arn or "").partition("/consumer/")
    client.describe_stream_summary(StreamName=stream.rpartition("/")[2], StreamARN=stream)
    if consumer:
        client.describe_stream_consumer(ConsumerARN=source.arn)


def _ask_dynamodb(client: Any, source: EventSource, _function_timeout_seconds: int) -> None:
    found = client.describe_stream(StreamArn=source.arn)["StreamDescription"]
    # Some servers find the table, and don't look which of its streams was meant.
    if found.get("StreamLabel") != source.resource.rpartition("/")[2]:
        raise _no_stream(source)


_Ask = Callable[[Any, EventSource, int], None]

_LOOKS: dict[SourceKind, tuple[str, _Ask]] = {
    SourceKind.SQS: ("sqs", _ask_queue),
    SourceKind.SQS_FIFO: ("sqs", _ask_queue),
    SourceKind.KINESIS: ("kinesis", _ask_kinesis),
    SourceKind.DYNAMODB: ("dynamodbstreams", _ask_dynamodb),
}

_READING = {SourceKind.KINESIS: "GetRecords on Kinesis", SourceKind.DYNAMODB: "DescribeStream on DynamoDB"}


def _refused(source: EventSource, code: str, message: str) -> InvalidParameterValue:
    if code in _DENIED:
        reading = _READING.get(source.kind, "ReceiveMessage on SQS")
        return InvalidParameterValue(f"The provided execution role does not have permissions to call {reading}")
    if source.kind not in QUEUES:
        if code in _NO_STREAM:
            return _no_stream(source)
        return InvalidParameterValue(
            f"Error occurred while DescribeStream. {source.kind} Error Code: {code}. "
            f"{source.kind} Error Message: {message}"
        )
    if code in _NO_QUEUE:
        code, message = "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
    return InvalidParameterValue(
        f"Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {message}"
    )


def _no_stream(source: EventSource) -> InvalidParameterValue:
    return InvalidParameterValue(f"Stream not found: {source.arn}")
