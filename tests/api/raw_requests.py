"""Requests that no client would send, on a connection that stays open, for tests that send very many.

What is sent is written from the API model, with nothing checked: nulls within lists and maps are sent as they are.
"""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.api.constraint_oracle import input_of, model, shape
from tests.golden import Answer
from tests.lambent_server import REGION


class Connection:
    """One connection to a server.

    Args:
        account: in the name of which the requests are signed; `dev` doesn't look at the signature itself.
    """

    def __init__(self, url: str, *, account: str, region: str = REGION) -> None:
        self.region = region
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        credential = f"{account}/20260101/{region}/lambda/aws4_request"
        self._headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Date": "20260101T000000Z",
        }

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Answer:
        """Carry out an operation."""
        http_part = model()["operations"][operation]["http"]
        path, _, constants = http_part["requestUri"].partition("?")
        query: list[tuple[str, Any]] = []
        headers: dict[str, str] = {}
        body: dict[str, Any] = {}
        definition = shape(input_of(operation)) if "input" in model()["operations"][operation] else {}
        for name, value in parameters.items():
            member = definition["members"][name]
            wire_name = member.get("locationName", name)
            match member.get("location"):
                case "uri":
                    path = path.replace(f"{{{wire_name}}}", quote(str(value), safe=""))
                case "querystring":
                    query.append((wire_name, str(value).lower() if isinstance(value, bool) else value))
                case "header":
                    headers[wire_name] = str(value)
                case _:
                    body[wire_name] = value
        target = "?".join(filter(None, [path, "&".join(filter(None, [constants, urlencode(query, doseq=True)]))]))
        payload = definition.get("payload")
        sent = body.get(definition["members"][payload].get("locationName", payload)) if payload else body
        document = sent if isinstance(sent, bytes) else json.dumps(sent, default=_blob).encode()
        return self.send(http_part["method"], target, b"" if sent in (None, {}) else document, headers)

    def send(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request."""
        self._connection.request(method, target, body or None, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        self._connection.close()


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode()
