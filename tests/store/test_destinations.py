"""Sending, as far as it can go wrong: against a real server of the other services, and against none.

What goes right is in tests/invoke/test_destinations.py.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from lambent.core.deliveries import Delivery, DeliveryKind, DeliveryOutcome
from lambent.core.scope import Scope
from lambent.store.aws_clients import is_for_now
from lambent.store.destinations import AwsDestinations, _answered
from tests.aws_server import aws_client, aws_server

REGION = "us-east-1"
SCOPE = Scope("123456789012", REGION)
LETTER = Delivery(
    SCOPE,
    "fn",
    "r1",
    f"arn:aws:lambda:{REGION}:123456789012:function:fn:$LATEST",
    "RetriesExhausted",
    DeliveryKind.DEAD_LETTER,
    f"arn:aws:sqs:{REGION}:123456789012:letters",
    b"",
    0,
    "not a trace header",
    "200",
    "",
)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with aws_server() as url:
        yield url


@pytest.fixture
async def destinations(aws: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsDestinations]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")

    made = AwsDestinations(endpoint_for=answering(aws), threads=2)
    yield made
    made.close()


async def test_a_letter_without_a_body_or_an_error_message_can_be_sent(aws: str, destinations: AwsDestinations) -> None:
    sqs = aws_client("sqs", aws)
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    sent = await destinations.send(LETTER)
    assert (sent.outcome, sent.failure) == (DeliveryOutcome.DELIVERED, "")
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["Body"] == "{}"
    assert set(message["MessageAttributes"]) == {"RequestID", "ErrorCode"}


@pytest.mark.parametrize(
    "target", [f"arn:aws:{service}:{REGION}:123456789012:any" for service in ("sqs", "sns", "events", "s3")]
)
@pytest.mark.parametrize("trace", ["Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:bd4cecd5:0", "no trace header"])
async def test_a_request_belongs_to_the_deliverys_trace(target: str, trace: str) -> None:
    """As requests of a function's own SDK do. Source: logs-metrics-traces.md §7.1."""
    said: list[str] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        made = AwsDestinations(endpoint_for=answering(url), companion_url=url, threads=1)
        sent = await made.send(replace(LETTER, target=target, trace_id=trace))
        made.close()
    assert sent.outcome is DeliveryOutcome.UNREACHABLE
    assert [f"X-Amzn-Trace-Id: {trace}\r\n" in request for request in said] == [trace.startswith("Root=")]


def answering(url: str) -> Callable[[str], Awaitable[str]]:
    """Where every service is."""

    async def endpoint_for(service: str) -> str:
        return url

    return endpoint_for


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        (f"arn:aws:sqs:{REGION}:123456789012:missing", DeliveryOutcome.REFUSED),
        (f"arn:aws:sns:{REGION}:123456789012:missing", DeliveryOutcome.REFUSED),
        ("arn:aws:s3:::missing", DeliveryOutcome.REFUSED),
        ("arn:aws:s3:::no bucket", DeliveryOutcome.IMPOSSIBLE),
        ("kafka://cluster", DeliveryOutcome.IMPOSSIBLE),
    ],
)
async def test_what_is_not_there_is_refused_and_what_cannot_be_is_not_tried(
    target: str, outcome: DeliveryOutcome, destinations: AwsDestinations
) -> None:
    sent = await destinations.send(replace(LETTER, target=target, kind=DeliveryKind.DESTINATION))
    assert sent.outcome is outcome
    assert sent.failure


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    made = AwsDestinations(endpoint_for=answering(f"http://127.0.0.1:{port}"), threads=1)
    sent = await made.send(LETTER)
    made.close()
    assert sent.outcome is DeliveryOutcome.UNREACHABLE
    assert f"127.0.0.1:{port}" in sent.failure


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("ThrottlingException", 400, DeliveryOutcome.UNREACHABLE),
        ("InternalFailure", 500, DeliveryOutcome.UNREACHABLE),
        ("AccessDenied", 403, DeliveryOutcome.REFUSED),
        ("InvalidParameterValue", 400, DeliveryOutcome.IMPOSSIBLE),
    ],
)
def test_errors_are_for_now_for_a_while_or_for_good(code: str, status: int, outcome: DeliveryOutcome) -> None:
    answer = {"Error": {"Code": code, "Message": "a\nb"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    sent = _answered(answer)
    assert (sent.outcome, sent.failure) == (outcome, f"{code}: a b")
    assert is_for_now(code, status) is (outcome is DeliveryOutcome.UNREACHABLE)
