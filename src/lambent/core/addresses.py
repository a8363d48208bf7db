"""Addresses that nothing which acts for a function may reach.

They are local to the host's links, because that is where clouds put the credentials of the machine (169.254.169.254
and its like), or mean "myself" in other words.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

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
        "fd4c:616d:6265:6e74::/64",  # of environments' own namespaces
    )
)


def is_out_of_bounds(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of these; loopback isn't."""
    if address.is_loopback:
        return False
    if isinstance(address, IPv4Address):
        return any(address in network for network in _REFUSED_4)
    return any(address in network for network in _REFUSED_6)
