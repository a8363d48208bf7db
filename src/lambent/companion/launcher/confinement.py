"""The companion's process, without the rights of the server that has started it.

Whoever may send a request, every function included, reaches moto: a large program that was made for tests on machines
of one's own. So this process isn't trusted with more than it needs. What it can't do is decided by the kernel before
moto is imported, and stays so: it has no rights to gain, is another user where Python's files allow that, reads Python
and the system's libraries but nothing else of the host, writes to its own folder, and executes nothing. Where it may
connect to is looked at here: no Unix sockets, which Docker has, and nowhere that functions may never go.
"""

import ctypes
import importlib.util
import os
import platform
import socket
import struct
import sys
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from lambent.core.addresses import is_out_of_bounds

USER: Final = 1_879_048_192 + 65_536
"""The next after those of execution environments."""

_SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/bin", "/dev/null", "/dev/urandom", "/dev/zero", "/sys/devices/system/cpu"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf"),
    *("/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/localtime", "/etc/timezone", "/etc/mime.types"),
    *("/etc/ld.so.cache", "/etc/protocols", "/run/systemd/resolve"),
)

_NO_NEW_PRIVILEGES: Final = 38
_DUMPABLE: Final = 4
_CAPABILITIES_3: Final = 0x20080522

# Landlock, which has the same numbers on every architecture but the oldest. Source: linux/landlock.h.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ: Final = _READ_FILE | _READ_DIR
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14  # those that a rule for a file may have
_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_SCOPES: Final = 3  # no abstract sockets of others, no signals to them; since version 6
_TRUNCATE_VERSION: Final = 3


def confine() -> Sequence[str]:
    """Give up what this process has no need of; the current directory is the folder that it may write to.

    Returns:
        what doesn't hold on this machine, in words; empty where everything does.
    """
    sys.addaudithook(_look_at)
    if sys.platform != "linux":
        return ("files and users: only Linux can",)
    missing = []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    needed = list(_needed())
    if os.geteuid() == 0:
        if not _become_another_user(needed):
            missing.append("user: it is root, without root's rights, because no other user can read its Python")
        _drop_capabilities(libc)
    if not _restrict_files(libc, needed):
        missing.append("files: this kernel has no Landlock")
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    return missing


def _needed() -> Iterable[Path]:
    """Where Python and its packages are."""
    for place in {sys.prefix, sys.base_prefix, *sys.path}:
        path = Path(place).resolve()
        if place and path.exists() and path != Path("/"):
            yield path


def _samples() -> Iterable[str]:
    """Files that stand for all of them."""
    moto = importlib.util.find_spec("moto")
    return [os.__file__, __file__, *([moto.origin] if moto is not None and moto.origin else [])]


def _become_another_user(needed: Iterable[Path]) -> bool:
    """Unless that user couldn't read what is needed: an interpreter may be in its owner's private home."""
    samples = _samples()
    os.chown(".", USER, USER)
    os.setgroups([])
    os.setegid(USER)
    os.seteuid(USER)
    places = (*map(str, needed), *samples)
    readable = all(os.access(place, os.R_OK, effective_ids=True) for place in places)
    os.seteuid(0)
    os.setegid(0)
    if readable:
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    else:
        os.chown(".", 0, 0)
    return readable


def _drop_capabilities(libc: Any) -> None:
    header = struct.pack("=Ii", _CAPABILITIES_3, 0)
    if libc.capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "the companion's capabilities can't be dropped")


def _restrict_files(libc: Any, needed: Iterable[Path]) -> bool:
    """By Landlock; false where the kernel hasn't got it."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if version < 1 or platform.machine() == "alpha":
        return False
    handled = _RIGHTS[min(version, max(_RIGHTS))]
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES) if version > 5 else struct.pack("=Q", handled)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "the companion can't be confined")
    try:
        for path in [*needed, *map(Path, _SYSTEM)]:
            _allow(libc, ruleset, path, _READ)
        _allow(libc, ruleset, Path("/dev/null"), _READ_FILE | _WRITE_FILE)
        _allow(libc, ruleset, Path(), handled & ~_EXECUTE)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            raise OSError(ctypes.get_errno(), "the companion can't be confined")
    finally:
        os.close(ruleset)
    return True


def _allow(libc: Any, ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not every system has it
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0) != 0:
            raise OSError(ctypes.get_errno(), f"the companion can't be allowed {path}")
    finally:
        os.close(opened)


def _look_at(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook, which can't be removed."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        connection, address = args[0], args[1]
        if address is not None:
            _check_address(connection.family, address)


def _check_address(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        raise PermissionError("The companion connects to nothing but addresses of the Internet.")
    host = str(address[0])
    if host == "localhost":
        return
    try:
        refused = is_out_of_bounds(ip_address(host.partition("%")[0]))
    except ValueError:  # a name, which this would have to look up, and the kernel might find another address for
        refused = True
    if refused:
        raise PermissionError(f"The companion doesn't connect to {host}.")
