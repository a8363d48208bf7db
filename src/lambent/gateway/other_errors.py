"""Errors of ours in the words of other services' protocols, so that their clients can read them."""

import json
from xml.sax.saxutils import escape

from lambent.wire.http import Request
from lambent.wire.rest_json import Answer

_IN_XML = frozenset({"s3", "s3-control", "cloudfront", "route53"})


class OtherServiceFailed(Exception):
    """A request for another service can't be answered.

    Attributes:
        code: as the caller's SDK shows it.
        status: HTTP status.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message


def render(error: OtherServiceFailed, *, request: Request, service: str, request_id: str) -> Answer:
    """The answer, in the protocol that the request is in."""
    content_type = request.headers.get("content-type", "")
    headers = [("x-amzn-RequestId", request_id)]
    if "x-amz-target" in request.headers or content_type.startswith("application/x-amz-json"):
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return error.status, [("Content-Type", "application/x-amz-json-1.1"), *headers], body
    if service in _IN_XML or content_type.startswith("application/x-www-form-urlencoded"):
        return error.status, [("Content-Type", "text/xml"), *headers], _xml(error, service, request_id).encode()
    body = json.dumps({"message": error.message}).encode()
    return error.status, [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code), *headers], body


def _xml(error: OtherServiceFailed, service: str, request_id: str) -> str:
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if service == "s3":
        return f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    if service == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    return (
        f"<ErrorResponse><Error><Type>Receiver</Type>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
