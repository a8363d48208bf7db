"""Invoke over raw HTTP."""

import http.client
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from tests.golden import Answer
from tests.lambent_server import REGION

_SECONDS = 60


class Caller:
    """One account's requests; under `dev` any signature will do."""

    def __init__(self, port: int, account: str, *, region: str = REGION) -> None:
        self.port = port
        self.account = account
        self.region = region

    @property
    def authorization(self) -> dict[str, str]:
        credential = f"{self.account}/20260101/{self.region}/lambda/aws4_request"
        return {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0",
            "X-Amz-Date": "20260101T000000Z",
        }

    def arn(self, name: str, qualifier: str | None = None) -> str:
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"
        return arn if qualifier is None else f"{arn}:{qualifier}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)

    def invoke(
        self,
        name: str,
        payload: bytes = b"",
        *,
        qualifier: str | None = None,
        headers: Mapping[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """One Invoke; name is percent-encoded here."""
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
        if qualifier is not None:
            path += f"?Qualifier={quote(qualifier, safe='')}"
        used = connection or self.connect()
        try:
            used.request("POST", path, body=payload, headers={**self.authorization, **(headers or {})})
            response = used.getresponse()
            return Answer(response.status, _headers_of(response), response.read())
        finally:
            if connection is None:
                used.close()

    def result(self, name: str, event: Any = None, **options: Any) -> Any:
        """What the function returned, which must not be an error."""
        answer = self.invoke(name, json.dumps(event).encode(), **options)
        assert answer.status == 200, answer
        assert "x-amz-function-error" not in answer.headers, answer.body
        return json.loads(answer.body)

    def error(self, name: str, event: Any = None, **options: Any) -> Any:
        """The function's error, parsed."""
        answer = self.invoke(name, json.dumps(event).encode(), **options)
        assert (answer.status, answer.headers.get("x-amz-function-error")) == (200, "Unhandled"), answer
        return json.loads(answer.body)


def _headers_of(response: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        assert name.lower() not in headers, f"{name} is in the answer twice"
        headers[name.lower()] = value
    return headers


def at_the_same_time(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Results of that many calls in as many threads."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(work, range(count)))
