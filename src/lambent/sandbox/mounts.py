"""Detached mounts: file systems that have a descriptor and no place in any tree yet.

The server makes them, hands the descriptor to an environment's init, and init attaches it inside. Nothing ever
appears in the host's mount table, so nothing is left there, whoever is killed when. Needs Linux 5.12.
"""

import ctypes
import os
from pathlib import Path

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_IDMAP = 0x100000

_SYS_OPEN_TREE = 428
_SYS_FSOPEN = 430
_SYS_FSCONFIG = 431
_SYS_FSMOUNT = 432
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_FS_CLOEXEC = 1
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def _syscall(name: str, subject: str, number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}", subject)
    return result


def clone_tree_read_only(directory: Path, *, user_namespace: int | None = None) -> int:
    """A detached, read-only, nosuid, nodev bind mount of directory; the caller closes the descriptor.

    Args:
        user_namespace: whose maps say which owner each owner is seen as (MOUNT_ATTR_IDMAP).
    """
    fd = _syscall(
        "open_tree",
        str(directory),
        _SYS_OPEN_TREE,
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(directory),
        ctypes.c_uint(_OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC),
    )
    attributes = _MountAttributes(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, 0)
    if user_namespace is not None:
        attributes.attr_set |= MOUNT_ATTR_IDMAP
        attributes.userns_fd = user_namespace
    try:
        _syscall(
            "mount_setattr",
            str(directory),
            _SYS_MOUNT_SETATTR,
            ctypes.c_int(fd),
            b"",
            ctypes.c_uint(_AT_EMPTY_PATH),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        )
    except OSError:
        os.close(fd)
        raise
    return fd


def mount_device(kind: str, device: str, options: dict[str, str | None]) -> int:
    """A detached, nosuid, nodev mount of the file system on device; the caller closes the descriptor."""
    context = _syscall("fsopen", kind, _SYS_FSOPEN, kind.encode(), ctypes.c_uint(_FS_CLOEXEC))
    try:
        _configure(context, _FSCONFIG_SET_STRING, "source", device)
        for key, value in options.items():
            command = _FSCONFIG_SET_FLAG if value is None else _FSCONFIG_SET_STRING
            _configure(context, command, key, value)
        _configure(context, _FSCONFIG_CMD_CREATE, None, None)
        return _syscall(
            "fsmount",
            device,
            _SYS_FSMOUNT,
            ctypes.c_int(context),
            ctypes.c_uint(_FS_CLOEXEC),
            ctypes.c_uint(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
        )
    finally:
        os.close(context)


def _configure(context: int, command: int, key: str | None, value: str | None) -> None:
    _syscall(
        "fsconfig",
        f"{key}={value}",
        _SYS_FSCONFIG,
        ctypes.c_int(context),
        ctypes.c_uint(command),
        key.encode() if key is not None else None,
        value.encode() if value is not None else None,
        ctypes.c_int(0),
    )
