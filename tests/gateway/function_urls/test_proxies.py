"""For whom a request came by way of proxies; the longer a chain, the more of it anybody may have written."""

from ipaddress import ip_network

import pytest

from lambent.gateway.function_urls.proxies import TrustedProxies
from lambent.wire.http import Headers, Request

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7 , 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("10.0.0.1", ["[2001:db9::7]:4711"], "2001:db9::7"),
        ("10.0.0.1", ["2001:db9::7, [2001:db8::1]"], "2001:db9::7"),
        ("10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("", ["192.0.2.7"], ""),
    ],
)
def test_it_is_the_last_that_no_trusted_proxy_has(peer: str, forwarded: list[str], client: str) -> None:
    headers = Headers()
    for line in forwarded:
        headers.add("x-forwarded-for", line)
    assert PROXIES.client_of(Request("GET", "/", "", headers, b"", peer)) == client
