"""The counters of invocations as a page for Prometheus, at a path that AWS doesn't have."""

from lambent.core.admission import Admission
from lambent.core.errors import UnknownOperation
from lambent.gateway.authentication import Authenticator
from lambent.observe.event_metrics import EventMetrics
from lambent.observe.mapping_metrics import MappingMetrics
from lambent.observe.metrics import CONTENT_TYPE, InvocationMetrics
from lambent.wire.http import Request
from lambent.wire.rest_json import Answer

METRICS_PATH = "/_lambent/metrics"


class MetricsPage:
    """Renders the counters for whoever may see them."""

    def __init__(
        self,
        *,
        metrics: InvocationMetrics,
        events: EventMetrics,
        mappings: MappingMetrics,
        admission: Admission,
        authenticator: Authenticator,
    ) -> None:
        self._metrics = metrics
        self._events = events
        self._mappings = mappings
        self._admission = admission
        self._authenticator = authenticator

    def answer(self, request: Request) -> Answer:
        """Status, headers and body for a GET.

        Raises:
            ApiError: another method; or, under `serve`, no credentials of an access key.
        """
        if request.method not in {"GET", "HEAD"}:
            raise UnknownOperation(f"No operation has the path {request.path} and method {request.method}.")
        self._authenticator.authenticate_reader(request)
        text = self._metrics.exposition(self._admission.running_functions())
        text += self._events.exposition() + self._mappings.exposition()
        return 200, [("Content-Type", CONTENT_TYPE)], text.encode()
