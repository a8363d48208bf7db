"""What makes a network namespace an environment's: constant steps, plain data.

The server builds the steps once; `lambent_runtime.netns.apply` sends them to the kernel, as root, in the process
that has just made the namespace. They are JSON as they are: [name, netlink protocol, base64 of messages].
"""

import base64
import enum
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from lambent.sandbox.network.netlink import (
    ACK,
    CREATE,
    NETFILTER_PROTOCOL,
    ROUTE_PROTOCOL,
    attribute,
    message,
)
from lambent.sandbox.network.rules import RuleAddresses, rule_batch


class NetworkMode(enum.Enum):
    """What an execution environment may reach beyond itself."""

    ISOLATED = "none"
    """Nothing: the namespace's own loopback and what the server listens to inside."""
    EGRESS = "egress"
    """What the host reaches, but neither the host's loopback nor its own addresses."""
    EGRESS_AND_HOST_LOOPBACK = "egress-and-host-loopback"
    """What the host reaches, its loopback included, unless the function listens on that port itself."""


class NetworkStep(NamedTuple):
    """Netlink messages that are sent together; each that asks for it is acknowledged or the step fails."""

    name: str
    protocol: int
    messages: str
    """Base64 (RFC 4648)."""


# Link-local addresses are never forwarded, so that nothing outside is hidden by these.
OWN_ADDRESS: Final = IPv4Address("169.254.76.1")
OWN_ADDRESS_6: Final = IPv6Address("fd4c:616d:6265:6e74::1")
DNS_ADDRESS: Final = IPv4Address("169.254.78.1")
DNS_PORT: Final = 53
LISTENER_ADDRESS: Final = DNS_ADDRESS
LISTENER_ADDRESS_6: Final = IPv6Address("fd4c:616d:6265:6e74::2")
LISTENER_PORT: Final = 1
"""Below 1,024, so that the function can't hold it, nor be kept from a port it may want."""

RESOLV_CONF: Final = f"nameserver {DNS_ADDRESS}\noptions timeout:5 attempts:2\n"
"""Contents of /etc/resolv.conf inside; without egress nothing answers there and look-ups fail at once."""

_LOOPBACK_INDEX = 1  # the first interface of every namespace
_UP = 0x1
_SCOPE_GLOBAL, _SCOPE_HOST = 0, 254
_NODAD = 0x2  # no duplicate address detection: usable at once
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_TABLE_LOCAL, _ROUTE_STATIC, _ROUTE_LOCAL = 255, 4, 2
_DESTINATION, _OUTPUT_INTERFACE, _PREFERRED_SOURCE = 1, 4, 7
_ADDRESS, _LOCAL = 1, 2


def network_steps(mode: NetworkMode) -> list[NetworkStep]:
    """The steps that a fresh namespace needs for a mode, in order."""
    steps = [_step("loopback up", ROUTE_PROTOCOL, _loopback_up())]
    if mode is NetworkMode.ISOLATED:
        return steps
    addresses = _address(OWN_ADDRESS) + _address(OWN_ADDRESS_6)
    routes = _everything_is_local(OWN_ADDRESS) + _everything_is_local(OWN_ADDRESS_6)
    rules = rule_batch(RuleAddresses(OWN_ADDRESS, OWN_ADDRESS_6, LISTENER_ADDRESS, LISTENER_ADDRESS_6, LISTENER_PORT))
    return [
        *steps,
        _step("own addresses", ROUTE_PROTOCOL, addresses),
        _step("routes that make every address local", ROUTE_PROTOCOL, routes),
        _step("nftables rules", NETFILTER_PROTOCOL, rules),
    ]


def _step(name: str, protocol: int, messages: bytes) -> NetworkStep:
    return NetworkStep(name, protocol, base64.b64encode(messages).decode())


def _loopback_up() -> bytes:
    return message(_NEW_LINK, ACK, struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LOOPBACK_INDEX, _UP, _UP))


def _address(address: IPv4Address | IPv6Address) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    header = struct.pack("=BBBBI", family, address.max_prefixlen, _NODAD, _SCOPE_GLOBAL, _LOOPBACK_INDEX)
    attributes = attribute(_LOCAL, address.packed) + attribute(_ADDRESS, address.packed)
    return message(_NEW_ADDRESS, ACK | CREATE, header + attributes)


def _everything_is_local(source: IPv4Address | IPv6Address) -> bytes:
    """`ip route add local default dev lo src SOURCE`; without the source, a packet's would be its destination."""
    family, scope = (socket.AF_INET, _SCOPE_HOST) if source.version == 4 else (socket.AF_INET6, _SCOPE_GLOBAL)
    header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _TABLE_LOCAL, _ROUTE_STATIC, scope, _ROUTE_LOCAL, 0)
    attributes = attribute(_OUTPUT_INTERFACE, struct.pack("=I", _LOOPBACK_INDEX))
    attributes += attribute(_PREFERRED_SOURCE, source.packed)
    return message(_NEW_ROUTE, ACK | CREATE, header + attributes)
