"""Who sends a request: the account and region that it is about.

Under `dev` any credentials will do, but there must be some: a web page can't set an Authorization header for another
origin without being asked (DESIGN 3.12). Under `serve` the signature is verified against the store of credentials. Both
refuse what AWS's front end refuses, in its words.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from lambent.clock import Clock
from lambent.core.errors import UnrecognizedClient
from lambent.core.scope import Scope
from lambent.wire.http import Request
from lambent.wire.sigv4 import CredentialScope, SignatureParser, SignatureVerifier

DEFAULT_ACCOUNT = "000000000000"

_ACCOUNT_DIGITS = 12
# As lambent.companion.launcher.accounts makes them.
_COMPANIONS_KEYS = ("LKIA", "LSIA")
_COMPANIONS_KEY_LENGTH = 20
_CACHED_CALLERS = 1024

LONGEST_ACCESS_KEY = 128
"""In characters. Source: IAM API reference, AccessKey, "AccessKeyId: length constraints"."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request.

    Attributes:
        scope: the account of the access key and the region of the signature.
        access_key: the access key id.
        service: what the request was signed for, e.g. "lambda" or "s3".
    """

    scope: Scope
    access_key: str
    service: str


class CredentialStore(Protocol):
    """Where secrets of access keys are found."""

    def secret_for(self, access_key: str) -> tuple[str, str] | None:
        """(secret access key, account), or None for an unknown access key."""


class Authenticator(Protocol):
    """Names the caller of a request."""

    def identify(self, request: Request) -> Caller:
        """Name the caller that a request claims to be of, from its head alone: enough to refuse, not to carry out.

        Raises:
            MissingAuthenticationToken: the request carries no credentials.
            IncompleteSignature: they can't be read.
            InvalidSignature: they aren't scoped as they must be.
            UnrecognizedClient: the access key is unknown.
        """

    def authenticate(self, request: Request) -> Caller:
        """Name the caller.

        Raises:
            MissingAuthenticationToken: the request carries no credentials.
            IncompleteSignature: they can't be read.
            InvalidSignature: they are not valid for this request.
            UnrecognizedClient: the access key is unknown.
        """

    def authenticate_reader(self, request: Request) -> None:
        """Let in who may read what Lambent says of itself.

        Raises:
            MissingAuthenticationToken, IncompleteSignature, InvalidSignature, UnrecognizedClient: as `authenticate`.
        """


def account_of(access_key: str, *, default: str = DEFAULT_ACCOUNT) -> str:
    """The account of an access key under `dev`.

    12 digits are one; keys that the companion has given out, for a user or an assumed role, have theirs in them; all
    others, AWS's own among them, are of the default account.
    """
    if len(access_key) == _ACCOUNT_DIGITS and access_key.isascii() and access_key.isdigit():
        return access_key
    if len(access_key) == _COMPANIONS_KEY_LENGTH and access_key.startswith(_COMPANIONS_KEYS):
        with contextlib.suppress(binascii.Error):
            account = f"{int.from_bytes(base64.b32decode(access_key[4:12])):012}"
            return account if len(account) == _ACCOUNT_DIGITS else default
    return default


class _Callers(dict[CredentialScope, Caller]):
    """The `Caller` of each credential seen lately; an access key's account never changes."""

    def add(self, account: str, scope: CredentialScope) -> Caller:
        if len(scope.access_key) > LONGEST_ACCESS_KEY:
            raise _unrecognized()
        if len(self) >= _CACHED_CALLERS:
            self.clear()
        caller = self[scope] = Caller(Scope(account, scope.region), scope.access_key, scope.service)
        return caller


class AnyCredentials:
    """The authenticator of `dev`: takes the caller's word. A 12-digit access key is the account.

    Args:
        default_account: of every other access key.
    """

    def __init__(self, *, default_account: str = DEFAULT_ACCOUNT) -> None:
        self._default_account = default_account
        self._parser = SignatureParser()
        self._callers = _Callers()

    def identify(self, request: Request) -> Caller:
        """Name the caller; see `Authenticator`."""
        return self.authenticate(request)

    def authenticate(self, request: Request) -> Caller:
        """Name the caller; see `Authenticator`."""
        scope = self._parser.parse(request).claim.scope
        caller = self._callers.get(scope)
        if caller is None:
            caller = self._callers.add(account_of(scope.access_key, default=self._default_account), scope)
        return caller

    def authenticate_reader(self, request: Request) -> None:
        """Everybody may."""


class VerifiedCredentials:
    """The authenticator of `serve`: the signature must have been made with the access key's secret."""

    def __init__(self, store: CredentialStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._parser = SignatureParser()
        self._verifier = SignatureVerifier()
        self._callers = _Callers()

    def identify(self, request: Request) -> Caller:
        """Name the claimed caller; see `Authenticator`."""
        scope = self._parser.parse(request).claim.scope
        _, account = self._credentials(scope.access_key)
        return self._callers.get(scope) or self._callers.add(account, scope)

    def authenticate(self, request: Request) -> Caller:
        """Name the caller; see `Authenticator`."""
        signature = self._parser.parse(request)
        scope = signature.claim.scope
        secret, account = self._credentials(scope.access_key)
        self._verifier.verify(request, signature, secret, now_ms=self._clock.now_ms())
        return self._callers.get(scope) or self._callers.add(account, scope)

    def authenticate_reader(self, request: Request) -> None:
        """By a signature, or by access key and secret as user name and password: scrapers can't sign."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            self.authenticate(request)
            return
        try:
            access_key, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise _unrecognized() from None
        secret, _ = self._credentials(access_key)
        if not hmac.compare_digest(secret.encode(), password.encode()):
            raise _unrecognized()

    def _credentials(self, access_key: str) -> tuple[str, str]:
        credentials = self._store.secret_for(access_key)
        if credentials is None:
            raise _unrecognized()
        return credentials


def _unrecognized() -> UnrecognizedClient:
    return UnrecognizedClient("The security token included in the request is invalid.")
