"""Which requests a local port may answer at all: those that no web page could have sent.

A page in the user's browser can post to 127.0.0.1, and an attacker's name can be made to resolve to it (DNS
rebinding). So the Host must be a name of this machine or a configured one, and what a browser says it sent from
elsewhere is refused unless that origin is configured (DESIGN 3.12). The rules hold under `dev` and `serve` alike.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from lambent.core.errors import AccessDenied
from lambent.core.function_urls import HOST_LABEL
from lambent.wire.http import Headers, Request

_CACHED_HOSTS = 1024
_CACHED_HOST_LENGTH = 255

_NAME = re.compile(r"[A-Za-z0-9._-]+")
"""What a name in DNS, and an address of IPv4, can have; nothing that a proxy might take for a name's end."""


class HostRules:
    """Checks Host, Origin and Sec-Fetch-Site of every request.

    Args:
        hosts: names or addresses that are allowed besides loopback ones, without a port; `*.example.com` allows every
            name below example.com.
        origins: values of Origin that are allowed, e.g. `http://localhost:3000`; `*` allows all.
        url_domain: below which function URLs have their names, no other name there being this machine's; or empty.
        any_address: allow every IP address as Host. For a server that listens beyond loopback: rebinding needs a name.
    """

    def __init__(
        self, *, hosts: Iterable[str] = (), origins: Iterable[str] = (), url_domain: str = "", any_address: bool = False
    ) -> None:
        names = [host.lower().rstrip(".") for host in hosts]
        self._hosts = frozenset(name for name in names if not name.startswith("*."))
        self._suffixes = (".localhost", *(name[1:] for name in names if name.startswith("*.")))
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._url_suffix = f".{url_domain}" if url_domain else None
        self._any_address = any_address
        self._allowed: set[str] = set()  # Host values that passed; every request looks here first

    def check(self, request: Request) -> None:
        """Let the request pass.

        Raises:
            AccessDenied: it must not be answered; the message says why and how to allow it.
        """
        self.check_host(request)
        headers = request.headers
        if "origin" in headers or "sec-fetch-site" in headers:
            self._check_browser(headers)

    def check_host(self, request: Request) -> None:
        """Let a request pass that any web page may send: one to a function URL, which has rules of its own (CORS).

        Raises:
            AccessDenied: its Host isn't this machine's.
        """
        host = request.headers.get("host", "")
        if host not in self._allowed:
            self._check_host(host)

    def _check_host(self, value: str) -> None:
        name = _host_name(value)
        if name is None or not self._is_allowed(name):
            raise AccessDenied(
                f"The Host '{value}' is not a name of this machine. Use localhost or 127.0.0.1, or add the name to the "
                "setting allowed_hosts."
            )
        if len(value) <= _CACHED_HOST_LENGTH:
            if len(self._allowed) >= _CACHED_HOSTS:
                self._allowed.clear()
            self._allowed.add(value)

    def _is_allowed(self, name: str) -> bool:
        if name in self._hosts or name.endswith(self._suffixes) or _is_loopback(name):
            return True
        if self._url_suffix is not None and HOST_LABEL in name and name.endswith(self._url_suffix):
            return True
        return self._any_address and _address(name) is not None

    def _check_browser(self, headers: Headers) -> None:
        if "*" in self._origins:
            return
        origins = headers.getlist("origin")
        for origin in origins:
            if origin.lower() not in self._origins:
                raise AccessDenied(
                    f"A web page of '{origin}' sent this request. If it may, add the origin to the setting "
                    "allowed_origins."
                )
        if not origins and "cross-site" in headers.getlist("sec-fetch-site"):
            raise AccessDenied("A web page of another site sent this request (Sec-Fetch-Site: cross-site).")


def _host_name(value: str) -> str | None:
    """The lower-case name or address in a Host header, without port, brackets and final dot; None if malformed."""
    if value.startswith("["):
        name, bracket, port = value[1:].partition("]")
        if not bracket or _address(name) is None or (port and not port.startswith(":")):
            return None
        port = port[1:]
    else:
        name, _, port = value.partition(":")
    if port and not (port.isascii() and port.isdigit()):
        return None
    if not value.startswith("[") and _NAME.fullmatch(name) is None:
        return None
    return name.lower().removesuffix(".")


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
