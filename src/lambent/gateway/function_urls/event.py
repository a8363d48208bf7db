"""An HTTP request as the event that a function gets of it: payload format 2.0.

Source: invocation.md §6.1; developer guide, "Invoking Lambda function URLs", request payload.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from lambent.wire.http import Headers, Request

_TEXT_TYPES = ("text", "json", "xml", "javascript")
_HIDDEN = frozenset({"cookie", "transfer-encoding", "connection", "keep-alive"})

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the event says of a request that isn't in the request itself.

    Attributes:
        url_id: the URL's own name, its host's first label.
        domain: the host that was called, without a port.
        path: of the function's own URL, as sent: percent-encoded.
        source_ip: the client's address.
        received_ms: epoch milliseconds.
        account: whose credentials signed the request, and under `access_key`; "" where nobody needs any.
    """

    url_id: str
    domain: str
    path: str
    source_ip: str
    request_id: str
    trace_id: str
    received_ms: int
    account: str = ""
    access_key: str = ""


def event_of(request: Request, arrival: Arrival) -> bytes:
    """The event as JSON. Keys whose value there isn't are absent, as on AWS, not null."""
    headers = _headers(request.headers, arrival)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": arrival.path,
        "rawQueryString": request.query,
        "headers": headers,
    }
    cookies = [cookie for line in request.headers.getlist("cookie") for cookie in line.split("; ") if cookie]
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _parameters(request.query)
    event["requestContext"] = _context(request, arrival, headers.get("user-agent", ""))
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    else:
        event["isBase64Encoded"] = False
    return _encode(event)


def _headers(sent: Headers, arrival: Arrival) -> dict[str, str]:
    """Names in lower case, what was repeated joined; cookies are elsewhere."""
    headers = {name: ",".join(sent.getlist(name)) for name in sent if name not in _HIDDEN}
    _, _, port = sent.get("host", "").rpartition(":")
    headers["x-amzn-trace-id"] = arrival.trace_id
    headers["x-forwarded-for"] = arrival.source_ip
    headers["x-forwarded-proto"] = "http"
    headers["x-forwarded-port"] = port if port.isdigit() else "80"
    return headers


def _parameters(query: str) -> dict[str, str]:
    """Decoded, what was repeated joined by commas. Source for `+` and for names without a value: unverified."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _context(request: Request, arrival: Arrival, user_agent: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(arrival.received_ms / 1000, UTC)
    context: dict[str, Any] = {
        "accountId": arrival.account or "anonymous",
        "apiId": arrival.url_id,
        "domainName": arrival.domain,
        "domainPrefix": arrival.url_id,
        "http": {
            "method": request.method,
            "path": arrival.path,
            "protocol": "HTTP/1.0" if request.http_1_0 else "HTTP/1.1",
            "sourceIp": arrival.source_ip,
            "userAgent": user_agent,
        },
        "requestId": arrival.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "timeEpoch": arrival.received_ms,
    }
    if arrival.account:
        context["authentication"] = None
        context["authorizer"] = {
            "iam": {
                "accessKey": arrival.access_key,
                "accountId": arrival.account,
                "callerId": arrival.access_key,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": f"arn:aws:iam::{arrival.account}:root",
                "userId": arrival.account,
            }
        }
    return context


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as text, and whether that is base64: of everything that isn't said to be text, or isn't."""
    kind = content_type.lower()
    if any(text in kind for text in _TEXT_TYPES):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
