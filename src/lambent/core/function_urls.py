"""Function URLs: an HTTP address of a function or of one of its aliases, and who may call it.

A URL belongs to the function itself (`$LATEST`) or to an alias, never to a version. Its host begins with an identifier
that is made at random when the URL is created and is gone with it.

Source: api-errors.md §10 (recorded from AWS where not said otherwise).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self
from urllib.parse import urlsplit

from lambent.core.arn import function_arn
from lambent.core.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambent.core.function import LATEST, FunctionSettings
from lambent.core.scope import Scope

URL_ID_LENGTH: Final = 32
HOST_LABEL: Final = ".lambda-url."
"""What follows the identifier in the host of every function URL."""
DEFAULT_INVOKE_MODE: Final = "BUFFERED"

_DOMAIN: Final = "localhost"
_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "*"})


@dataclass(frozen=True, slots=True)
class Cors:
    """What browsers may do with a URL from other origins; None is "not sent".

    Attributes:
        max_age: seconds.
    """

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age: int | None = None

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """From what was sent, by name: the inverse of `members`."""
        sent: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
        }
        return cls(**sent)

    @property
    def is_empty(self) -> bool:
        """Whether no member was sent, which takes the CORS settings of a URL away."""
        return self == Cors()

    def members(self) -> dict[str, bool | int | list[str]]:
        """What was sent, by name."""
        sent = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in sent.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class UrlChange:
    """What CreateFunctionUrlConfig or UpdateFunctionUrlConfig asks for; None leaves a member as it is."""

    auth_type: str | None = None
    cors: Cors | None = None
    invoke_mode: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrlConfig:
    """The URL of a function or of an alias.

    Attributes:
        qualifier: `$LATEST` or an alias's name.
        url_id: the first label of its host.
        cors: None if it has no CORS settings.
        invoke_mode: None if it was never sent.
    """

    scope: Scope
    function_name: str
    qualifier: str
    url_id: str
    auth_type: str
    created_ms: int
    modified_ms: int
    cors: Cors | None = None
    invoke_mode: str | None = None

    @property
    def function_arn(self) -> str:
        """The ARN of the function, or of the alias."""
        return _arn(self.scope, self.function_name, self.qualifier)


def check_url_change(change: UrlChange) -> None:
    """What can be said of a request without knowing the function.

    Raises:
        InvalidParameterValue: CORS settings without an origin (observed) or with a method that can't be allowed
            (Source of the text: unverified).
    """
    cors = change.cors
    if cors is None or cors.is_empty:
        return
    if not cors.allow_origins:
        raise InvalidParameterValue("You can't leave AllowOrigins as empty when Cors is enabled.")
    for method in cors.allow_methods or ():
        if method not in _METHODS:
            raise InvalidParameterValue(f"{method} is not a method that Cors AllowMethods can have.")


def check_function(settings: FunctionSettings) -> None:
    """Whether a function can have a URL.

    Raises:
        InvalidParameterValue: it has tenants, and a URL can't say which one. Source: developer guide, "Tenant
            isolation"; the text is unverified.
    """
    if settings.tenant_isolation:
        raise InvalidParameterValue("Function URLs are not supported for functions with tenant isolation.")


def changed_url(current: FunctionUrlConfig, change: UrlChange, *, now_ms: int) -> FunctionUrlConfig:
    """A URL after an update: CORS settings are replaced whole, and an empty structure takes them away (unverified)."""
    cors = current.cors if change.cors is None else change.cors
    return replace(
        current,
        auth_type=change.auth_type or current.auth_type,
        cors=None if cors is None or cors.is_empty else cors,
        invoke_mode=change.invoke_mode or current.invoke_mode,
        modified_ms=now_ms,
    )


def function_url(url_id: str, *, region: str, base_url: str, domain: str = "") -> str:
    """The address, on this server.

    Args:
        base_url: how the caller reached this server, which tells the scheme and the port.
        domain: with a scheme, below which function URLs are; empty for this machine's own.
    """
    if domain:
        scheme, _, name = domain.partition("://")
        return f"{scheme}://{url_id}{HOST_LABEL}{region}.{name}/"
    server = urlsplit(base_url)
    port = "" if server.port is None else f":{server.port}"
    return f"{server.scheme}://{url_id}{HOST_LABEL}{region}.{_DOMAIN}{port}/"


def url_exists(scope: Scope, name: str, qualifier: str) -> ResourceConflict:
    """The answer to the creation of a second URL; AWS has two spaces there."""
    return ResourceConflict(
        f"Failed to create function url config for [functionArn = {_arn(scope, name, qualifier)}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function"
    )


def no_function_for_url() -> ResourceNotFound:
    """The answer of create, update and list when the function or the alias isn't there."""
    return ResourceNotFound("Function does not exist")


def no_such_url() -> ResourceNotFound:
    """The answer when there is no URL; of get and delete also when there is no function."""
    return ResourceNotFound("The resource you requested does not exist.")


def _arn(scope: Scope, name: str, qualifier: str) -> str:
    return function_arn(scope, name, None if qualifier == LATEST else qualifier)
