"""Sockets inside a network namespace: in, create, out again.

A socket belongs to the namespace in which it was made and works from anywhere, so that a thread need only be inside for
the creation. With CAP_SYS_ADMIN on the host it is the event loop's own (9 µs for the round trip). Who has that in a
user namespace only can enter an environment's network, but could not come back to the host's: there a thread does it
that has left the host's for good (`ThreadAside`, about 60 µs).
"""

import contextlib
import ctypes
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from lambent.sandbox.network.netlink import NETFILTER_PROTOCOL
from lambent.sandbox.network.plan import LISTENER_ADDRESS, LISTENER_ADDRESS_6, LISTENER_PORT
from lambent.sandbox.network.rules import MARK_BRIDGE, MARK_RESUMED

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_SIOCGSKNS = 0x894C  # the namespace of a socket, as a descriptor (linux/sockios.h)
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75
_BACKLOG = 1024
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def entered(netns_fd: int) -> Iterator[None]:
    """Be in another network namespace for the length of a block, which must not await.

    Raises:
        OSError: the namespace can't be entered; the thread is where it was.
    If the thread can't come back, the process aborts: a server that goes on in a tenant's namespace would serve that
    tenant alone, and connect from the wrong side.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(netns_fd)
        try:
            yield
        finally:
            _come_back(home)
    finally:
        os.close(home)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def _come_back(home: int) -> None:
    try:
        _setns(home)
    except OSError as error:
        os.write(2, f"lambent: can't leave an environment's network namespace ({error}); aborting\n".encode())
        os.abort()


class Entrance(Protocol):
    """A way to make something inside a namespace."""

    def __call__(self, netns_fd: int, make: Callable[[], T]) -> T:
        """What make() returns, called inside; it must be quick. Raises what it raises, or OSError."""


def by_this_thread(netns_fd: int, make: Callable[[], T]) -> T:
    """The entrance of who may come back to the host's namespace."""
    with entered(netns_fd):
        return make()


class ThreadAside:
    """The entrance of who may not: a thread whose own namespace is an empty one, until `close`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network", initializer=_leave_the_hosts)

    def __call__(self, netns_fd: int, make: Callable[[], T]) -> T:
        """As `Entrance`."""
        return self._thread.submit(by_this_thread, netns_fd, make).result()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def may_come_back() -> bool:
    """Whether this process may enter the host's network namespace, in which it is."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(home)
    except PermissionError:
        return False
    finally:
        os.close(home)
    return True


def _leave_the_hosts() -> None:
    if _libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def listen_inside(
    netns_fd: int, host: str, port: int, *, transparent: bool = False, enter: Entrance = by_this_thread
) -> socket.socket:
    """A non-blocking TCP listener in a namespace.

    Args:
        host: a numeric address, version 4 or 6.
        transparent: accept for addresses that are not its own (IP_TRANSPARENT), as the rules direct.

    Raises:
        OSError: the namespace can't be entered, or the address is taken.
    """
    return enter(netns_fd, lambda: _listener(_family(host), (host, port), transparent=transparent))


class InsideSockets:
    """Makes the sockets that the bridge needs inside one namespace, for as long as `anchor` is open.

    Args:
        anchor: any socket inside; the namespace is found through it, so that no descriptor is kept for that alone.
    """

    def __init__(self, anchor: socket.socket, enter: Entrance = by_this_thread) -> None:
        self._anchor = anchor
        self._enter = enter

    def _inside(self, make: Callable[[], T]) -> T:
        namespace = fcntl.ioctl(self._anchor.fileno(), _SIOCGSKNS)
        try:
            return self._enter(namespace, make)
        finally:
            os.close(namespace)

    def listener(self, family: socket.AddressFamily) -> socket.socket:
        """The listener to which the rules direct resumed handshakes."""
        host = LISTENER_ADDRESS if family == socket.AF_INET else LISTENER_ADDRESS_6
        return self._inside(lambda: _listener(family, (str(host), LISTENER_PORT), transparent=True))

    def raw(self, family: socket.AddressFamily) -> socket.socket:
        """A socket that sends whole IP packets, marked as resumed handshakes; it receives nothing."""
        raw = self._inside(lambda: socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK_RESUMED)
        return raw

    def datagram(self, local: tuple[str, int], remote: tuple[str, int] | None) -> socket.socket:
        """A UDP socket at any address, were it one of another host; with `remote`, only for what comes from there."""
        family = _family(local[0])
        datagram = self._inside(lambda: socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        try:
            _make_transparent(datagram)
            datagram.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            datagram.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK_BRIDGE)
            datagram.bind(local)
            if remote is not None:
                datagram.connect(remote)
        except BaseException:
            datagram.close()
            raise
        return datagram


def open_packet_log(netns_fd: int, enter: Entrance = by_this_thread) -> socket.socket:
    """A netlink socket inside, for the packets that the rules hand over."""
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    return enter(netns_fd, lambda: socket.socket(socket.AF_NETLINK, kind, NETFILTER_PROTOCOL))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _listener(family: socket.AddressFamily, address: tuple[str, int], *, transparent: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Connections inherit it: a function may listen on a port to which it has a bridged connection.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transparent:
            _make_transparent(listener)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _make_transparent(target: socket.socket) -> None:
    if target.family == socket.AF_INET6:
        target.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    else:
        target.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)
