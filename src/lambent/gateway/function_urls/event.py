"""An HTTP request as the event that a function gets of it: payload format 2.0.

Source: invocation.md §6.1; developer guide, "Invoking Lambda function URLs", request payload.
"""

import base64
from collections import defaultdict
from functools import lru_cache
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from lambent.wire.http import Headers, Request

_TEXT_TYPES = ("text", "json", "xml", "javascript")
_DEFAULT_ROUTE = "$default"
_HIDDEN = ("cookie", "transfer-encoding", "connection", "keep-alive")

_encode = msgspec.json.Encoder().encode


class Arrival(NamedTuple):
    """What the event says of a request that isn't in the request itself.

    Attributes:
        url_id: the URL's own name, its host's first label.
        domain: the host that was called, without a port.
        path: of the function's own URL, as sent: percent-encoded.
        source_ip: the client's address.
        received_ms: epoch milliseconds.
        account: whose credentials signed the request, and under `access_key`; "" where nobody needs any.
        scheme: by which the client came.
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
    scheme: str = "http"


def event_of(request: Request, arrival: Arrival) -> bytes:
    """The event as JSON. Keys whose value there isn't are absent, as on AWS, not null."""
    headers = _headers(request.headers, arrival)
    query = request.query
    body: str | UnsetType = UNSET
    is_base64 = False
    if request.body:
        body, is_base64 = _body(request.body, headers.get("content-type", ""))
    return _encode(
        _Event(
            "2.0",
            _DEFAULT_ROUTE,
            arrival.path,
            query,
            _cookies(request.headers) if "cookie" in request.headers else UNSET,
            headers,
            _parameters(query) if query else UNSET,
            _context(request, arrival, headers.get("user-agent", "")),
            body,
            is_base64,
        )
    )


# A request makes one of each: structures are made and written in a fraction of the time that dictionaries take.
# Their members are in the order of AWS's events and called by their names.


class _Http(msgspec.Struct, rename="camel"):
    method: str
    path: str
    protocol: str
    source_ip: str
    user_agent: str


class _Context(msgspec.Struct, rename="camel"):
    account_id: str
    api_id: str
    authentication: UnsetType | None
    authorizer: dict[str, dict[str, str | None]] | UnsetType
    domain_name: str
    domain_prefix: str
    http: _Http
    request_id: str
    route_key: str
    stage: str
    time: str
    time_epoch: int


class _Event(msgspec.Struct, rename="camel"):
    version: str
    route_key: str
    raw_path: str
    raw_query_string: str
    cookies: list[str] | UnsetType
    headers: dict[str, str]
    query_string_parameters: dict[str, str] | UnsetType
    request_context: _Context
    body: str | UnsetType
    is_base64_encoded: bool = msgspec.field(name="isBase64Encoded")


def _headers(sent: Headers, arrival: Arrival) -> dict[str, str]:
    """Names in lower case, what was repeated joined; cookies are elsewhere."""
    headers = {name: ",".join(sent.getlist(name)) for name in sent} if sent.has_repeated else dict(sent)
    for name in _HIDDEN:
        headers.pop(name, None)
    _, _, port = headers.get("host", "").rpartition(":")
    headers["x-amzn-trace-id"] = arrival.trace_id
    headers["x-forwarded-for"] = arrival.source_ip
    headers["x-forwarded-proto"] = arrival.scheme
    headers["x-forwarded-port"] = port if port.isdigit() else "443" if arrival.scheme == "https" else "80"
    return headers


def _cookies(sent: Headers) -> list[str] | UnsetType:
    cookies = [cookie.strip() for line in sent.getlist("cookie") for cookie in line.split(";")]
    return [cookie for cookie in cookies if cookie] or UNSET


def _parameters(query: str) -> dict[str, str]:
    """Decoded, what was repeated joined by commas. Source for `+` and for names without a value: unverified."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for field in query.split("&"):
        if field:
            name, _, value = field.partition("=")
            values[unquote_plus(name)].append(unquote_plus(value))
    return {name: ",".join(several) for name, several in values.items()}


def _context(request: Request, arrival: Arrival, user_agent: str) -> _Context:
    context = _Context(
        arrival.account or "anonymous",
        arrival.url_id,
        UNSET,
        UNSET,
        arrival.domain,
        arrival.url_id,
        _Http(
            request.method,
            arrival.path,
            "HTTP/1.0" if request.http_1_0 else "HTTP/1.1",
            arrival.source_ip,
            user_agent,
        ),
        arrival.request_id,
        _DEFAULT_ROUTE,
        _DEFAULT_ROUTE,
        _time(arrival.received_ms // 1000),
        arrival.received_ms,
    )
    if arrival.account:
        context.authentication = None
        context.authorizer = {
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


@lru_cache(maxsize=2)
def _time(seconds: int) -> str:
    """A second since the epoch as web servers log it; thousands of requests have the same."""
    return strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(seconds))


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as text, and whether that is base64: of everything that isn't said to be text, or isn't."""
    if _is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


@lru_cache(maxsize=64)
def _is_text(content_type: str) -> bool:
    kind = content_type.lower()
    return any(text in kind for text in _TEXT_TYPES)
