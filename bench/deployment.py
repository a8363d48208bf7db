"""Deploys the functions that are measured, and makes requests to them."""

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench import load
from bench.load import Target
from bench.packages import Package
from lambent.clock import Clock
from lambent.commands.client import LambdaClient

RATE_MEMORY_MB = 1769
"""One virtual CPU: what an environment may use doesn't limit the rates."""
SMALL_MEMORY_MB = 128
_ROLE = "arn:aws:iam::000000000000:role/bench"
_INIT_DURATION = re.compile(r"Init Duration: ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function answered, and how long it took to initialize if it was for this invocation (else None)."""

    payload: object
    init_ms: float | None


class Functions:
    """The functions of one server."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._names: set[str] = set()
        self._client = LambdaClient(
            f"http://127.0.0.1:{target.port}", region=target.region, credentials=target.credentials, clock=Clock()
        )

    def create(self, name: str, package: Package, *, memory_mb: int = RATE_MEMORY_MB) -> None:
        """Create a function and wait until it is active."""
        self._client.call("POST", "", creation(name, package, memory_mb=memory_mb))
        self._names.add(name)
        self.wait(name)

    def create_url(self, name: str, invoke_mode: str = "BUFFERED") -> str:
        """Give a function a URL that everybody may call; its host, with the port."""
        body = {"AuthType": "NONE", "InvokeMode": invoke_mode}
        made = self._client.request("POST", f"/2021-10-31/functions/{name}/url", body=json.dumps(body).encode())
        return urlsplit(str(json.loads(made.body)["FunctionUrl"])).netloc

    def create_from_folder(self, name: str, folder: Path, runtime: str) -> None:
        """Create a function whose code is a folder as it is now, and wait until it is active."""
        package = Package(b"", runtime)
        body = creation(name, package, memory_mb=RATE_MEMORY_MB)
        self._client.call("POST", "", {**body, "Code": {"S3Bucket": "hot-reload", "S3Key": str(folder)}})
        self._names.add(name)
        self.wait(name)

    def reconfigure(self, name: str, description: str) -> None:
        """Change a function's configuration, which retires its environments, and wait until that is done."""
        self._client.call("PUT", f"/{name}/configuration", {"Description": description})
        self.wait(name)

    def update_code(self, name: str, package: Package) -> None:
        """Give a function other code; doesn't wait until that is done."""
        self._client.call("PUT", f"/{name}/code", {"ZipFile": base64.b64encode(package.code).decode()})

    def publish_version(self, name: str) -> str:
        """Make a version of a function; its number."""
        return str(self._client.call("POST", f"/{name}/versions", {})["Version"])

    def delete_version(self, name: str, version: str) -> None:
        """Delete a version of a function."""
        self._client.request("DELETE", f"/2015-03-31/functions/{name}", query=f"Qualifier={version}")

    def delete(self, name: str) -> None:
        """Delete a function and its environments."""
        self._client.call("DELETE", f"/{name}")
        self._names.remove(name)

    def delete_all(self) -> None:
        """Delete all functions that were created through this object."""
        for name in sorted(self._names):
            self.delete(name)

    def wait(self, name: str) -> None:
        """Return when the function is active and no update is in progress."""
        while True:
            configuration = self._client.call("GET", f"/{name}/configuration")
            state, update = configuration.get("State"), configuration.get("LastUpdateStatus")
            if "Failed" in {state, update}:
                raise RuntimeError(f"{name}: {configuration}")
            if state == "Active" and update == "Successful":
                return
            time.sleep(0.005)

    def invoke(self, name: str, event: object = None, *, log_tail: bool = False) -> Answer:
        """Invoke synchronously.

        Raises:
            WrongAnswer: a function error.
        """
        response = self._client.invoke(name, json.dumps(event).encode(), log_tail=log_tail)
        if "x-amz-function-error" in response.headers:
            raise load.WrongAnswer(response.body[:600].decode("utf-8", "replace"))
        log = base64.b64decode(response.headers.get("x-amz-log-result", "")).decode("utf-8", "replace")
        init = _INIT_DURATION.search(log)
        return Answer(json.loads(response.body), float(init[1]) if init else None)

    def page_seconds(self) -> Iterator[float]:
        """How long each page of 50 of the list of all functions takes."""
        query = "MaxItems=50"
        while True:
            begun = time.perf_counter()
            response = self._client.request("GET", "/2015-03-31/functions", query=query)
            yield time.perf_counter() - begun
            page = json.loads(response.body)
            if "NextMarker" not in page:
                return
            query = f"MaxItems=50&Marker={quote(page['NextMarker'], safe='')}"

    def requests(self, name: str, count: int, **event: object) -> list[bytes]:
        """Signed requests, no two with the same event."""
        return [
            load.signed_invoke(self.target, name, json.dumps({"number": f"{number:08d}", **event}).encode())
            for number in range(count)
        ]


def creation(name: str, package: Package, *, memory_mb: int) -> dict[str, object]:
    """The body of CreateFunction."""
    return {
        "FunctionName": name,
        "Runtime": package.runtime,
        "Handler": package.handler,
        "Role": _ROLE,
        "MemorySize": memory_mb,
        "Timeout": 60,
        "Environment": {"Variables": dict(package.environment)},
        "Code": {"ZipFile": base64.b64encode(package.code).decode()},
    }
