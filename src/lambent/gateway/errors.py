"""Errors become answers here, and only here.

The caller's errors (`ApiError`) are said as AWS says them. Everything else is ours: logged once, with the traceback and
the request id that the caller is given, and answered as ServiceException. A disk that fails is nobody's bug here: the
answer says what it is, for who runs the server.
"""

import logging
from collections.abc import Mapping

from lambent.core.errors import ApiError, ServiceFault
from lambent.store.errors import StoreFull, StoreOverloaded, StoreUnavailable
from lambent.wire.http import Request
from lambent.wire.rest_json import Answer, encode_error

_OF_THE_DISK: Mapping[type[StoreUnavailable], str] = {
    StoreFull: "there is no space left for its data directory",
    StoreOverloaded: "its disk can't keep up",
}
_NOT_NOW = "its data can't be read or written now"

logger = logging.getLogger(__name__)


def render_error(error: Exception, *, request: Request, request_id: str) -> Answer:
    """The answer to a request that ended in an error."""
    if isinstance(error, ApiError):
        return encode_error(error, request_id)
    if isinstance(error, StoreUnavailable):
        why = next((words for kind, words in _OF_THE_DISK.items() if isinstance(error, kind)), _NOT_NOW)
        logger.error("A request failed: %s.", why, extra={"error": str(error), "request_id": request_id})
        return encode_error(ServiceFault(f"Lambent couldn't do it: {why} (request id {request_id})."), request_id)
    logger.error(
        "A request failed because of an error in Lambent.",
        exc_info=error,
        extra={"action": f"{request.method} {request.path}", "request_id": request_id},
    )
    return encode_error(ServiceFault(f"Lambent failed; its log says why under request id {request_id}."), request_id)
