"""Control endpoints: what AWS has no operation for, below `/_lambent/`, as JSON.

A local port is not a safe place (DESIGN 3.12), so that each of them wants the token of the data directory, as
`Authorization: Bearer TOKEN`; a signature that is verified, which only `lambent serve` does, will do as well. Requests
have no bodies: parameters are in the query.

A route is a method, a path and an asynchronous function from parameters to what JSON can say. One path segment may be
a parameter: `/_lambent/invocations/{request_id}`.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from lambent.core.errors import AccessDenied, InvalidParameterValue, UnknownOperation
from lambent.gateway.authentication import Authenticator
from lambent.gateway.errors import render_error
from lambent.wire.http import Request
from lambent.wire.rest_json import Answer

TOKEN_FILE = "control-token"  # noqa: S105 - the name of a file
"""Of the data directory: hexadecimal digits."""

Parameters = Mapping[str, str]
Handle = Callable[[Parameters], Awaitable[Any]]


class Route(NamedTuple):
    """One control endpoint.

    Attributes:
        path: below `/_lambent/`; a segment in braces is a parameter of that name.
        parameters: of the query; others are refused.
        handle: raises ApiError.
    """

    method: str
    path: str
    parameters: Sequence[str]
    handle: Handle


class Control:
    """Answers requests for control endpoints.

    Args:
        token: the data directory's.
        verifies: whether the authenticator verifies signatures, so that a signed request needs no token.
    """

    def __init__(self, *, token: str, authenticator: Authenticator, verifies: bool, routes: Sequence[Route]) -> None:
        self._expected = f"Bearer {token}".encode()
        self._authenticator = authenticator
        self._verifies = verifies
        self._routes = [(route, route.path.split("/")) for route in routes]

    def has(self, path: str) -> bool:
        """Whether a path, all of it, is that of a control endpoint."""
        return any(_matched(segments, path) is not None for _, segments in self._routes)

    async def answer(self, request: Request, request_id: str) -> Answer:
        """Carry out one request. Never raises but when it is cancelled."""
        try:
            self._authenticate(request)
            document = await self._carry_out(request)
        except Exception as error:  # noqa: BLE001 - the outermost handler of a request
            return render_error(error, request=request, request_id=request_id)
        headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id)]
        return 200, headers, json.dumps(document).encode()

    def _authenticate(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "").encode()
        if hmac.compare_digest(authorization, self._expected):
            return
        if not self._verifies or authorization.startswith(b"Bearer "):
            raise AccessDenied(f"Control endpoints want the token in the data directory's file {TOKEN_FILE}.")
        self._authenticator.authenticate(request)

    async def _carry_out(self, request: Request) -> Any:
        for route, segments in self._routes:
            found = _matched(segments, request.path)
            if found is None or request.method != route.method:
                continue
            given = dict(parse_qsl(request.query, keep_blank_values=True))
            unknown = sorted(set(given) - set(route.parameters))
            if unknown:
                raise InvalidParameterValue(f"There is no parameter {unknown[0]}.")
            return await route.handle(given | found)
        raise UnknownOperation(f"No operation has the path {request.path} and method {request.method}.")


def _matched(segments: Sequence[str], path: str) -> dict[str, str] | None:
    """The parameters in a path, or None if it is another one."""
    parts = path.removeprefix("/_lambent/").split("/")
    if len(parts) != len(segments):
        return None
    found: dict[str, str] = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            found[segment[1:-1]] = unquote(part)
        elif segment != part:
            return None
    return found
