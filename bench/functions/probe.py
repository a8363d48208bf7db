"""Tries from inside what an execution environment must not be able to do; the answer names what was possible."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWUSER = 0x10000000
_PTRACE_ATTACH = 16


def handler(event: dict[str, Any], context: object) -> object:
    """Make all attempts, or take memory: {"megabytes"}."""
    if "megabytes" in event:
        return len(bytearray(os.urandom(1)) * (event["megabytes"] << 20))
    attempts = _attempts(event)
    return {"attempts": len(attempts), "possible": [name for name, attempt in attempts.items() if _works(attempt)]}


def _attempts(event: dict[str, Any]) -> dict[str, Callable[[], object]]:
    attempts: dict[str, Callable[[], object]] = {
        "write the code": lambda: open("/var/task/app.py", "a").close(),
        "write the root": lambda: open("/intruder", "w").close(),
        "write the interpreter": lambda: open(os.path.realpath("/var/lang/bin/python3"), "a").close(),
        "see init's root": lambda: os.listdir("/proc/1/root"),
        "see init's variables": lambda: open("/proc/1/environ", "rb").read(),
        "see init's memory": lambda: open("/proc/1/mem", "rb"),
        "signal init": lambda: os.kill(1, signal.SIGSTOP),
        "be root": lambda: os.setuid(0),
        "make a device": lambda: os.mknod("/tmp/device", 0o666 | 0o020000, os.makedev(1, 1)),
        "have a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "have a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "name the host": lambda: socket.sethostname("intruder"),
        "set a setting of the kernel": lambda: open("/proc/sys/kernel/core_pattern", "w").close(),
        "mount": lambda: _call(_LIBC.mount, b"none", b"/tmp", b"tmpfs", 0, None),
        "unmount": lambda: _call(_LIBC.umount2, b"/var/task", 0),
        "change the root": lambda: os.chroot("/tmp"),
        "make a user namespace": lambda: _call(_LIBC.unshare, _CLONE_NEWUSER),
        "trace init": lambda: _call(_LIBC.ptrace, _PTRACE_ATTACH, 1, None, None),
        "leave the namespaces": lambda: _call(_LIBC.setns, os.open("/proc/self/ns/net", os.O_RDONLY), 0),
        "gain a right by a program": lambda: _gains("/usr/bin/su"),
        "reach the host's loopback": lambda: socket.create_connection(("127.0.0.1", event["port"]), timeout=2).close(),
        "see other processes": _see_others,
    }
    attempts.update({f"see {path}": partial(os.lstat, path) for path in event["paths"]})
    return attempts


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "refused")


def _gains(program: str) -> None:
    """Run a program that is set-user-ID, which does its work for root only."""
    ended = subprocess.run([program, "-c", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode:
        raise PermissionError(program)


def _see_others() -> None:
    if len([name for name in os.listdir("/proc") if name.isdecimal()]) <= 2:
        raise ProcessLookupError
