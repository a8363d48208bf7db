"""Errors become answers here, and only here.

The caller's errors (`ApiError`) are said as AWS says them. Everything else is ours: logged once, with the traceback and
the request id that the caller is given, and answered as ServiceException.
"""

import logging

from lambent.core.errors import ApiError, ServiceFault
from lambent.wire.http import Request
from lambent.wire.rest_json import Answer, encode_error

logger = logging.getLogger(__name__)


def render_error(error: Exception, *, request: Request, request_id: str) -> Answer:
    """The answer to a request that ended in an error."""
    if isinstance(error, ApiError):
        return encode_error(error, request_id)
    logger.error(
        "A request failed because of an error in Lambent.",
        exc_info=error,
        extra={"action": f"{request.method} {request.path}", "request_id": request_id},
    )
    return encode_error(ServiceFault(f"Lambent failed; its log says why under request id {request_id}."), request_id)
