"""A function that carries out what a test sends it. This module is its deployment package.

A test writes its attempt as a Python function of its own module and hands it to `Probe.run`: the attempt's source
goes inside as an event, runs there with this module's imports and helpers in reach, and its answer comes back as JSON.
So what is tried stands beside what is expected. Standard library only, and the syntax of Python 3.9.
"""

from __future__ import annotations
import __future__

import contextlib
import ctypes
import errno
import json
import mmap
import multiprocessing
import os
import platform
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

kept: dict[str, Any] = {}
"""What attempts leave for later ones in the same execution environment."""


def handler(event: dict[str, Any], context: object) -> object:
    """Run the attempt in the event: {"name", "source", "arguments"}."""
    scope = dict(globals(), context=context)
    code = compile(event["source"], "attempt.py", "exec", __future__.annotations.compiler_flag)
    exec(code, scope)
    return scope[event["name"]](*event["arguments"])


def refusal(attempt: Callable[..., object], *arguments: object) -> str:
    """Name of the error with which the kernel refuses attempt(*arguments), or "allowed"."""
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "allowed"


def names(directory: str) -> list[str]:
    """What is in a directory."""
    return sorted(entry.name for entry in os.scandir(directory))


_NUMBERS = {
    "x86_64": {
        "ptrace": 101, "syslog": 103, "pivot_root": 155, "chroot": 161, "acct": 163, "mount": 165, "umount2": 166,
        "swapon": 167, "reboot": 169, "sethostname": 170, "init_module": 175, "quotactl": 179, "clock_settime": 227,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
        "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "bpf": 321, "userfaultfd": 323, "clone": 56,
    },
    "aarch64": {
        "ptrace": 117, "syslog": 116, "pivot_root": 41, "chroot": 51, "acct": 89, "mount": 40, "umount2": 39,
        "swapon": 224, "reboot": 142, "sethostname": 161, "init_module": 105, "quotactl": 60, "clock_settime": 112,
        "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241,
        "fanotify_init": 262, "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "bpf": 280, "userfaultfd": 282, "clone": 220,
    },
}  # fmt: skip
_NEW_NUMBERS = {
    "io_uring_setup": 425, "io_uring_enter": 426, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432,
    "clone3": 435, "pidfd_getfd": 438, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip


def kernel(call: str, *arguments: int) -> str:
    """Ask the kernel directly, with no C library between; answers as `refusal` does."""
    number = _NEW_NUMBERS.get(call) or _NUMBERS[platform.machine()][call]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *(ctypes.c_ulong(value) for value in arguments)) >= 0:
        return "allowed"
    return errno.errorcode[ctypes.get_errno()]


__all__ = [
    "Path", "contextlib", "ctypes", "errno", "handler", "json", "kept", "kernel", "mmap", "multiprocessing", "names",
    "os", "platform", "refusal", "resource", "signal", "socket", "stat", "struct", "subprocess", "sys", "threading", "time", "urllib",
]  # fmt: skip
