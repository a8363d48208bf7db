"""The rest of AWS, put together: where each of its services is, for functions, for event sources and for ourselves."""

import os

from lambent.endpoints import Endpoints, own_url
from lambent.gateway.authentication import DEFAULT_ACCOUNT
from lambent.settings import Posture, Settings
from lambent.store.code_source import S3CodeSource, S3Endpoint
from lambent.store.event_sources import AwsSourceProbe


class RestOfAws:
    """The other services, as the settings and the environment have them.

    Attributes:
        endpoints: where each service is; `endpoints.endpoint_for` is what event sources ask.
    """

    def __init__(self, settings: Settings, posture: Posture, *, port: int) -> None:
        self._region = settings.default_region
        self._own_url = own_url(settings.host, port)
        self._has_companion = posture == "dev" and settings.companion == "auto"
        self.endpoints = Endpoints(
            os.environ, own_port=port, companion_url=self._own_url if self._has_companion else None
        )

    def source_probe(self) -> AwsSourceProbe:
        """Who looks whether event sources are there."""
        return AwsSourceProbe(
            endpoint_for=self.endpoints.endpoint_for, companion_url=self._own_url if self._has_companion else None
        )

    def code_source(self) -> S3CodeSource:
        """Where deployment packages in S3 come from."""
        url = self.endpoints.configured("s3")
        if url is None and self._has_companion:
            # Any credentials do there, and buckets are found whichever account's they are.
            here = S3Endpoint(self._own_url, self._region, access_key=DEFAULT_ACCOUNT, secret_key="any")  # noqa: S106
            return S3CodeSource(here)
        return S3CodeSource(S3Endpoint(url, self._region))
