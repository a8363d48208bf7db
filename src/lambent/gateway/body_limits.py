"""How long the body of a request may be: the payload of an invocation, or a deployment package where one belongs.

Every body is looked up here before it is read, so the frequent case, an invocation, costs one comparison.
"""

import re

PAYLOAD_BYTES = 6_291_456
"""Longest payload of an invocation; no other request without a package is longer. Source: Lambda quotas, "6 MB"."""

PACKAGE_BYTES = 70_167_211
"""Longest request with a package: base64 of 50 MB and slack (quotas.md §3, recorded for CreateFunction)."""

# CreateFunction, UpdateFunctionCode, PublishLayerVersion.
_WITH_PACKAGE = re.compile(
    r"POST /2015-03-31/functions/?"
    r"|PUT /2015-03-31/functions/[^/]+/code/?"
    r"|POST /2018-10-31/layers/[^/]+/versions/?"
)


OTHER_SERVICES_BYTES = 134_217_728
"""Longest request for another service, which is received whole before it is passed on. S3 takes more in parts."""

_LAMBDA = re.compile(r"/20\d\d-\d\d-\d\d/")


def body_limit_with_others(method: str, path: str) -> int:
    """How long the body of a request may be where other services are behind the port, too, in bytes."""
    if path.endswith("/invocations") and path.startswith("/2015-03-31/"):
        return PAYLOAD_BYTES
    return body_limit(method, path) if _LAMBDA.match(path) else OTHER_SERVICES_BYTES


def body_limit(method: str, path: str) -> int:
    """How long the body of a request may be, in bytes."""
    if path.endswith("/invocations"):
        return PAYLOAD_BYTES
    return PACKAGE_BYTES if _WITH_PACKAGE.fullmatch(f"{method} {path}") else PAYLOAD_BYTES
