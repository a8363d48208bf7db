"""For whom a request came, where it came by way of a proxy that is trusted to say so.

Each proxy adds the address that it was called from to X-Forwarded-For, behind what the caller sent. So the header is
read from its end: as far as the addresses are those of trusted proxies, the one before was told by one of them. What is
further to the front anybody may have written.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from lambent.wire.http import Request

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """The networks whose word is taken for whose request it is."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks

    def client_of(self, request: Request) -> str:
        """The address that a request came from: its peer's, unless that is a trusted proxy that names another."""
        client = request.peer
        for line in reversed(request.headers.getlist("x-forwarded-for")):
            for named in reversed(line.split(",")):
                if not self._trusts(client):
                    return client
                address = _address(named.strip())
                if address is None:
                    return client
                client = str(address)
        return client

    def _trusts(self, client: str) -> bool:
        address = _address(client)
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; some proxies put a port behind it, and the brackets that an IPv6 one then has."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
