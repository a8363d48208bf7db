"""Records and dead letters on their way to queues, topics, event buses and buckets.

AWS sends with the function's execution role. Here the server sends with its own credentials, as the target's account
where a companion has it; roles come with IAM.

What is sent belongs to the trace of the function that it comes from, so that a loop by way of a destination is found as
any other is (`core.recursion`): the header goes with each request, and where a service has a place for it, in that.

Source: invocation.md §2.1 and §2.2; logs-metrics-traces.md §7.1, "SQS: … EventBridge".
"""

import asyncio
import importlib
import logging
import re
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lambent.core.deliveries import Delivery, DeliveryKind, DeliveryOutcome, Target
from lambent.core.event_records import event_bus_detail_type, s3_key
from lambent.core.retry import Condition
from lambent.core.scope import Scope
from lambent.store.aws_clients import AwsClients, is_for_now

_EVENT_SOURCE = "lambda"
_MOST_QUEUE_URLS = 1_024
_READ_SECONDS = 10  # a server that stops may have to wait for it
# What a service says of a message that it will never take, however often it is asked.
_TOO_LONG = frozenset({"InvalidMessageContents", "InvalidParameterValue", "InvalidParameter", "EntityTooLarge"})
_TRACE_HEADER = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;[ -~]*)?")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt to send; `failure` is a line for people, empty if it was delivered."""

    outcome: DeliveryOutcome
    failure: str = ""


class AwsDestinations:
    """Sends through boto3, in threads. A service has its own, so that one that hangs keeps no other waiting.

    Args:
        endpoint_for: the URL of a service, by boto3's name of it; None is AWS's own.
        companion_url: as of `AwsClients`.
        threads: how many are sent to a service at the same time.
    """

    def __init__(
        self,
        *,
        endpoint_for: Callable[[str], Awaitable[str | None]],
        companion_url: str | None = None,
        threads: int,
    ) -> None:
        self._endpoint_for = endpoint_for
        # One attempt: the queue of deliveries repeats, and waits between.
        self._clients = AwsClients(
            companion_url=companion_url,
            attempts=1,
            connections=threads,
            read_seconds=_READ_SECONDS,
            on_call=self._add_trace_header,
        )
        self._sending = threading.local()  # `trace_header` of what this thread sends
        self._threads = {service: ThreadPoolExecutor(threads, f"destination-{service}") for service in _SENDERS}
        self._queue_urls: dict[tuple[str, str | None], str] = {}

    async def send(self, delivery: Delivery) -> Sent:
        """Try once. Never raises but when it is cancelled."""
        target = Target.of(delivery.target)
        if target.service not in _SENDERS:
            return Sent(DeliveryOutcome.IMPOSSIBLE, f"{delivery.target} is nothing that can be sent to.")
        endpoint = await self._endpoint_for(target.service)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads[target.service], self._send, delivery, target, endpoint
        )

    def close(self) -> None:
        """Wait for what is being sent. Blocks."""
        for threads in self._threads.values():
            threads.shutdown()
        self._clients.close()

    def _send(self, delivery: Delivery, target: Target, endpoint: str | None) -> Sent:
        exceptions = importlib.import_module("botocore.exceptions")
        scope = Scope(target.account or delivery.scope.account, target.region or delivery.scope.region)
        self._sending.trace_header = _trace_header(delivery)
        try:
            client = self._clients.client(target.service, endpoint, scope)
            if target.service == "sqs":
                self._send_to_queue(client, delivery, target, endpoint)
            else:
                _SENDERS[target.service](client, delivery, target)
        except exceptions.ClientError as error:
            return _answered(error.response)
        except exceptions.ParamValidationError as error:
            return Sent(DeliveryOutcome.IMPOSSIBLE, _line(error))
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            return Sent(DeliveryOutcome.UNREACHABLE, _line(error))
        except _BusRefused as refused:
            return _answered({"Error": {"Code": refused.code, "Message": refused.message}})
        except Exception as error:
            logger.exception("A record could not be sent.", extra={"request_id": delivery.request_id})
            return Sent(DeliveryOutcome.UNREACHABLE, _line(error))
        return Sent(DeliveryOutcome.DELIVERED)

    def _send_to_queue(self, client: Any, delivery: Delivery, target: Target, endpoint: str | None) -> None:
        key = (target.arn, endpoint)
        url = self._queue_urls.get(key)
        if url is None:
            answer = client.get_queue_url(QueueName=target.resource, QueueOwnerAWSAccountId=target.account)
            if len(self._queue_urls) >= _MOST_QUEUE_URLS:
                self._queue_urls.clear()
            url = self._queue_urls[key] = answer["QueueUrl"]
        message: dict[str, Any] = {"QueueUrl": url, "MessageBody": _text(delivery.body)}
        if trace_header := _trace_header(delivery):
            message["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace_header}}
        client.send_message(**message, **_attributes(delivery))

    def _add_trace_header(self, params: dict[str, Any], **_: object) -> None:
        """boto3's hook."""
        if self._sending.trace_header:
            params["headers"]["X-Amzn-Trace-Id"] = self._sending.trace_header


def _send_to_topic(client: Any, delivery: Delivery, target: Target) -> None:
    client.publish(TopicArn=target.arn, Message=_text(delivery.body), **_attributes(delivery))


def _send_to_bus(client: Any, delivery: Delivery, target: Target) -> None:
    entry = {
        "EventBusName": target.arn,
        "Source": _EVENT_SOURCE,
        "DetailType": event_bus_detail_type(Condition(delivery.condition)),
        "Resources": [target.arn, delivery.function_arn],
        "Detail": _text(delivery.body),
    }
    if trace_header := _trace_header(delivery):
        entry["TraceHeader"] = trace_header
    answer = client.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        [refused] = answer["Entries"]
        raise _BusRefused(refused.get("ErrorCode", ""), refused.get("ErrorMessage", ""))


def _send_to_bucket(client: Any, delivery: Delivery, target: Target) -> None:
    # The same key at each attempt: what is sent twice is there once.
    key = s3_key(delivery.function_name, token=delivery.request_id, now_ms=delivery.created_ms)
    client.put_object(Bucket=target.resource, Key=key, Body=delivery.body, ContentType="application/json")


def _to_queue(_client: Any, _delivery: Delivery, _target: Target) -> None:
    raise AssertionError("queues need their URL")


_SENDERS: dict[str, Callable[[Any, Delivery, Target], None]] = {
    "sqs": _to_queue,
    "sns": _send_to_topic,
    "events": _send_to_bus,
    "s3": _send_to_bucket,
}


class _BusRefused(Exception):
    """PutEvents succeeds although its one entry has failed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _attributes(delivery: Delivery) -> dict[str, Any]:
    """The message attributes of a dead letter; a record has none."""
    if delivery.kind is not DeliveryKind.DEAD_LETTER:
        return {}
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": delivery.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": delivery.error_code},
    }
    if delivery.error_message:  # an attribute can't be empty
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": delivery.error_message}
    return {"MessageAttributes": attributes}


def _trace_header(delivery: Delivery) -> str:
    """The delivery's trace header; empty if it has none that others would take for one."""
    return delivery.trace_id if _TRACE_HEADER.fullmatch(delivery.trace_id) else ""


def _text(body: bytes) -> str:
    """A message's text. The body of an event that was sent without one is that of an empty object."""
    return body.decode(errors="replace") or "{}"


def _answered(response: Any) -> Sent:
    detail = response.get("Error", {})
    code, message = str(detail.get("Code", "")), str(detail.get("Message", ""))
    failure = " ".join(f"{code}: {message}".split())[:256]
    if is_for_now(code, response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)):
        return Sent(DeliveryOutcome.UNREACHABLE, failure)
    if code in _TOO_LONG:
        return Sent(DeliveryOutcome.IMPOSSIBLE, failure)
    return Sent(DeliveryOutcome.REFUSED, failure)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:256]
