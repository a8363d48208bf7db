"""The tests' side of a probing function: see inside.py."""

import contextlib
import inspect
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lambent_server import LambentServer, create_function

_PACKAGE = Path(__file__).with_name("inside.py")


class Probe:
    """One function whose code is what it is sent."""

    def __init__(self, client: Any, name: str, **settings: Any) -> None:
        self.client = client
        self.name = name
        files = {"inside.py": _PACKAGE.read_text()}
        create_function(
            client, name, files, **{"Handler": "inside.handler", "Timeout": 30, "MemorySize": 512, **settings}
        )

    def outcome(self, attempt: Callable[..., object], *arguments: object) -> tuple[str | None, Any]:
        """Run an attempt inside; answers (function error or None, the decoded payload)."""
        event = {
            "name": attempt.__name__,
            "source": textwrap.dedent(inspect.getsource(attempt)),
            "arguments": arguments,
        }
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def run(self, attempt: Callable[..., Any], *arguments: object) -> Any:
        """Run an attempt that ends by returning; answers what it returned."""
        error, payload = self.outcome(attempt, *arguments)
        assert error is None, payload
        return payload

    def crash(self, attempt: Callable[..., object], *arguments: object) -> str:
        """Run an attempt that costs the environment its process; answers AWS's message without the request id."""
        error, payload = self.outcome(attempt, *arguments)
        assert error == "Unhandled", payload
        message: str = payload["errorMessage"]
        return f"{payload['errorType']}: {message.partition(' Error: ')[2]}"


def host_processes(lambent: LambentServer, uid: int) -> list[int]:
    """The host's pids of a server's processes that run as this user."""
    found = []
    for pid in lambent.processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}").stat().st_uid == uid:
                found.append(pid)
    return found


def host_uid() -> int:
    """Inside: the host's user id behind the only one there is."""
    with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123  # runs inside, see inside.py
        return int(file.read().split()[1])
