"""The companion's life: when it is started, what happens when it dies, and that it ends with the server."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.companion.conftest import Account, aws_client
from tests.companion.test_queues import Queue, hanging_receive, settle
from tests.lambent_server import LambentServer, create_function, descendants

pytestmark = pytest.mark.root

ACCOUNT = "111122223333"


def companions(server: LambentServer) -> list[int]:
    """Pids of its companion: one or none."""
    found = []
    for pid, _ in descendants(server.pid):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"lambent.companion.launcher" in command:
            found.append(pid)
    return found


def test_it_is_started_by_the_first_request_for_another_service(own_lambent: LambentServer) -> None:
    own_lambent.start()
    client = own_lambent.client(account=ACCOUNT)
    create_function(client, "f", "def handler(event, context): return 1")
    assert json.load(client.invoke(FunctionName="f")["Payload"]) == 1
    client.get_function(FunctionName="f")
    assert companions(own_lambent) == []

    aws_client(own_lambent, "sts", ACCOUNT).get_caller_identity()
    assert len(companions(own_lambent)) == 1
    aws_client(own_lambent, "sqs", ACCOUNT).list_queues()
    assert len(companions(own_lambent)) == 1


def test_who_waits_for_messages_is_answered_when_the_server_stops(own_lambent: LambentServer) -> None:
    own_lambent.start()
    queue = Queue(Account(own_lambent, ACCOUNT))
    connection = hanging_receive(queue)
    settle(queue)
    assert own_lambent.stop() == 0
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert (answer.status, json.load(answer)) == (200, {})
    connection.close()


def test_requests_at_once_start_one(own_lambent: LambentServer) -> None:
    own_lambent.start()
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(aws_client(own_lambent, "sqs", ACCOUNT).list_queues()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(companions(own_lambent)) == 1


def test_one_that_was_killed_is_started_again_and_its_loss_is_said(own_lambent: LambentServer) -> None:
    own_lambent.start()
    sqs = aws_client(own_lambent, "sqs", ACCOUNT)
    sqs.create_queue(QueueName="q")
    [pid] = companions(own_lambent)
    os.kill(pid, signal.SIGKILL)
    assert "QueueUrls" not in sqs.list_queues()  # at once, whether the server has been told yet or not
    [again] = companions(own_lambent)
    assert again != pid
    deadline = time.monotonic() + 10
    while "is lost" not in own_lambent.said():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "WARNING The companion has ended (killed by SIGKILL)" in own_lambent.said()


def test_a_request_under_way_when_it_dies_is_asked_of_the_next_one(own_lambent: LambentServer) -> None:
    own_lambent.start()
    sqs = aws_client(own_lambent, "sqs", ACCOUNT)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    errors: list[ClientError] = []

    def wait_for_messages() -> None:
        try:
            sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        except ClientError as error:
            errors.append(error)

    thread = threading.Thread(target=wait_for_messages)
    thread.start()
    time.sleep(0.5)  # nothing outside tells that the request has arrived
    [pid] = companions(own_lambent)
    os.kill(pid, signal.SIGKILL)
    thread.join()
    [error] = errors
    assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"  # it went with the other one


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_ends_with_the_server(end: str, own_lambent: LambentServer) -> None:
    """Afterwards `own_lambent` finds no process of the server's left."""
    own_lambent.start()
    aws_client(own_lambent, "sts", ACCOUNT).get_caller_identity()
    assert len(companions(own_lambent)) == 1
    if end == "stop":
        assert own_lambent.stop() == 0
        assert "has ended" not in own_lambent.said()
    else:
        own_lambent.kill()
        own_lambent.wait_until_no_process_is_left()
        own_lambent.start()


def test_what_the_user_has_of_aws_is_not_the_companions(own_lambent: LambentServer) -> None:
    own_lambent.environment = {"AWS_SECRET_ACCESS_KEY": "the-users", "AWS_PROFILE": "the-users"}
    own_lambent.start()
    aws_client(own_lambent, "sts", ACCOUNT).get_caller_identity()
    [pid] = companions(own_lambent)
    assert b"the-users" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_page_of_an_allowed_origin_reaches_the_services(own_lambent: LambentServer) -> None:
    """A browser asks first; pages of all other origins are refused (DESIGN 3.12)."""
    own_lambent.flags = ["--allowed-origins", "http://localhost:3000"]
    own_lambent.start()

    def preflight(origin: str) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", own_lambent.port)
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-amz"}
        connection.request("OPTIONS", "/", headers=asked)
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.getheader("Access-Control-Allow-Origin")

    assert preflight("http://localhost:3000") in {(200, "*"), (200, "http://localhost:3000")}
    assert preflight("http://evil.example") == (403, None)


def test_it_can_be_off(own_lambent: LambentServer) -> None:
    own_lambent.flags = ["--companion", "off"]
    own_lambent.start()
    for service, operation in (("s3", "list_buckets"), ("sts", "get_caller_identity"), ("sqs", "list_queues")):
        with pytest.raises(ClientError, match="the companion is off") as raised:
            getattr(aws_client(own_lambent, service, ACCOUNT), operation)()
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert companions(own_lambent) == []


class Elsewhere(BaseHTTPRequestHandler):
    """Another endpoint: answers with what it was asked."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"QueueUrls": [f"{name}={value}" for name, value in self.headers.items()]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_endpoint_of_the_environment_comes_before_the_companion(own_lambent: LambentServer, elsewhere: str) -> None:
    own_lambent.environment = {"AWS_ENDPOINT_URL_SQS": elsewhere}
    own_lambent.start()
    headers = aws_client(own_lambent, "sqs", ACCOUNT).list_queues()["QueueUrls"]
    lowered = {header.partition("=")[0].lower(): header.partition("=")[2] for header in headers}
    assert lowered["x-lambent-hop"] == "1"
    assert lowered["host"] == f"127.0.0.1:{own_lambent.port}"  # as it was signed
    assert lowered["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/")
    assert "x-moto-account-id" not in lowered
    assert companions(own_lambent) == []


def test_two_servers_that_are_each_others_endpoint_refuse_to_send_a_request_round(
    own_lambent: LambentServer, tmp_path: Path
) -> None:
    """DESIGN section 1: forwarded requests carry a hop header, a second hop is refused."""
    other = LambentServer(tmp_path / "other").start()
    try:
        own_lambent.environment = {"AWS_ENDPOINT_URL": other.url}
        own_lambent.start()
        first_port = own_lambent.port
        other.stop()
        other.environment = {"AWS_ENDPOINT_URL": f"http://localhost:{first_port}"}
        other.start()
        with pytest.raises(ClientError, match="was forwarded by a Lambent before") as raised:
            aws_client(own_lambent, "sqs", ACCOUNT).list_queues()
        assert raised.value.response["Error"]["Code"] == "LoopDetected"
    finally:
        other.stop()


def test_an_endpoint_that_is_the_server_itself_is_ignored(own_lambent: LambentServer) -> None:
    """DESIGN section 1: people have it exported for awslocal."""
    own_lambent.start()
    own_lambent.stop()
    own_lambent.environment = {"AWS_ENDPOINT_URL": own_lambent.url}  # it takes the same port again
    own_lambent.start()
    assert "is this server itself" in own_lambent.said()
    assert aws_client(own_lambent, "sts", ACCOUNT).get_caller_identity()["Account"] == ACCOUNT


def test_an_endpoint_that_nobody_listens_at(own_lambent: LambentServer) -> None:
    own_lambent.environment = {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"}
    own_lambent.start()
    with pytest.raises(ClientError, match=r"http://127\.0\.0\.1:9 can't be reached") as raised:
        aws_client(own_lambent, "sqs", ACCOUNT).list_queues()
    assert raised.value.response["Error"]["Code"] == "BadGateway"


def test_serve_has_no_companion(tmp_path: Path) -> None:
    server = LambentServer(tmp_path / "data", posture="serve").start()
    try:
        with pytest.raises(ClientError) as raised:
            aws_client(server, "sqs", ACCOUNT).list_queues()
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert companions(server) == []
    finally:
        server.stop()
