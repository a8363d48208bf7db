"""SQS for those who wait for messages: a long poll is a coroutine here, and no thread.

The protocol is AWS's JSON 1.0, which SQS, the companion and other servers of queues speak; botocore signs, finds
credentials and knows AWS's own endpoints. botocore and httpcore are imported by the first request, in a thread.
"""

import asyncio
import contextlib
import importlib
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from lambent.clock import Clock
from lambent.core.mappings.queues.messages import Message, message_of
from lambent.core.mappings.sources import EventSource
from lambent.core.scope import Scope

MOST_AT_ONCE: Final = 10
"""Messages that a request may be about."""

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0  # beyond what a long poll waits
_CREDENTIALS_SECONDS = 60.0  # well below what botocore renews them before their end
_CONNECTIONS = 4_096
_OK = 200
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})
_GONE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
_QUERY_ERROR = b"x-amzn-query-error"

logger = logging.getLogger(__name__)


class QueueGone(Exception):
    """There is no such queue."""


class QueueUnavailable(Exception):
    """The queue can't be asked now; the message says why, in a line for people."""


@dataclass(frozen=True, slots=True)
class _Libraries:
    httpcore: Any
    request: Any
    sigv4: Any
    credentials: Any
    session: Any
    proxies: Any


class QueueClients:
    """Gives out queues, which share connections and credentials.

    Args:
        endpoint_for: the URL of a service, by boto3's name of it; None is AWS's own.
        companion_url: as of `AwsClients`.
        is_up: whether what is behind the companion's URL runs: one that doesn't has no queues, and asking starts it.
    """

    def __init__(
        self,
        *,
        endpoint_for: Callable[[str], Awaitable[str | None]],
        clock: Clock,
        companion_url: str | None = None,
        is_up: Callable[[], bool] = lambda: True,
    ) -> None:
        self._endpoint_for = endpoint_for
        self._clock = clock
        self._companion_url = companion_url
        self._is_up = is_up
        self._loading = asyncio.Lock()  # held while libraries, credentials or an endpoint are found, in a thread
        self._libraries: _Libraries | None = None
        self._pools: dict[str, Any] = {}  # by the endpoint's URL
        self._endpoints: dict[str, str] = {}  # AWS's own, by region
        self._credentials: tuple[float, Any] | None = None

    def queue(self, source: EventSource) -> "Queue":
        """The queue that an event source is."""
        return Queue(self, source)

    async def close(self) -> None:
        """Cut what is open."""
        for pool in self._pools.values():
            with contextlib.suppress(Exception):  # of a connection that can't be closed nothing is left to be done
                await pool.aclose()

    async def call(
        self, scope: Scope, operation: str, parameters: Mapping[str, Any], *, wait_seconds: int = 0
    ) -> Mapping[str, Any]:
        """One request, and what it is answered.

        Args:
            wait_seconds: for how long the service may wait before it answers.

        Raises:
            QueueGone: the queue of the request isn't there.
            QueueUnavailable: everything else.
        """
        endpoint = await self._endpoint_for("sqs")
        is_companion = endpoint is not None and endpoint == self._companion_url
        if is_companion and not self._is_up():
            raise QueueGone
        try:
            libraries = await self._loaded()
            url = endpoint or await self._aws(libraries, scope.region)
            credentials = (
                libraries.credentials(scope.account, "any") if is_companion else await self._resolved(libraries)
            )
            pool = self._pools.get(url)
            if pool is None:
                pool = self._pools[url] = _new_pool(libraries, url)
        except Exception as error:  # whatever may be wrong with somebody's configuration of AWS
            raise QueueUnavailable(f"AWS can't be asked: {type(error).__name__}: {error}") from error
        if credentials is None:
            raise QueueUnavailable("there are no credentials for AWS")
        request = _signed(libraries, credentials, scope.region, url, operation, json.dumps(parameters).encode())
        status, headers, body = await self._send(libraries.httpcore, pool, url, request, wait_seconds)
        return self._understood(url, status, headers, body)

    async def _send(
        self, httpcore: Any, pool: Any, url: str, request: Any, wait_seconds: int
    ) -> tuple[int, Sequence[tuple[bytes, bytes]], bytes]:
        timeout = {
            "connect": _CONNECT_SECONDS,
            "pool": _ANSWER_SECONDS,
            "read": wait_seconds + _ANSWER_SECONDS,
            "write": _ANSWER_SECONDS,
        }
        try:
            answer = await pool.request(
                request.method,
                url,
                headers=list(request.headers.items()),
                content=request.body,
                extensions={"timeout": timeout},
            )
        except httpcore.TimeoutException as error:
            raise QueueUnavailable(f"{url} did not answer in time") from error
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
        ) as error:
            raise QueueUnavailable(f"{url} can't be reached: {error or type(error).__name__}") from error
        return answer.status, answer.headers, answer.content

    def _understood(
        self, url: str, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> Mapping[str, Any]:
        try:
            said = _decoded(body or b"{}")
        except ValueError:
            said = None
        if status == _OK and isinstance(said, dict):
            return said
        detail = said if isinstance(said, dict) else {}
        code = str(detail.get("__type", "")).rpartition("#")[2]
        query_error = next((value.decode("latin-1") for name, value in headers if name.lower() == _QUERY_ERROR), "")
        codes = {code, query_error.partition(";")[0]}
        if codes & _GONE:
            raise QueueGone
        if codes & _EXPIRED:
            self._credentials = None
        message = detail.get("message") or detail.get("Message") or ""
        raise QueueUnavailable(f"{url} answered {status} {code}: {message}" if code else f"{url} answered {status}")

    async def _loaded(self) -> _Libraries:
        if self._libraries is None:
            async with self._loading:
                if self._libraries is None:
                    self._libraries = await asyncio.to_thread(_load)
        return self._libraries

    async def _resolved(self, libraries: _Libraries) -> Any:
        """Credentials of the default chain; None if there are none."""
        known = self._credentials
        if known is None or self._clock.monotonic() - known[0] > _CREDENTIALS_SECONDS:
            async with self._loading:
                if self._credentials is known:  # and nobody was faster
                    found = await asyncio.to_thread(_frozen_credentials, libraries)
                    self._credentials = (self._clock.monotonic(), found)
        return self._credentials[1] if self._credentials is not None else None

    async def _aws(self, libraries: _Libraries, region: str) -> str:
        if region not in self._endpoints:
            async with self._loading:
                if region not in self._endpoints:
                    self._endpoints[region] = await asyncio.to_thread(_aws_endpoint, libraries, region)
        return self._endpoints[region]


class Queue:
    """One queue. Every method raises what `QueueClients.call` does."""

    def __init__(self, clients: QueueClients, source: EventSource) -> None:
        self._clients = clients
        self._scope = source.scope
        self._name = source.resource
        self._url: str | None = None

    async def receive(self, *, most: int, wait_seconds: int, hidden_seconds: int | None) -> list[Message]:
        """At most 10 messages, as soon as there are any.

        Args:
            wait_seconds: for how long to wait for the first, 0 to 20.
            hidden_seconds: for how long they are hidden; None is as the queue has it.
        """
        hidden = {} if hidden_seconds is None else {"VisibilityTimeout": hidden_seconds}
        answer = await self._call(
            "ReceiveMessage",
            wait_seconds=wait_seconds,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait_seconds,
            # The second is the newer name of the first; not every server knows it.
            AttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **hidden,
        )
        return [message_of(received) for received in answer.get("Messages") or ()]

    async def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete at most 10 messages; those that could not be."""
        return await self._batch("DeleteMessageBatch", messages)

    async def give_back(self, messages: Sequence[Message]) -> list[Message]:
        """Let others have at most 10 messages at once; those of which that failed."""
        return await self._batch("ChangeMessageVisibilityBatch", messages, VisibilityTimeout=0)

    async def visibility_seconds(self) -> int:
        """For how long the queue hides what is received."""
        answer = await self._call("GetQueueAttributes", AttributeNames=["VisibilityTimeout"])
        return int(answer["Attributes"]["VisibilityTimeout"])

    async def _batch(self, operation: str, messages: Sequence[Message], **more: Any) -> list[Message]:
        entries = [{"Id": str(i), "ReceiptHandle": one.receipt, **more} for i, one in enumerate(messages)]
        answer = await self._call(operation, Entries=entries)
        return [messages[int(failed["Id"])] for failed in answer.get("Failed") or ()]

    async def _call(self, operation: str, *, wait_seconds: int = 0, **parameters: Any) -> Mapping[str, Any]:
        clients, scope = self._clients, self._scope
        if self._url is None:
            name = {"QueueName": self._name, "QueueOwnerAWSAccountId": scope.account}
            self._url = (await clients.call(scope, "GetQueueUrl", name))["QueueUrl"]
        try:
            parameters["QueueUrl"] = self._url
            return await clients.call(scope, operation, parameters, wait_seconds=wait_seconds)
        except QueueGone:
            self._url = None
            raise


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return json.loads(body)  # half a surrogate pair, which SQS itself refuses


def _load() -> _Libraries:
    logging.getLogger("httpcore").setLevel(logging.WARNING)  # each step of each request, at debug
    return _Libraries(
        httpcore=importlib.import_module("httpcore"),
        request=importlib.import_module("botocore.awsrequest").AWSRequest,
        sigv4=importlib.import_module("botocore.auth").SigV4Auth,
        credentials=importlib.import_module("botocore.credentials").Credentials,
        session=importlib.import_module("botocore.session").get_session(),
        proxies=importlib.import_module("botocore.utils").get_environ_proxies,
    )


def _new_pool(libraries: _Libraries, url: str) -> Any:
    """Connections to an endpoint, with the certificates and the proxy that botocore would use."""
    options: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "max_keepalive_connections": 64,
        "keepalive_expiry": 15.0,
    }
    authorities = libraries.session.get_config_variable("ca_bundle")
    if authorities:
        options["ssl_context"] = ssl.create_default_context(cafile=authorities)
    proxy = libraries.proxies(url).get(urlsplit(url).scheme)
    if proxy:
        return libraries.httpcore.AsyncHTTPProxy(proxy_url=proxy, **options)
    return libraries.httpcore.AsyncConnectionPool(**options)


def _frozen_credentials(libraries: _Libraries) -> Any:
    found = libraries.session.get_credentials()
    return None if found is None else found.get_frozen_credentials()


def _aws_endpoint(libraries: _Libraries, region: str) -> str:
    config = importlib.import_module("botocore.config").Config(ignore_configured_endpoint_urls=True)
    url: str = libraries.session.create_client("sqs", region_name=region, config=config).meta.endpoint_url
    return url


def _signed(libraries: _Libraries, credentials: Any, region: str, url: str, operation: str, body: bytes) -> Any:
    """A request with the headers that it goes out with."""
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "X-Amzn-Query-Mode": "true",  # errors then have the code of the older protocol too
    }
    request = libraries.request("POST", url if urlsplit(url).path else f"{url}/", headers=headers, data=body)
    libraries.sigv4(credentials, "sqs", region).add_auth(request)
    return request.prepare()
