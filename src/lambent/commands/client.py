"""A small client of the public Lambda API: what `lambent invoke`, the example and the bench need, and no more.

The AWS SDK would do as well, but takes a quarter of a second to import.
"""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote, urlsplit

from lambent.clock import Clock
from lambent.commands.signature import Credentials, signed_headers

_PREFIX = "/2015-03-31/functions"


class RequestFailed(Exception):
    """The server refused the request or can't be reached; the message is one line for a person.

    Attributes:
        code: AWS's name of the error, "" when there was no answer.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of status 2xx; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LambdaClient:
    """One server, one identity, one connection that is kept."""

    def __init__(self, endpoint_url: str, *, region: str, credentials: Credentials, clock: Clock) -> None:
        """Connects at the first request.

        Args:
            endpoint_url: such as http://127.0.0.1:4566.
        """
        parts = urlsplit(endpoint_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RequestFailed(f"{endpoint_url} is not the address of a server, such as http://127.0.0.1:4566")
        self._endpoint_url = endpoint_url
        self._host = parts.netloc
        self._region = region
        self._credentials = credentials
        self._clock = clock
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(self._host, timeout=960)  # a synchronous function may take 15 minutes to answer

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def invoke(
        self, function: str, payload: bytes, *, qualifier: str = "", tenant: str = "", log_tail: bool = False
    ) -> Response:
        """Invoke synchronously; a function error is an answer too, with `x-amz-function-error`."""
        query = f"Qualifier={quote(qualifier, safe='')}" if qualifier else ""
        sent = {"X-Amz-Log-Type": "Tail" if log_tail else "", "X-Amz-Tenant-Id": tenant}
        headers = {name: value for name, value in sent.items() if value}
        path = f"{_PREFIX}/{quote(function, safe='')}/invocations"
        return self.request("POST", path, query=query, headers=headers, body=payload)

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """One operation of the control plane; `path` is below /2015-03-31/functions."""
        content = b"" if body is None else json.dumps(body).encode()
        response = self.request(method, _PREFIX + path, headers={"Content-Type": "application/json"}, body=content)
        return cast("dict[str, object]", json.loads(response.body)) if response.body else {}

    def request(
        self, method: str, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Sign and send one request.

        Raises:
            RequestFailed: no server, or an answer other than 2xx.
        """
        signed = signed_headers(
            self._credentials,
            method=method,
            host=self._host,
            path=path,
            query=query,
            headers=dict(headers or {}),
            body=body,
            region=self._region,
            at=datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC),
        )
        try:
            self._connection.request(method, f"{path}?{query}" if query else path, body, signed)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise RequestFailed(
                f"no answer from {self._endpoint_url} ({cause}); is `lambent dev` running there?"
            ) from error
        response = Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
        if not 200 <= response.status < 300:
            raise _refusal(response)
        return response


def wait_until_settled(client: LambdaClient, function: str, *, deadline_seconds: float = 30) -> None:
    """Until what was deployed last is what runs.

    Raises:
        RequestFailed: it can't be made ready, or isn't in time.
    """
    end = time.monotonic() + deadline_seconds
    while time.monotonic() < end:
        configuration = client.call("GET", f"/{quote(function, safe='')}/configuration")
        if configuration.get("State") == "Active" and configuration.get("LastUpdateStatus") != "InProgress":
            return
        if "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus")):
            raise RequestFailed(f"the function {function} could not be deployed: {configuration.get('StateReason')}")
        time.sleep(0.02)
    raise RequestFailed(f"the function {function} is not active after {deadline_seconds:g} seconds")


def _refusal(response: Response) -> RequestFailed:
    code = response.headers.get("x-amzn-errortype", f"HTTP {response.status}").partition(":")[0]
    try:
        body = json.loads(response.body)
        message = body.get("message") or body.get("Message") or ""
    except (ValueError, AttributeError):
        message = response.body[:200].decode("utf-8", "replace")
    return RequestFailed(f"{code}: {message}", code)
