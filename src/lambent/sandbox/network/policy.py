"""Which destinations a function may reach, and where they are on the host.

Checked for every flow before anything is sent. Never forwarded in any mode: what is local to the host's links,
because that is where clouds put the credentials of the machine (169.254.169.254 and its like), and addresses that
mean "myself" in other words.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from lambent.sandbox.network.packets import Endpoint
from lambent.sandbox.network.plan import DNS_ADDRESS, DNS_PORT, NetworkMode

_REFUSED_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local; metadata of AWS, Azure, Google and others; container credentials of ECS
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "168.63.129.16/32",  # agent endpoint of Azure
        "192.0.0.192/32",  # metadata of Oracle Cloud Classic
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_REFUSED_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # unspecified, and IPv4 in an old disguise; ::1 is looked at before
        "::ffff:0:0/96",  # IPv4 in disguise
        "fe80::/10",  # link-local
        "ff00::/8",  # multicast
        "fd00:ec2::/32",  # metadata and credentials of AWS
        "fd20:ce::254/128",  # metadata of Google Cloud
        "fd4c:616d:6265:6e74::/64",  # the namespace's own
    )
)


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
        if _never_forwarded(address):
            return None
        if self._mode is NetworkMode.EGRESS and _is_of_this_host(address):
            return None
        return destination


def _never_forwarded(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _REFUSED_4)
    return any(address in network for network in _REFUSED_6)


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
