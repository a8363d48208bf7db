"""A function that asks the test what to do: each of its invocations is a call that the test answers."""

import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SOURCE = """\
import json, os, socket

def handler(event, context):
    told = {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "trace": os.environ.get("_X_AMZN_TRACE_ID", ""),
    }
    with socket.create_connection(("127.0.0.1", int(os.environ["CALLEE"]))) as connection:
        connection.sendall(json.dumps(told).encode() + b"\\n")
        said = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    if "raise" in said:
        raise RuntimeError(said["raise"])
    return said["return"]
"""


@dataclass
class Call:
    """An invocation that waits for what it shall do."""

    told: dict[str, Any]
    connection: socket.socket
    ended: Callable[[], None]

    @property
    def event(self) -> Any:
        return self.told["event"]

    @property
    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.event["Records"]
        return found

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for record in self.records]

    def answer(self, value: object = None) -> "Call":
        """Have the handler return a value."""
        return self._say({"return": value})

    def report(self, *bodies: str) -> "Call":
        """Have it report the messages with these bodies as failed."""
        failed = [record["messageId"] for record in self.records if record["body"] in bodies]
        return self.answer({"batchItemFailures": [{"itemIdentifier": one} for one in failed]})

    def fail(self) -> "Call":
        """Have it raise."""
        return self._say({"raise": "on purpose"})

    def _say(self, said: object) -> "Call":
        self.ended()
        self.connection.sendall(json.dumps(said).encode())
        self.connection.close()
        return self


class Callee:
    """Listens on the host's loopback, which functions reach under `dev`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.calls: queue.Queue[Call] = queue.Queue()
        self.most_at_once = 0
        self._open: list[Call] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def environment(self) -> dict[str, Any]:
        """Of the function."""
        return {"Variables": {"CALLEE": str(self.port)}}

    def next(self, *, seconds: float = 60) -> Call:
        """The next invocation; it waits until it is answered."""
        try:
            return self.calls.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"the function was not invoked within {seconds} s") from None

    def answered(self, *, seconds: float) -> list[str]:
        """The bodies of the next invocation, which is answered; none if none comes in time."""
        try:
            return self.calls.get(timeout=seconds).answer().bodies
        except queue.Empty:
            return []

    def bodies(self, count: int, *, answer: object = None) -> list[str]:
        """The bodies of so many messages, whose invocations are answered."""
        found: list[str] = []
        while len(found) < count:
            found += self.next().answer(answer).bodies
        assert len(found) == len(set(found)) == count, sorted(found)
        return found

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for call in self._open:
            call.connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection.makefile("rb") as lines:
                line = lines.readline()
            if not line:  # its environment has ended
                connection.close()
                continue
            call = Call(json.loads(line), connection, lambda: None)
            call.ended = lambda call=call: self._ended(call)  # type: ignore[misc]
            with self._lock:
                self._open.append(call)
                self.most_at_once = max(self.most_at_once, len(self._open))
            self.calls.put(call)

    def _ended(self, call: Call) -> None:
        with self._lock:
            self._open.remove(call)
