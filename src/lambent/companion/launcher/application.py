"""The WSGI application: moto's, told whose request it is, with errors that a program can read."""

import importlib
import logging
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from lambent.companion.launcher import clients, traces

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

ACCOUNT_HEADER = "x-moto-account-id"  # moto's own
SCOPE_HEADER = "x-lambent-scope"
"""REGION/SERVICE of a request, however it is signed, if it is."""

ERROR_HEADER = "x-lambent-error"
"""In an answer: it is the companion's failure, of this kind; the body is a sentence about it."""

# What urllib and curl call whatever they put, and moto would take apart instead of keeping it.
_FORM = "application/x-www-form-urlencoded"
_BYTES = "binary/octet-stream"

_MOTOS_OWN = "/moto-api"  # changes its configuration, Docker's use included, and writes files

logger = logging.getLogger(__name__)


class ServiceUnknown(Exception):
    """moto has no such service."""


def application() -> Application:
    """Moto's server, as one application."""
    server = importlib.import_module("moto.moto_server.werkzeug_app")

    def create_backend_app(service: str | None) -> Application:
        if service is None:
            raise ServiceUnknown
        made: Application = server.create_backend_app(service)
        return made

    return _Front(server.DomainDispatcherApplication(create_backend_app))


class _Front:
    def __init__(self, dispatch: Application) -> None:
        self._dispatch = dispatch

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        scope = environ.pop("HTTP_X_LAMBENT_SCOPE", "")
        service = scope.partition("/")[2]
        if service == "s3" and environ["REQUEST_METHOD"] == "PUT" and environ.get("CONTENT_TYPE") == _FORM:
            environ["CONTENT_TYPE"] = _BYTES
        if scope and service != "s3" and "HTTP_AUTHORIZATION" not in environ:
            # moto looks for service and region in the head only. S3 finds what it needs in the query.
            account = environ.get("HTTP_X_MOTO_ACCOUNT_ID", "")
            credential = f"{account}/19700101/{scope}/aws4_request"
            environ["HTTP_AUTHORIZATION"] = (
                f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=none"
            )
        if environ.get("PATH_INFO", "").startswith(_MOTOS_OWN):
            return _answer(start_response, "404 Not Found", "not-implemented", "moto's own API can't be reached.")
        try:
            with traces.request(environ), clients.request(environ):
                return self._dispatch(environ, start_response)
        except ServiceUnknown:
            return _answer(start_response, "501 Not Implemented", "unknown-service", "There is no such service.")
        except NotImplementedError as error:
            return _answer(start_response, "501 Not Implemented", "not-implemented", str(error) or "not implemented")
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            logger.info("%s", traceback.format_exc())
            return _answer(start_response, "500 Internal Server Error", "failed", repr(error))


def _answer(start_response: StartResponse, status: str, kind: str, message: str) -> Iterable[bytes]:
    body = " ".join(message.split()).encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), (ERROR_HEADER, kind)]
    start_response(status, headers)
    return [body]
