"""The surroundings of a server that is killed: queues that survive it, callers that never stop, functions that tell."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.request import Request, urlopen

import boto3

from tests.aws_server import aws_server
from tests.lambent_server import REGION, LambentServer, create_function

ACCOUNT = "000000000000"
RESULTS, LETTERS = "results", "letters"
FLAKY, TIGHT = "flaky", "tight"
_CALLER_SECONDS = 10

_SOURCE = """\
import os, socket, time

def handler(event, context):
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 10) as listener:
        listener.sendall(f"{context.function_name} {context.aws_request_id}\\n".encode())
        verdict = listener.makefile().readline().strip()
    time.sleep(float(os.environ.get("SECONDS", "0")))
    if verdict == "fail":
        raise ValueError("told to fail")
    return {"verdict": verdict}
"""


class Listener:
    """Hears of each run of a function, and says how it shall end."""

    def __init__(self) -> None:
        self.runs: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._hear, args=(connection,), daemon=True).start()

    def _hear(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_CALLER_SECONDS)
            function, _, request_id = connection.makefile().readline().strip().partition(" ")
            if not request_id:  # killed before it could say
                return
            with self._lock:
                self.runs[function, request_id] += 1
                first = self.runs[function, request_id] == 1
            connection.sendall(b"fail\n" if function == "bad" or (function == FLAKY and first) else b"ok\n")


class Callers:
    """Send events without end, and write down which were accepted."""

    def __init__(self, server: LambentServer, functions: list[str], *, pause_seconds: float) -> None:
        self.accepted: dict[str, str] = {}
        self.refused = 0
        self._server = server
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(name,), daemon=True) for name in functions]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, function: str) -> None:
        connection: http.client.HTTPConnection | None = None
        # Those that are throttled need many attempts each.
        pause_seconds = self._pause_seconds * (5 if function == TIGHT else 1)
        while not self._stop.wait(pause_seconds):
            connection = connection or http.client.HTTPConnection(
                "127.0.0.1", self._server.port, timeout=_CALLER_SECONDS
            )
            try:
                connection.request(
                    "POST", f"/2015-03-31/functions/{function}/invocations", b'{"n": 1}', headers=_EVENT_HEADERS
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                continue
            if answer.status == 202:
                self.accepted[answer.headers["x-amzn-RequestId"]] = function
            else:
                self.refused += 1
        if connection is not None:
            connection.close()


_EVENT_HEADERS = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/lambda/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
    "X-Amz-Invocation-Type": "Event",
}


class Queues:
    """The queues of a server of SQS that nobody kills."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = boto3.client(
            "sqs", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="any"
        )
        self._urls = {name: self.client.create_queue(QueueName=name)["QueueUrl"] for name in (RESULTS, LETTERS)}

    @staticmethod
    def arn(name: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def drain(self, name: str) -> Iterator[Mapping[str, Any]]:
        """All messages of a queue, which are taken out."""
        url = self._urls[name]
        while True:
            messages = self.client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageAttributeNames=["All"]
            ).get("Messages", [])
            if not messages:
                return
            yield from messages
            handles = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
            self.client.delete_message_batch(QueueUrl=url, Entries=handles)


class Collector:
    """Takes messages out of both queues as they come: a long queue would make its server slow."""

    def __init__(self, queues: Queues) -> None:
        self.messages: dict[str, list[Mapping[str, Any]]] = {RESULTS: [], LETTERS: []}
        self._queues = queues
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def finish(self) -> dict[str, list[Mapping[str, Any]]]:
        """All messages, once nothing more is sent."""
        self._stop.set()
        self._thread.join()
        self._take()
        return self.messages

    def _collect(self) -> None:
        while not self._stop.wait(0.5):
            self._take()

    def _take(self) -> None:
        for name, taken in self.messages.items():
            taken.extend(self._queues.drain(name))


@contextlib.contextmanager
def queues() -> Iterator[Queues]:
    with aws_server() as url:
        made = Queues(url)
        yield made
        made.client.close()


def send_to(server: LambentServer, url: str) -> None:
    """Have a server that isn't started yet look for SQS there."""
    server.environment |= {
        "AWS_ENDPOINT_URL_SQS": url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "any",
    }


def make_functions(server: LambentServer, port: int) -> list[str]:
    """One function of each kind of life that an event can have; their names."""
    client = server.client()

    def make(name: str, **variables: str) -> None:
        create_function(client, name, _SOURCE, Timeout=10, Environment={"Variables": {"PORT": str(port), **variables}})

    for name in ("good", "bad", FLAKY, "relay"):
        make(name)
    make(TIGHT, SECONDS="0.03")
    client.put_function_concurrency(FunctionName=TIGHT, ReservedConcurrentExecutions=1)
    results = {"Destination": Queues.arn(RESULTS)}
    both = {"OnSuccess": results, "OnFailure": results}
    for name in ("good", "bad", FLAKY, TIGHT):
        retries = 0 if name == "bad" else 2
        client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=retries, DestinationConfig=both)
    client.update_function_configuration(FunctionName="bad", DeadLetterConfig={"TargetArn": Queues.arn(LETTERS)})
    good = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:good"
    client.put_function_event_invoke_config(
        FunctionName="relay", DestinationConfig={"OnSuccess": {"Destination": good}, "OnFailure": results}
    )
    return ["good", "bad", FLAKY, "relay", TIGHT]


def control(server: LambentServer, method: str, path: str) -> Any:
    """What a control endpoint answers."""
    token = (server.data_directory / "control-token").read_text()
    request = Request(f"{server.url}/_lambent/{path}", method=method, headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_until_empty(server: LambentServer, *, seconds: float, advance: bool = True) -> None:
    """Until no event and no delivery waits; the clock is moved past retries."""
    deadline = time.monotonic() + seconds
    while True:
        queue = control(server, "GET", "queue?limit=5")
        if queue["eventCount"] == queue["deliveryCount"] == 0:
            return
        assert time.monotonic() < deadline, queue
        if advance:
            control(server, "POST", "clock?seconds=61")
        time.sleep(0.5)
