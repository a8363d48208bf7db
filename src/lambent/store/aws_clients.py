"""Clients of the other AWS services, wherever these are.

boto3 is heavy (a tenth of a second, 20 MB) and many servers never need it, so that it is imported by the first client,
in the thread that makes it: `client` blocks, and is not for the event loop's thread.
"""

import importlib
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from lambent.core.scope import Scope

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_ATTEMPTS = 3
_MOST_CLIENTS = 64


class _Key(NamedTuple):
    service: str
    scope: Scope
    endpoint: str | None


class AwsClients:
    """Makes clients, and keeps them: threads may share one.

    Args:
        companion_url: the URL at which the access key is the account and any secret will do; elsewhere credentials are
            where boto3 always finds them.
        attempts: how often a client tries.
        read_seconds: how long it waits for an answer.
        connections: how many threads use one client at the same time.
        on_call: boto3's hook `before-call`, of all clients: it may add headers to what is sent.
    """

    def __init__(
        self,
        *,
        companion_url: str | None = None,
        attempts: int = _ATTEMPTS,
        connections: int = 10,
        read_seconds: float = _READ_SECONDS,
        on_call: Callable[..., None] | None = None,
    ) -> None:
        self._companion_url = companion_url
        self._attempts = attempts
        self._connections = connections
        self._read_seconds = read_seconds
        self._on_call = on_call
        self._session: Any = None
        self._clients: dict[_Key, Any] = {}
        self._making_client = Lock()  # a session isn't for several threads; nothing else is taken under it

    def client(self, service: str, endpoint: str | None, scope: Scope) -> Any:
        """A boto3 client.

        Args:
            service: boto3's name of it.
            endpoint: its URL; None is AWS's own.
            scope: whose and where; the account matters at the companion only.
        """
        key = _Key(service, scope, endpoint)
        with self._making_client:
            client = self._clients.get(key)
            if client is None:
                if len(self._clients) >= _MOST_CLIENTS:
                    # Somebody may be using it: its connections end with the last reference.
                    del self._clients[next(iter(self._clients))]
                client = self._clients[key] = self._make(key)
            return client

    def close(self) -> None:
        """End all connections."""
        with self._making_client:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _make(self, key: _Key) -> Any:
        if self._session is None:
            self._session = importlib.import_module("boto3").session.Session()
        config = importlib.import_module("botocore.config").Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=self._read_seconds,
            retries={"total_max_attempts": self._attempts, "mode": "standard"},
            max_pool_connections=self._connections,
            # What the environment names was looked at already (`lambent.endpoints`), and may have been refused.
            ignore_configured_endpoint_urls=True,
            # Endpoints other than AWS's seldom have a name for each bucket.
            s3={"addressing_style": "path" if key.endpoint else "auto"},
        )
        credentials: dict[str, str] = {}
        if key.endpoint is not None and key.endpoint == self._companion_url:
            credentials = {"aws_access_key_id": key.scope.account, "aws_secret_access_key": "any"}
        client = self._session.client(
            key.service, region_name=key.scope.region, endpoint_url=key.endpoint, config=config, **credentials
        )
        if self._on_call is not None:
            client.meta.events.register("before-call", self._on_call)
        return client


def is_for_now(code: str, status: int) -> bool:
    """Whether an error of a service says that the same request may succeed later: it throttles or has failed.

    Source: AWS SDKs and Tools reference, "Retry behavior": what the SDKs retry.
    """
    return status >= _SERVER_ERRORS or status == _TOO_MANY or code in _THROTTLES


_SERVER_ERRORS, _TOO_MANY = 500, 429
_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
