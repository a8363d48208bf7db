"""The system calls a sandbox is made of, that Python's ``os`` does not offer in every supported version.

Each function either succeeds or raises OSError with the name of the call, so that a failed step of a
sandbox is named. Numbers are the kernel's, equal on x86-64 and arm64 for all calls made here by number.
"""

from __future__ import annotations

import ctypes
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

_SYS_MOVE_MOUNT = 429
_SYS_PIDFD_OPEN = 434
_SYS_CLOSE_RANGE = 436
_SYS_MOUNT_SETATTR = 442
_CLOSE_RANGE_CLOEXEC = 0x4
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, call: str, subject: str | None = None) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (call, os.strerror(number)), subject)


def unshare(flags: int) -> None:
    """Leave the namespaces named by flags for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace behind fd, or those of the process behind it that kind names."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """Mount source at target, or change what is mounted there, as the call of that name does."""
    _check(
        _libc.mount(
            os.fsencode(source) if source is not None else None,
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        "mount",
        target,
    )


def restrict_mounts(target: str, flags: int) -> None:
    """Add MS_RDONLY, MS_NOSUID, MS_NODEV or MS_NOEXEC to what is mounted at target and below; none is taken away."""
    attributes = struct.pack("=4Q", flags, 0, 0, 0)  # struct mount_attr, whose numbers for these are the same
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(target),
            ctypes.c_uint(_AT_RECURSIVE),
            attributes,
            ctypes.c_size_t(len(attributes)),
        ),
        "mount_setattr",
        target,
    )


def move_mount(fd: int, target: str) -> None:
    """Attach the detached mount behind fd at target."""
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOVE_MOUNT),
            ctypes.c_int(fd),
            b"",
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(target),
            ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
        ),
        "move_mount",
        target,
    )


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """Take away what is mounted at target, with all that is mounted below it."""
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(flags)), "umount2", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make new_root the root of this mount namespace and put the old one at put_old."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(
        _libc.syscall(ctypes.c_long(number), os.fsencode(new_root), os.fsencode(put_old)),
        "pivot_root",
        new_root,
    )


def prctl(option: int, value: int = 0, third: int = 0) -> None:
    """Set an attribute of this process, by up to two numeric arguments."""
    _check(
        _libc.prctl(
            ctypes.c_int(option),
            ctypes.c_ulong(value),
            ctypes.c_ulong(third),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        ),
        "prctl %d" % option,
    )


def load_seccomp_filter(program: bytes) -> None:
    """Confine this thread, for good, with a BPF program (bytes of struct sock_filter[])."""
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: number of instructions, padding, pointer to them
    fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions)))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(fprog))


def keep_capabilities_to_oneself() -> None:
    """Let no program that this process executes have any capability; those that the process has, it keeps."""
    _drop_bounding_set()
    header, sets = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    _check(_libc.capget(header, sets), "capget")
    words = list(struct.unpack("=6I", sets.raw))  # effective, permitted and inheritable, twice 32
    words[2] = words[5] = 0  # and with the inheritable ones go the ambient ones
    _check(_libc.capset(header, struct.pack("=6I", *words)), "capset")


def _drop_bounding_set() -> None:
    # Numbers go to the call as they are: with an object made for each, the 41 calls cost a new process 0.5 ms more.
    for number in _CAPABILITIES:
        if _plain_prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            _check(-1, "prctl %d" % PR_CAPBSET_DROP)


def drop_capabilities() -> None:
    """Drop every capability, from all sets of this process."""
    _drop_bounding_set()
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def _capabilities() -> range:
    """The numbers that this kernel knows; asked of the kernel, for /proc may not be there."""
    number = 0
    while _plain_prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        number += 1
    return range(number)


_plain_prctl = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, *(ctypes.c_ulong,) * 4, use_errno=True)(("prctl", _libc))
_CAPABILITIES = _capabilities()


def close_from(first: int) -> None:
    """Close every file descriptor from first upwards."""
    _close_range(first, 0xFFFFFFFF)


def close_on_exec_from(first: int) -> None:
    """Let no program that this process executes have one of the file descriptors from first upwards."""
    _close_range(first, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)


def close_all_but(kept: Iterable[int]) -> None:
    """Close every file descriptor above 2 that isn't kept."""
    first = 3
    for fd in sorted(kept):
        if fd > first:
            _close_range(first, fd - 1)
        first = max(first, fd + 1)
    close_from(first)


def _close_range(first: int, last: int, flags: int = 0) -> None:
    numbers = map(ctypes.c_uint, (first, last, flags))
    _check(_libc.syscall(ctypes.c_long(_SYS_CLOSE_RANGE), *numbers), "close_range")


def pidfd_open(pid: int) -> int:
    """A descriptor of a process; close-on-exec."""
    fd: int = _libc.syscall(ctypes.c_long(_SYS_PIDFD_OPEN), ctypes.c_int(pid), ctypes.c_uint(0))
    _check(fd, "pidfd_open")
    return fd
