"""Links to download a function's code: a path on this server that a signature opens for ten minutes.

GetFunction's `Code.Location` is a presigned S3 URL on AWS: whoever has it may download, without credentials, until it
expires. Here it is `/_lambent/code/<digest>.zip?Expires=…&Signature=…`, signed with a secret of the data directory.
"""

import hashlib
import hmac
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from lambent.clock import Clock
from lambent.core.function import Code
from lambent.services.packages import Packages

CODE_PATH_PREFIX = "/_lambent/code/"

LIFETIME_SECONDS = 600
"""Source: API reference, GetFunction: "a link to download the deployment package that's valid for 10 minutes"."""

_PATH = re.compile(re.escape(CODE_PATH_PREFIX) + r"([0-9a-f]{64})\.zip")


class CodeLinks:
    """Makes links and checks them.

    Args:
        secret: at least 32 unpredictable bytes; links die when it changes.
    """

    def __init__(self, *, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def link(self, base_url: str, code: Code) -> str:
        """A URL from which the code can be downloaded until it expires; a folder's is where it is."""
        if code.folder:
            return Path(code.folder).as_uri()
        expires = self._clock.now_ms() // 1000 + LIFETIME_SECONDS
        signature = self._sign(code.sha256, expires)
        return f"{base_url}{CODE_PATH_PREFIX}{code.sha256}.zip?Expires={expires}&Signature={signature}"

    def opened(self, path: str, query: str) -> str | None:
        """The digest of the code that a valid link opens, else None."""
        match = _PATH.fullmatch(path)
        parameters = parse_qs(query)
        expires, signature = parameters.get("Expires", [""])[0], parameters.get("Signature", [""])[0]
        if match is None or re.fullmatch(r"[0-9]{1,12}", expires) is None:
            return None
        expected = self._sign(match[1], int(expires))
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return None
        return match[1] if self._clock.now_ms() // 1000 < int(expires) else None

    def _sign(self, sha256: str, expires: int) -> str:
        return hmac.new(self._secret, f"code\n{sha256}\n{expires}".encode(), hashlib.sha256).hexdigest()


class Download(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class CodeDownloads:
    """Serves the links; they need no other authentication."""

    def __init__(self, *, links: CodeLinks, packages: Packages) -> None:
        self._links = links
        self._packages = packages

    async def handle(self, path: str, query: str) -> Download:
        """The package; 403 when the link is wrong or expired, 404 when the code was deleted meanwhile."""
        sha256 = self._links.opened(path, query)
        if sha256 is None:
            return Download(403, [("Content-Type", "text/plain")], b"The link is not valid, or has expired.\n")
        try:
            package = await self._packages.read(sha256)
        except FileNotFoundError:
            return Download(404, [("Content-Type", "text/plain")], b"The code was deleted.\n")
        return Download(200, [("Content-Type", "application/zip")], package)
