"""Which requests a local port answers, by where a browser or a rebound name would make them come from."""

import pytest

from lambent.core.errors import AccessDenied
from lambent.gateway.host_rules import HostRules
from lambent.wire.http import Headers, Request


def request(host: str | None = "localhost", **headers: str) -> Request:
    collected = Headers()
    if host is not None:
        collected.add("host", host)
    for name, value in headers.items():
        collected.add(name.replace("_", "-"), value)
    return Request("POST", "/", "", collected)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:4566",
        "localhost.",
        "127.0.0.1:4566",
        "127.8.9.10",
        "[::1]",
        "[::1]:4566",
        "abc.lambda-url.localhost:4566",
    ],
)
def test_loopback_names_are_allowed(host: str) -> None:
    rules = HostRules()
    rules.check(request(host))
    rules.check(request(host))


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "example.com",
        "localhost.example.com",
        "notlocalhost",
        "127.0.0.1.example.com",
        "0.0.0.0:4566",
        "192.168.1.5",
        "[::]",
        "[::1",
        "[::1]x",
        "[localhost]",
        "::1",
        "localhost:x",
        "localhost:٣",
        "127.1",
        "2130706433",
        "user@localhost",
        "evil.example#.localhost",
        "evil.example\\.localhost",
        "evil.example/.localhost",
        ":4566",
    ],
)
def test_other_hosts_are_refused(host: str | None) -> None:
    rules = HostRules()
    for _ in range(2):
        with pytest.raises(AccessDenied, match="allowed_hosts"):
            rules.check(request(host))


def test_configured_hosts_are_allowed() -> None:
    rules = HostRules(hosts=["Lambent", "*.example.com"])
    for host in ("lambent:4566", "a.example.com", "a.b.EXAMPLE.com"):
        rules.check(request(host))
    for host in ("example.com", "badexample.com", "lambent.evil"):
        with pytest.raises(AccessDenied):
            rules.check(request(host))


def test_below_the_domain_of_function_urls_only_those_are_allowed() -> None:
    rules = HostRules(url_domain="example.com")
    for host in ("a.lambda-url.eu-west-1.example.com", "A.lambda-url.eu-west-1.Example.com:443"):
        rules.check(request(host))
    for host in (
        "example.com",
        "a.example.com",
        "a.lambda-url.eu-west-1.example.com.evil",
        "a.lambda-url.x.bexample.com",
    ):
        with pytest.raises(AccessDenied):
            rules.check(request(host))


def test_any_address_allows_addresses_but_no_names() -> None:
    rules = HostRules(any_address=True)
    rules.check(request("192.168.1.5:4566"))
    rules.check(request("[fe80::1]"))
    with pytest.raises(AccessDenied):
        rules.check(request("example.com"))


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
def test_origin_is_refused_unless_configured(origin: str) -> None:
    with pytest.raises(AccessDenied, match="allowed_origins"):
        HostRules().check(request(origin=origin))
    HostRules(origins=[origin]).check(request(origin=origin, sec_fetch_site="cross-site"))
    HostRules(origins=["*"]).check(request(origin=origin))


def test_every_origin_of_a_request_must_be_allowed() -> None:
    two = request(origin="http://a")
    two.headers.add("origin", "http://b")
    with pytest.raises(AccessDenied):
        HostRules(origins=["http://a"]).check(two)


def test_cross_site_request_without_an_origin_is_refused() -> None:
    with pytest.raises(AccessDenied, match="cross-site"):
        HostRules().check(request(sec_fetch_site="cross-site"))
    for site in ("none", "same-origin"):
        HostRules().check(request(sec_fetch_site=site))


def test_refusal_is_a_403_with_a_message() -> None:
    with pytest.raises(AccessDenied) as caught:
        HostRules().check(request("evil.example"))
    assert (caught.value.status, caught.value.message) == (
        403,
        (
            "The Host 'evil.example' is not a name of this machine. Use localhost or 127.0.0.1, or add the name to the "
            "setting allowed_hosts."
        ),
    )


def test_remembered_hosts_are_bounded() -> None:
    rules = HostRules()
    for number in range(3000):
        rules.check(request(f"h{number}.localhost"))
    rules.check(request("a" * 300 + ".localhost"))
    assert len(rules._allowed) <= 1024
    assert max(map(len, rules._allowed)) < 300
