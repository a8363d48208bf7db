"""Where a server is, and who one is to it."""

from collections.abc import Mapping

from lambent.commands.signature import Credentials


def credentials_of(environ: Mapping[str, str]) -> Credentials:
    """The credentials that AWS's tools take from the environment; without any, some that do under `lambent dev`."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return Credentials("test", "test")
    return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN", ""))


def endpoint_of(environ: Mapping[str, str]) -> str | None:
    """The endpoint of the Lambda API that AWS's tools take from the environment.

    Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
    """
    return environ.get("AWS_ENDPOINT_URL_LAMBDA") or environ.get("AWS_ENDPOINT_URL") or None
