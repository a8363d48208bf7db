"""A user namespace for the server of a user without rights, in which it may do what sandboxes need.

The server enters it at its start, before it has threads, and stays: in there it is root, and may make mounts and
further namespaces for its environments; on the host it is who it was, in the host's network and with the user's files.
Whether that can be had is found by trying, in a process of its own.
"""

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
_INNER = 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000  # cgroup, host name, IPC, PID, network
_MS_PRIVATE_ALL = 0x40000 | 0x4000
_MS_PROC = 0x2 | 0x4 | 0x8  # no set-user-id, devices, programs
_TRY_SECONDS = 10
_LONGEST_ANSWER = 4096


def enter() -> None:
    """Make this process root of a user namespace and a mount namespace of its own; there is no way back.

    Raises:
        OSError: the kernel or its policy refuses; or this process has several threads.
    """
    uid, gid = os.geteuid(), os.getegid()
    _unshare(CLONE_NEWUSER | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")  # else the kernel refuses the map of groups
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")


def obstacle(*, own: bool) -> str | None:
    """Why sandboxes can't be made of namespaces, if they can't; found by making them.

    Args:
        own: in a user namespace of one's own, else as this process is.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _try(write, own=own)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read(_LONGEST_ANSWER).decode(errors="replace")
    os.waitpid(child, 0)
    return None if said == "ok" else said or "the try ended early"


def is_the_hosts() -> bool:
    """Whether this process is in the user namespace that the machine began with."""
    return _map() == [(0, 0, 4_294_967_295)]


def has_users(first: int, count: int) -> bool:
    """Whether these user and group ids exist here."""
    return all(
        any(begin <= first and first + count <= begin + length for begin, _, length in _map(name))
        for name in ("uid_map", "gid_map")
    )


def _map(name: str = "uid_map") -> list[tuple[int, int, int]]:
    lines = Path("/proc/self", name).read_text(encoding="ascii").splitlines()
    return [(int(inside), int(outside), int(length)) for inside, outside, length in map(str.split, lines)]


def _try(answer: int, *, own: bool) -> None:
    """In a child: what a server does, and a zygote and an init below it; never returns."""
    step = "begin"
    try:
        signal.alarm(_TRY_SECONDS)
        step = "user namespace" if own else "mount namespace"
        enter() if own else _unshare(CLONE_NEWNS)
        step = "mounts"
        _mount(None, "/", None, _MS_PRIVATE_ALL)
        step = "namespaces"
        _unshare(_INNER)
        if os.fork() == 0:
            step = "proc"  # refused where parts of the host's are covered, as container engines do
            _mount("proc", "/proc", "proc", _MS_PROC)
            step = "tmpfs"
            _mount("lambent", "/proc", "tmpfs", _MS_PROC)
            os.write(answer, b"ok")
        else:
            os.wait()
    except OSError as error:
        os.write(answer, f"{step}: {error.strerror}".encode())
    finally:
        os._exit(0)


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    if libc.mount(*encoded, ctypes.c_ulong(flags), None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
