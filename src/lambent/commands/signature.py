"""Signs requests as AWS's clients do: Signature Version 4, header form, signed payload.

Source: "Create a signed AWS API request", AWS Identity and Access Management user guide.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from lambent.wire.sigv4 import canonical_path, canonical_query


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and the secret that belongs to it; under `lambent dev` any pair will do."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


def signed_headers(  # a signature covers the whole request
    credentials: Credentials,
    *,
    method: str,
    host: str,
    path: str,
    query: str = "",
    headers: dict[str, str],
    body: bytes,
    region: str,
    at: datetime,
    service: str = "lambda",
) -> dict[str, str]:
    """All headers of the signed request: those given, Host, the date and Authorization.

    Args:
        path: percent-encoded, as it is sent.
        query: as it is sent, without the question mark.
        headers: names in any case; all of them are signed.
        at: when it is sent, in UTC; a server accepts five minutes of difference.
    """
    timestamp = f"{at:%Y%m%dT%H%M%SZ}"
    payload_hash = hashlib.sha256(body).hexdigest()
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": host, "x-amz-date": timestamp, "x-amz-content-sha256": payload_hash}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join(
        [method, canonical_path(path), canonical_query(query), canonical_headers, names, payload_hash]
    )
    credential_scope = f"{at:%Y%m%d}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{credential_scope}\n{digest}"
    key = signing_key(credentials, f"{at:%Y%m%d}", region, service)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{credential_scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return signed


def signing_key(credentials: Credentials, date: str, region: str, service: str) -> bytes:
    """The key of one day (YYYYMMDD), region and service."""
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
