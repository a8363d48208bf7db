"""One clear line for a port that can't be had."""

import pytest

from lambent.startup import CannotStart, listen


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
        assert not listener.getblocking()


def test_a_taken_port_is_one_line_with_the_remedy() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart) as raised:
            listen("127.0.0.1", port)
    assert str(raised.value) == (
        f"port {port} is taken by another program; choose another with --port, or a free one with --port 0"
    )


def test_a_host_that_is_not_this_machines_is_one_line() -> None:
    with pytest.raises(CannotStart, match=r"^--host: 192\.0\.2\.1 is not an address of this machine$"):
        listen("192.0.2.1", 0)


def test_ipv6_loopback() -> None:
    with listen("::1", 0) as listener:
        assert listener.getsockname()[0] == "::1"
