"""AWS Signature Version 4, verified: requests signed by header and presigned ones.

A signature is judged in two steps, so that the caller can look up the secret in between: `SignatureParser.parse` reads
who signed what (a `Signature`), `SignatureVerifier.verify` computes it again from the request as received and compares.

Both are on the path of every invocation (4 µs together, `limits.md`), so what repeats from request to request is
remembered in bounded caches: the part of an Authorization header before the signature itself, signing keys (they change
once a day), timestamps, and canonical forms of paths and queries. Caches belong to the instance and are emptied when
full.

Source: IAM user guide, "Create a signed AWS API request". Error texts are AWS's, observed unless marked.
"""

from __future__ import annotations

import hashlib
import hmac
import operator
import re
from calendar import timegm
from collections.abc import Callable, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote_to_bytes

from lambent.core.errors import IncompleteSignature, InvalidSignature, MissingAuthenticationToken
from lambent.wire.http import Headers, Request

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"

CLOCK_SKEW_SECONDS = 300
"""How far a signer's clock may be off. Source: observed ("Signature expired: … - 5 min.")."""

LONGEST_EXPIRY_SECONDS = 604_800
"""The longest life of a presigned request: seven days. Source: IAM user guide, "X-Amz-Expires"."""

SIGNATURE_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

_TERMINATOR = "aws4_request"
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_SCOPE_NAME = re.compile(r"[a-z0-9-]{1,64}")
_BLANKS = re.compile(r"[ \t]+")
_PRESIGNED_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
)

_sha256 = hashlib.sha256
_SHA256_BLOCK_BYTES = 64

_CACHE_ENTRIES = 1024
_CACHED_KEY_LENGTH = 1024


class CredentialScope(NamedTuple):
    """Whose key signed, and for what: `access_key/date/region/service/aws4_request`.

    Attributes:
        date: day of the signature, YYYYMMDD.
        region: lower-case letters, digits and hyphens; safe in ARNs and file names.
        service: the signing name, of the same letters ("lambda").
    """

    access_key: str
    date: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What an Authorization header says before its signature.

    Attributes:
        scope: the credential.
        scope_text: the credential without its access key, as it is signed.
        signed_headers: lower case, sorted, each once.
        signed_headers_text: the same joined by semicolons, as it is signed.
        pick: takes the values of the signed headers from a request's; KeyError where one is missing.
        template: makes of them the signed headers' lines.
    """

    scope: CredentialScope
    scope_text: str
    signed_headers: tuple[str, ...]
    signed_headers_text: str
    pick: Callable[[Headers], Any]
    template: str


class Signature(NamedTuple):
    """A signature as a request carries it, not verified yet.

    Attributes:
        claim: who signed which headers.
        hex_digest: the signature itself, any text.
        timestamp: of signing, YYYYMMDDTHHMMSSZ.
        expires_seconds: of a presigned request; None when signed by header.
    """

    claim: Claim
    hex_digest: str
    timestamp: str
    expires_seconds: int | None


_Key = TypeVar("_Key", bound=Sized)
_Value = TypeVar("_Value")


class _Cache(dict[_Key, _Value], Generic[_Key, _Value]):
    """Values computed from their keys, emptied when full; long keys aren't kept, so that memory stays bounded."""

    def __init__(self, compute: Callable[[_Key], _Value]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, key: _Key) -> _Value:
        value = self._compute(key)
        if len(key) <= _CACHED_KEY_LENGTH:
            if len(self) >= _CACHE_ENTRIES:
                self.clear()
            self[key] = value
        return value


class SignatureParser:
    """Reads the signature of a request."""

    def __init__(self) -> None:
        self._claims: _Cache[str, Claim] = _Cache(_parse_claim)

    def parse(self, request: Request) -> Signature:
        """Find the signature in the Authorization header or in the query.

        Raises:
            MissingAuthenticationToken: there is none.
            IncompleteSignature: it isn't a Signature Version 4, or parts are missing or malformed.
            InvalidSignature: the credential isn't scoped as it must be.
        """
        header = request.headers.get("authorization")
        if header is None:
            if "X-Amz-" in request.query:
                return self._parse_presigned(request)
            raise MissingAuthenticationToken("Missing Authentication Token")
        if request.headers.is_repeated("authorization"):
            raise IncompleteSignature("There must be one Authorization header.")  # Source: unverified
        before, found, digest = header.rpartition("Signature=")
        if not found or "," in digest:
            before, digest = _move_signature_to_the_end(header)
        claim = self._claims[before]
        timestamp = request.headers.get("x-amz-date") or _timestamp_of_date_header(request, header)
        return Signature(claim, digest, timestamp, None)

    def _parse_presigned(self, request: Request) -> Signature:
        parameters = dict(_decoded_parameters(request.query))
        missing = [name for name in _PRESIGNED_PARAMETERS if name not in parameters]
        if len(missing) == len(_PRESIGNED_PARAMETERS):
            raise MissingAuthenticationToken("Missing Authentication Token")
        if missing:
            sentences = [f"AWS query-string parameters must include '{name}'." for name in missing]
            raise IncompleteSignature(" ".join([*sentences, "Re-examine the query-string parameters."]))
        if parameters["X-Amz-Algorithm"] != ALGORITHM:
            raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{parameters['X-Amz-Algorithm']}'.")
        expires = parameters["X-Amz-Expires"]
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 6):
            raise IncompleteSignature(_BAD_EXPIRY)
        if int(expires) > LONGEST_EXPIRY_SECONDS:
            raise IncompleteSignature(_BAD_EXPIRY)
        claim = _make_claim(parameters["X-Amz-Credential"], parameters["X-Amz-SignedHeaders"])
        return Signature(claim, parameters["X-Amz-Signature"], parameters["X-Amz-Date"], int(expires))


_BAD_EXPIRY = "X-Amz-Expires must be a number of seconds from 0 to 604800 (one week)."  # Source: unverified


class SignatureVerifier:
    """Computes signatures again; keeps signing keys and canonical forms."""

    def __init__(self) -> None:
        self._signing_keys: _Cache[tuple[str, str], tuple[Hash, Hash]] = _Cache(_keyed_hashes)
        self._epoch_seconds: _Cache[str, int] = _Cache(_parse_timestamp)
        self._paths: _Cache[str, str] = _Cache(canonical_path)
        self._queries: _Cache[str, str] = _Cache(canonical_query)

    def verify(self, request: Request, signature: Signature, secret: str, *, now_ms: int) -> None:
        """Accept the request, or raise.

        Args:
            request: exactly as received.
            signature: what `SignatureParser` read from it.
            secret: the secret access key that belongs to the claimed access key.
            now_ms: wall time, milliseconds since the epoch.

        Raises:
            IncompleteSignature: the timestamp is malformed.
            InvalidSignature: expired, not yet valid, or not made with this secret over this request.
        """
        claim = signature.claim
        if "host" not in claim.signed_headers:
            raise InvalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        timestamp = signature.timestamp
        skew_seconds = now_ms // 1000 - self._epoch_seconds[timestamp]
        if signature.expires_seconds is not None or not (
            -CLOCK_SKEW_SECONDS <= skew_seconds <= CLOCK_SKEW_SECONDS and timestamp.startswith(claim.scope.date)
        ):
            self._check_time(signature, now_ms // 1000)
        canonical = self.canonical_request(request, signature)
        digest = _sha256(canonical.encode("latin-1")).hexdigest()
        scope_text = claim.scope_text
        # HMAC (RFC 2104, section 2) from the two hashes that have taken their padded keys already (section 4).
        inner, outer = self._signing_keys[secret, scope_text]
        inner, outer = inner.copy(), outer.copy()
        inner.update(f"{ALGORITHM}\n{timestamp}\n{scope_text}\n{digest}".encode("latin-1"))
        outer.update(inner.digest())
        if not hmac.compare_digest(outer.hexdigest().encode(), signature.hex_digest.encode("latin-1")):
            raise InvalidSignature(SIGNATURE_MISMATCH)

    def canonical_request(self, request: Request, signature: Signature) -> str:
        """The text whose digest is signed; Latin-1, so that it holds the bytes of the wire."""
        claim = signature.claim
        presigned = signature.expires_seconds is not None
        headers = request.headers
        try:
            lines = claim.template % claim.pick(headers)
        except KeyError:
            lines = ""
        if "  " in lines or "\t" in lines or headers.has_repeated or not lines:
            lines = _header_lines(claim, headers)
        # Every service but S3 signs the path normalised and encoded once more than it is on the wire.
        path = request.path if claim.scope.service == "s3" else self._paths[request.path]
        query = request.query
        if query:
            query = canonical_query(query, leave_out="X-Amz-Signature") if presigned else self._queries[query]
        if presigned or headers.get("x-amz-content-sha256") == UNSIGNED_PAYLOAD:
            payload = _payload_digest(request, presigned=presigned)
        else:
            payload = _sha256(request.body).hexdigest()
        return f"{request.method}\n{path}\n{query}\n{lines}\n{claim.signed_headers_text}\n{payload}"

    def _check_time(self, signature: Signature, now: int) -> None:
        timestamp = signature.timestamp
        signed_at = self._epoch_seconds[timestamp]
        if timestamp[:8] != signature.claim.scope.date:
            raise InvalidSignature(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{signature.claim.scope.date}' != '{timestamp[:8]}', from '{timestamp}'."
            )
        if signed_at > now + CLOCK_SKEW_SECONDS:
            raise InvalidSignature(
                f"Signature not yet current: {timestamp} is still later than "
                f"{_format_timestamp(now + CLOCK_SKEW_SECONDS)} ({_format_timestamp(now)} + 5 min.)"
            )
        if signature.expires_seconds is None:
            life, in_words = CLOCK_SKEW_SECONDS, "5 min."
        else:
            life, in_words = signature.expires_seconds, f"{signature.expires_seconds} sec."
        if signed_at < now - life:
            raise InvalidSignature(
                f"Signature expired: {timestamp} is now earlier than {_format_timestamp(now - life)} "
                f"({_format_timestamp(now)} - {in_words})"
            )


# Canonical forms.


def _header_lines(claim: Claim, headers: Headers) -> str:
    """The signed headers where one is missing, came twice or has blanks to be made one."""
    lines = ""
    for name in claim.signed_headers:
        value = headers.get(name, "")
        if "  " in value or "\t" in value or headers.is_repeated(name):
            value = ",".join([_trimmed(one) for one in headers.getlist(name)])
        lines += f"{name}:{value}\n"
    return lines


def canonical_path(path: str) -> str:
    """The path with dot segments and double slashes resolved, each byte but the unreserved and `/` encoded (again)."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment and segment != ".":
            segments.append(segment)
    trailing = "/" if segments and path.endswith("/") else ""
    return "/" + quote("/".join(segments).encode("latin-1"), safe="/~") + trailing


def canonical_query(query: str, *, leave_out: str | None = None) -> str:
    """The parameters, each encoded in the one way that is signed, sorted by name and value."""
    pairs = [
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in _parameters(query)
        if leave_out is None or name != leave_out.encode()
    ]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _parameters(query: str) -> list[tuple[bytes, bytes]]:
    parameters = []
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            parameters.append((_unquote(name), _unquote(value)))
    return parameters


def _decoded_parameters(query: str) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in _parameters(query)]


def _unquote(text: str) -> bytes:
    # "+" is a space in a query, as it is for whoever reads the parameter afterwards.
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1"))


def _trimmed(value: str) -> str:
    return _BLANKS.sub(" ", value).strip(" ")


def _payload_digest(request: Request, *, presigned: bool) -> str:
    """The body's SHA-256; or the word that says it wasn't signed, which the signature then covers."""
    if request.headers.get("x-amz-content-sha256") == UNSIGNED_PAYLOAD:
        return UNSIGNED_PAYLOAD
    if presigned and ("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD) in _decoded_parameters(request.query):
        return UNSIGNED_PAYLOAD
    return _sha256(request.body).hexdigest()


# Parts of a signature.


def _parse_claim(before_signature: str) -> Claim:
    """Parse `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, `; the error names everything that is missing."""
    algorithm, _, rest = before_signature.strip().partition(" ")
    if not algorithm.startswith("AWS4-"):
        raise _not_key_value(algorithm)
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    fields = _fields(rest)
    missing = [name for name in ("Credential", "SignedHeaders") if not fields.get(name)]
    if missing:
        sentences = [f"Authorization header requires '{name}' parameter." for name in missing]
        raise IncompleteSignature(" ".join([*sentences, f"Authorization={algorithm}"]))
    return _make_claim(fields["Credential"], fields["SignedHeaders"])


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field in text.replace(",", " ").split():
        name, equals, value = field.partition("=")
        if not equals:
            raise _not_key_value(field)
        fields[name] = value
    return fields


def _not_key_value(text: str) -> IncompleteSignature:
    return IncompleteSignature(
        f"'{text}' not a valid key=value pair (missing equal-sign) in Authorization header: '{text}'."
    )


def _move_signature_to_the_end(header: str) -> tuple[str, str]:
    """Accept the fields in any order, as AWS does."""
    algorithm, _, rest = header.strip().partition(" ")
    fields = _fields(rest) if algorithm.startswith("AWS4-") else {}
    others = ", ".join(f"{name}={value}" for name, value in fields.items() if name != "Signature")
    claim = f"{algorithm} {others}"
    if not fields.get("Signature"):
        _parse_claim(claim)  # its complaint comes first, if it has one
        raise IncompleteSignature(f"Authorization header requires 'Signature' parameter. Authorization={algorithm}")
    return claim, fields["Signature"]


def _make_claim(credential: str, signed_headers: str) -> Claim:
    names = tuple(sorted({name for name in signed_headers.lower().split(";") if name}))
    scope = _parse_scope(credential)
    pick = operator.itemgetter(*names) if names else _nothing
    template = "".join([f"{name.replace('%', '%%')}:%s\n" for name in names])
    return Claim(scope, credential.partition("/")[2], names, ";".join(names), pick, template)


def _nothing(_headers: Headers) -> tuple[()]:
    return ()


def _parse_scope(credential: str) -> CredentialScope:
    parts = credential.split("/")
    if len(parts) != 5 or not parts[0]:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'."
        )
    access_key, date, region, service, terminator = parts
    if terminator != _TERMINATOR:
        raise InvalidSignature(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{terminator}'."
        )
    if not _SCOPE_NAME.fullmatch(region):
        raise InvalidSignature(f"Credential should be scoped to a valid region, not '{region}'.")
    if not _SCOPE_NAME.fullmatch(service):
        raise InvalidSignature(f"Credential should be scoped to a valid service, not '{service}'.")
    return CredentialScope(access_key, date, region, service)


def _timestamp_of_date_header(request: Request, authorization: str) -> str:
    date = request.headers.get("date")
    if date is None:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            f"Authorization={authorization.partition(' ')[0]}"
        )
    if _TIMESTAMP.fullmatch(date):
        return date
    try:
        return _format_timestamp(int(parsedate_to_datetime(date).timestamp()))
    except (ValueError, OverflowError):
        raise _bad_date(date) from None


def _parse_timestamp(timestamp: str) -> int:
    if not (timestamp.isascii() and _TIMESTAMP.fullmatch(timestamp)):
        raise _bad_date(timestamp)
    try:
        return timegm(datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timetuple())
    except ValueError:
        raise _bad_date(timestamp) from None


def _bad_date(date: str) -> IncompleteSignature:
    return IncompleteSignature(
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _format_timestamp(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _keyed_hashes(secret_and_scope: tuple[str, str]) -> tuple[Hash, Hash]:
    """HMAC's inner and outer hash with the signing key, to be copied: setting them up takes longer than the rest."""
    secret, scope_text = secret_and_scope
    key = f"AWS4{secret}".encode()
    for part in scope_text.split("/"):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    padded = key.ljust(_SHA256_BLOCK_BYTES, b"\0")
    return _sha256(bytes(byte ^ 0x36 for byte in padded)), _sha256(bytes(byte ^ 0x5C for byte in padded))
