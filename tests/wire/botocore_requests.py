"""What botocore's own serializer makes of a call, without the checks that it does before: requests as clients send them."""

import functools
from typing import Any, NamedTuple
from urllib.parse import urlencode

import botocore.loaders
import botocore.model
import botocore.serialize


class SentRequest(NamedTuple):
    """One request, as it reaches the codec; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@functools.cache
def botocore_data(name: str) -> dict[str, Any]:
    """A file of the Lambda API as botocore's loader finds it, whatever the home folder has.

    Args:
        name: `service-2`, `paginators-1` or `waiters-2`.
    """
    loader = botocore.loaders.Loader(include_default_search_paths=False)
    loader.search_paths.append(loader.BUILTIN_DATA_PATH)
    loaded: dict[str, Any] = loader.load_service_model("lambda", name)
    return loaded


@functools.cache
def service_model() -> Any:
    """The Lambda API."""
    return botocore.model.ServiceModel(botocore_data("service-2"), "lambda")


def serialize(operation: str, parameters: dict[str, Any]) -> SentRequest:
    """A call's request."""
    serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
    sent = serializer.serialize_to_request(parameters, service_model().operation_model(operation))
    path, _, constants = sent["url_path"].partition("?")
    query = "&".join(filter(None, [constants, urlencode(sent["query_string"], doseq=True)]))
    body = sent["body"].encode() if isinstance(sent["body"], str) else sent["body"]
    headers = {name.lower(): str(value) for name, value in sent["headers"].items()}
    return SentRequest(sent["method"], path, query, headers, body)
