"""Which destinations a function may reach, and where they are on the host.

Checked for every flow before anything is sent. Never forwarded in any mode: what `core.addresses` has out of bounds.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from lambent.core.addresses import is_out_of_bounds
from lambent.sandbox.network.packets import Endpoint
from lambent.sandbox.network.plan import DNS_ADDRESS, DNS_PORT, NetworkMode


class EgressPolicy:
    """The rule of one network mode.

    Args:
        resolvers: gives the host's name servers, in order of preference, as they are now.
    """

    def __init__(self, mode: NetworkMode, resolvers: Callable[[], Sequence[Endpoint]]) -> None:
        self._mode = mode
        self._resolvers = resolvers

    def target(self, destination: Endpoint) -> Endpoint | None:
        """Where to connect on the host for a destination that the function named; None if it may not go there."""
        host, port = destination
        address = ip_address(host)
        if self._mode is NetworkMode.ISOLATED or port == 0:
            return None
        if address == DNS_ADDRESS and port == DNS_PORT:
            return next(iter(self._resolvers()), None)
        if address.is_loopback:
            return destination if self._mode is NetworkMode.EGRESS_AND_HOST_LOOPBACK else None
        if is_out_of_bounds(address):
            return None
        if self._mode is NetworkMode.EGRESS and _is_of_this_host(address):
            return None
        return destination


def _is_of_this_host(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the host's own: the kernel then takes it for the source as well.

    A connection to it would come in by the loopback device, past the rules of a firewall for the outside.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))  # a connected UDP socket has sent nothing
        except OSError:
            return False  # no way there: the connection will say so
        return ip_address(probe.getsockname()[0]) == address
