"""Cross-origin requests to a function URL: the platform's answers to preflights, and what it adds to all others.

Source: invocation.md §6.4; developer guide, "Cross-origin resource sharing (CORS)". In which order AWS writes these
headers, and what it answers to a preflight that it doesn't allow, is unverified.
"""

from collections.abc import Sequence

from lambent.core.function_urls import Cors
from lambent.wire.http import Request

_CONTROLLED = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
    }
)

HeaderLines = list[tuple[str, str]]


def is_preflight(request: Request) -> bool:
    """Whether a browser asks beforehand whether it may send a request."""
    return request.method == "OPTIONS" and "origin" in request.headers


def preflight_headers(rules: Cors, request: Request) -> HeaderLines:
    """The headers of the answer to a preflight; without Access-Control-* where the origin isn't allowed."""
    lines = _origin_lines(rules, request)
    if not any(name == "Access-Control-Allow-Origin" for name, _ in lines):
        return lines
    if rules.allow_methods:
        lines.append(("Access-Control-Allow-Methods", _listed(rules.allow_methods)))
    if rules.allow_headers:
        lines.append(("Access-Control-Allow-Headers", _listed(rules.allow_headers)))
    if rules.expose_headers:
        lines.append(("Access-Control-Expose-Headers", _listed(rules.expose_headers)))
    if rules.max_age is not None:
        lines.append(("Access-Control-Max-Age", str(rules.max_age)))
    return lines


def with_cors(rules: Cors, request: Request, headers: Sequence[tuple[str, str]]) -> HeaderLines:
    """The headers of an answer, where what the function says of CORS gives way to the URL's own rules."""
    kept = [line for line in headers if line[0].lower() not in _CONTROLLED]
    lines = _origin_lines(rules, request)
    if rules.expose_headers:
        lines.append(("Access-Control-Expose-Headers", _listed(rules.expose_headers)))
    return kept + lines


def _origin_lines(rules: Cors, request: Request) -> HeaderLines:
    origin = request.headers.get("origin")
    if origin is None:
        return []
    origins = rules.allow_origins or ()
    anyone = "*" in origins and not rules.allow_credentials
    lines: HeaderLines = [] if anyone else [("Vary", "Origin")]
    if "*" in origins or origin in origins:
        lines.append(("Access-Control-Allow-Origin", "*" if anyone else origin))
        if rules.allow_credentials:
            lines.append(("Access-Control-Allow-Credentials", "true"))
    return lines


def _listed(values: Sequence[str]) -> str:
    return ",".join(values)
