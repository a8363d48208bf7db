"""A client of a server's control endpoints: what `lambent clock` and its like need.

The server's data directory has the token that they want, readable by its owner only: so the client runs on the server's
machine, as the server's user.
"""

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from lambent.commands.client import RequestFailed
from lambent.gateway.control import TOKEN_FILE

_TIMEOUT_SECONDS = 30.0


class ControlClient:
    """One server. `request` connects, and closes again."""

    def __init__(self, endpoint_url: str, data_directory: Path) -> None:
        """Raises RequestFailed: the address isn't one, or there is no token."""
        parts = urlsplit(endpoint_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RequestFailed(f"{endpoint_url} is not the address of a server, such as http://127.0.0.1:4566")
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._endpoint_url = endpoint_url
        self._connection = connect(parts.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            self._token = (data_directory / TOKEN_FILE).read_text(encoding="ascii").strip()
        except OSError as error:
            raise RequestFailed(
                f"the server's token can't be read from the data directory {data_directory} ({error.strerror}); "
                "is --data-directory the server's?"
            ) from error

    def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> Any:
        """Call a control endpoint; its JSON.

        Args:
            path: below `/_lambent/`.
            timeout_seconds: how long an answer may take.

        Raises:
            RequestFailed: no server, or it refuses.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        headers = {"Authorization": f"Bearer {self._token}"}
        self._connection.timeout = timeout_seconds
        try:
            self._connection.request(method, f"/_lambent/{path}{query}", headers=headers)
            answer = self._connection.getresponse()
            document = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise RequestFailed(
                f"no answer from {self._endpoint_url} ({cause}); is `lambent dev` running there?"
            ) from error
        finally:
            self._connection.close()
        if answer.status != 200:
            message = document.get("message") or document.get("Message") or f"HTTP {answer.status}"
            raise RequestFailed(message, answer.getheader("x-amzn-ErrorType", ""))
        return document
