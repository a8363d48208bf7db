"""The rest of AWS, put together: where each of its services is, for functions, for event sources and for ourselves."""

import contextlib
import os
from pathlib import Path

from lambent.clock import Clock
from lambent.companion.forwarding import Forwarder
from lambent.companion.process import CompanionProcess, Spawn
from lambent.endpoints import Endpoints, own_url
from lambent.gateway.authentication import DEFAULT_ACCOUNT
from lambent.gateway.body_limits import body_limit, body_limit_with_others
from lambent.gateway.other_services import OtherServices
from lambent.settings import Posture, Settings
from lambent.store.code_source import S3CodeSource, S3Endpoint
from lambent.store.destinations import AwsDestinations
from lambent.store.event_sources import AwsSourceProbe
from lambent.store.queue_client import QueueClients
from lambent.wire.http import BodyLimit
from lambent.wire.rest_json import RestJsonCodec


class RestOfAws:
    """The other services, as the settings and the environment have them.

    Attributes:
        endpoints: where each service is; `endpoints.endpoint_for` is what event sources ask.
        body_limit: how long requests may be.
    """

    def __init__(self, settings: Settings, posture: Posture, *, port: int) -> None:
        self._region = settings.default_region
        self._own_url = own_url(settings.host, port)
        self._forwards = posture == "dev"
        self._companion: CompanionProcess | None = None
        self._has_companion = self._forwards and settings.companion == "auto"
        self.endpoints = Endpoints(
            os.environ, own_port=port, companion_url=self._own_url if self._has_companion else None
        )
        self.body_limit: BodyLimit = body_limit_with_others if self._forwards else body_limit

    def code_source(self) -> S3CodeSource:
        """Where deployment packages in S3 come from."""
        url = self.endpoints.configured("s3")
        if url is None and self._has_companion:
            # Any credentials do there, and buckets are found whichever account's they are.
            here = S3Endpoint(self._own_url, self._region, access_key=DEFAULT_ACCOUNT, secret_key="any")  # noqa: S106
            return S3CodeSource(here)
        return S3CodeSource(S3Endpoint(url, self._region))

    def source_probe(self) -> AwsSourceProbe:
        """Who looks whether event sources are there."""
        return AwsSourceProbe(
            endpoint_for=self.endpoints.endpoint_for, companion_url=self._own_url if self._has_companion else None
        )

    def queues(self) -> QueueClients:
        """Who receives the messages of queues."""
        return QueueClients(
            endpoint_for=self.endpoints.endpoint_for,
            companion_url=self._own_url if self._has_companion else None,
            is_up=lambda: self._companion is not None and self._companion.pid is not None,
            clock=Clock(),
        )

    def destinations(self, *, threads: int) -> AwsDestinations:
        """Who sends records and dead letters."""
        return AwsDestinations(
            endpoint_for=self.endpoints.endpoint_for,
            companion_url=self._own_url if self._has_companion else None,
            threads=threads,
        )

    def begin_stop(self) -> None:
        """The server stops, when what is under way is done."""
        if self._companion is not None:
            self._companion.begin_stop()

    def gateway(
        self, codec: RestJsonCodec, *, data_directory: Path, spawn: Spawn, stack: contextlib.AsyncExitStack
    ) -> OtherServices | None:
        """What takes requests for other services; None under `serve`, which refuses them.

        Args:
            stack: ends the companion, and what is open to it.
        """
        if not self._forwards:
            return None
        if self._has_companion:
            self._companion = CompanionProcess(
                directory=data_directory, lambent_url=self._own_url, environment=os.environ, spawn=spawn
            )
            stack.push_async_callback(self._companion.stop)
        forwarder = Forwarder()
        stack.push_async_callback(forwarder.close)
        return OtherServices(
            codec=codec,
            endpoints=self.endpoints,
            companion=self._companion,
            forwarder=forwarder,
            default_region=self._region,
        )
