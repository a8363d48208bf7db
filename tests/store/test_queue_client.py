"""SQS's protocol, as the client speaks and understands it. Source: SQS API reference (AWS JSON 1.0)."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lambent.clock import Clock
from lambent.core.mappings.queues.messages import Message
from lambent.core.mappings.sources import EventSource, SourceKind
from lambent.store.queue_client import QueueClients, QueueGone, QueueUnavailable

SOURCE = EventSource(SourceKind.SQS, "arn:aws:sqs:eu-west-1:123456789012:q")
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
MESSAGE = {"MessageId": "m", "ReceiptHandle": "r", "Body": "b"}


class Service:
    """An SQS that answers as it is told, and knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.answers: dict[str, tuple[int, object, dict[str, str]]] = {"GetQueueUrl": (200, {"QueueUrl": URL}, {})}
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].removeprefix("AmazonSQS.")
                service.asked.append((operation, body, {name.lower(): value for name, value in self.headers.items()}))
                status, answer, headers = service.answers[operation]
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # connections that nobody has accepted yet; more are reset

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def answer(self, operation: str, said: object, *, status: int = 200, **headers: str) -> None:
        self.answers[operation] = (status, said, headers)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")


@pytest.fixture
async def clients(service: Service) -> AsyncIterator[QueueClients]:
    async def endpoint_for(_service: str) -> str:
        return service.url

    made = QueueClients(endpoint_for=endpoint_for, clock=Clock())
    yield made
    await made.close()


async def test_a_receive_asks_for_everything_that_a_message_has(service: Service, clients: QueueClients) -> None:
    service.answer("ReceiveMessage", {"Messages": [MESSAGE]})
    queue = clients.queue(SOURCE)
    assert await queue.receive(most=7, wait_seconds=20, hidden_seconds=None) == [Message("m", "r", "b")]
    (url, url_of, _), (operation, asked, headers) = service.asked
    assert (url, url_of) == ("GetQueueUrl", {"QueueName": "q", "QueueOwnerAWSAccountId": "123456789012"})
    assert operation == "ReceiveMessage"
    assert asked == {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 7,
        "WaitTimeSeconds": 20,
        "AttributeNames": ["All"],
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"]
    assert "/eu-west-1/sqs/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"


async def test_messages_are_hidden_for_as_long_as_they_shall_be(service: Service, clients: QueueClients) -> None:
    service.answer("ReceiveMessage", {})
    assert await clients.queue(SOURCE).receive(most=1, wait_seconds=0, hidden_seconds=333) == []
    assert service.asked[-1][1]["VisibilityTimeout"] == 333


async def test_deletions_that_failed_are_told(service: Service, clients: QueueClients) -> None:
    messages = [Message(name, f"receipt-{name}", "") for name in "abc"]
    service.answer("DeleteMessageBatch", {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "SenderFault": False}]})
    assert await clients.queue(SOURCE).delete(messages) == [messages[1]]
    entries = [{"Id": str(i), "ReceiptHandle": f"receipt-{name}"} for i, name in enumerate("abc")]
    assert service.asked[-1][1] == {"QueueUrl": URL, "Entries": entries}


async def test_what_is_given_back_is_visible_at_once(service: Service, clients: QueueClients) -> None:
    service.answer("ChangeMessageVisibilityBatch", {})
    assert await clients.queue(SOURCE).give_back([Message("a", "r", "")]) == []
    entries = [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 0}]
    assert service.asked[-1][1]["Entries"] == entries


async def test_the_queues_visibility_timeout(service: Service, clients: QueueClients) -> None:
    service.answer("GetQueueAttributes", {"Attributes": {"VisibilityTimeout": "45"}})
    assert await clients.queue(SOURCE).visibility_seconds() == 45


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        ({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "…"}, {}),
        ({"__type": "QueueDoesNotExist"}, {}),
        ({}, {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}),
    ],
)
async def test_a_queue_that_is_not_there_is_looked_for_anew(
    service: Service, clients: QueueClients, said: object, headers: dict[str, str]
) -> None:
    queue = clients.queue(SOURCE)
    service.answer("ReceiveMessage", said, status=400, **headers)
    with pytest.raises(QueueGone):
        await queue.receive(most=1, wait_seconds=0, hidden_seconds=None)
    service.answer("ReceiveMessage", {"Messages": [MESSAGE]})
    assert len(await queue.receive(most=1, wait_seconds=0, hidden_seconds=None)) == 1
    assert [operation for operation, *_ in service.asked] == ["GetQueueUrl", "ReceiveMessage"] * 2


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ({"__type": "com.amazonaws.sqs#AccessDenied", "message": "not you"}, 403, "answered 403 AccessDenied: not you"),
        ({"__type": "ThrottlingException", "Message": "slower"}, 400, "answered 400 ThrottlingException: slower"),
        (b"<html>", 502, "answered 502"),
        (b"[]", 200, "answered 200"),
    ],
)
async def test_everything_else_is_trouble_that_is_told(
    service: Service, clients: QueueClients, said: object, status: int, why: str
) -> None:
    service.answer("GetQueueUrl", said, status=status)
    with pytest.raises(QueueUnavailable, match=f"^{service.url} {why}$"):
        await clients.queue(SOURCE).visibility_seconds()


async def test_credentials_that_have_expired_are_found_anew(
    service: Service, clients: QueueClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("GetQueueUrl", {"__type": "ExpiredToken"}, status=403)
    with pytest.raises(QueueUnavailable):
        await clients.queue(SOURCE).visibility_seconds()
    assert clients._credentials is None


async def test_a_server_that_is_not_there() -> None:
    async def endpoint_for(_service: str) -> str:
        return "http://127.0.0.1:1"

    clients = QueueClients(endpoint_for=endpoint_for, clock=Clock())
    with pytest.raises(QueueUnavailable, match=r"http://127\.0\.0\.1:1 can't be reached"):
        await clients.queue(SOURCE).visibility_seconds()
    await clients.close()


async def test_without_credentials_nothing_is_asked(
    service: Service, clients: QueueClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(QueueUnavailable, match="no credentials"):
        await clients.queue(SOURCE).visibility_seconds()
    assert service.asked == []


async def test_at_the_companion_the_access_key_is_the_account(service: Service) -> None:
    async def endpoint_for(_service: str) -> str:
        return service.url

    is_up = False
    clients = QueueClients(endpoint_for=endpoint_for, clock=Clock(), companion_url=service.url, is_up=lambda: is_up)
    queue = clients.queue(SOURCE)
    with pytest.raises(QueueGone):  # and it isn't started for that
        await queue.visibility_seconds()
    assert service.asked == []
    is_up = True
    service.answer("GetQueueAttributes", {"Attributes": {"VisibilityTimeout": "30"}})
    assert await queue.visibility_seconds() == 30
    assert "Credential=123456789012/" in service.asked[0][2]["authorization"]
    await clients.close()


async def test_without_an_endpoint_it_is_awss_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endpoint_for(_service: str) -> None:
        return None

    sent: list[str] = []

    async def send(_httpcore: Any, _pool: Any, url: str, _request: Any, _wait_seconds: int) -> Any:
        sent.append(url)
        return 200, [], b'{"QueueUrl": "https://q", "Attributes": {"VisibilityTimeout": "30"}}'

    clients = QueueClients(endpoint_for=endpoint_for, clock=Clock())
    monkeypatch.setattr(clients, "_send", send)
    assert await clients.queue(SOURCE).visibility_seconds() == 30
    assert sent == ["https://sqs.eu-west-1.amazonaws.com"] * 2


async def test_many_wait_at_the_same_time(service: Service, clients: QueueClients) -> None:
    service.answer("GetQueueAttributes", {"Attributes": {"VisibilityTimeout": "30"}})
    queue = clients.queue(SOURCE)
    assert set(await asyncio.gather(*(queue.visibility_seconds() for _ in range(50)))) == {30}


async def test_requests_go_through_the_proxy_that_the_environment_names(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endpoint_for(_service: str) -> str:
        return "http://queues.example"

    service.answer("GetQueueAttributes", {"Attributes": {"VisibilityTimeout": "30"}})
    monkeypatch.setenv("HTTP_PROXY", service.url)
    monkeypatch.setenv("http_proxy", service.url)
    clients = QueueClients(endpoint_for=endpoint_for, clock=Clock())
    assert await clients.queue(SOURCE).visibility_seconds() == 30
    assert service.asked[0][2]["host"] == "queues.example"
    await clients.close()


async def test_certificates_are_those_that_botocore_would_trust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def endpoint_for(_service: str) -> str:
        return "https://127.0.0.1:1"

    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    clients = QueueClients(endpoint_for=endpoint_for, clock=Clock())
    with pytest.raises(QueueUnavailable, match="FileNotFoundError"):
        await clients.queue(SOURCE).visibility_seconds()
