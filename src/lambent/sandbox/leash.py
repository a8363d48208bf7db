"""The program that is pid 1 of every environment: it waits for the end of a pipe, and does nothing else.

Its own end is the environment's: the kernel then kills everything in the PID namespace. A program of the host's that
would do, `cat`, costs three times the processor time and 0.1 MB for its libraries; this is one page, as machine code.
It is what a compiler makes of

    struct sigaction ignore = {SIG_IGN};
    rt_sigaction(SIGCHLD, &ignore, NULL, 8);        // the kernel reaps what loses its parent
    while (read(0, &ignore, 1) > 0) {}
    exit_group(0);
"""

import os
import struct

_X86_64 = (
    "6a00 6a00 6a00"  # push 0 (three times: flags, restorer, mask)
    "6a01"  # push 1 (SIG_IGN)
    "4889e6"  # mov rsi, rsp
    "31d2"  # xor edx, edx
    "6a11 5f"  # push 17; pop rdi (SIGCHLD)
    "6a08 415a"  # push 8; pop r10
    "6a0d 58"  # push 13; pop rax (rt_sigaction)
    "0f05"  # syscall
    "31ff"  # again: xor edi, edi
    "4889e6"  # mov rsi, rsp
    "6a01 5a"  # push 1; pop rdx
    "31c0"  # xor eax, eax (read)
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "7ff0"  # jg again
    "31ff"  # xor edi, edi
    "b8e7000000"  # mov eax, 231 (exit_group)
    "0f05"  # syscall
)
_AARCH64 = (
    "210080d2"  # mov x1, #1 (SIG_IGN)
    "e17fbea9"  # stp x1, xzr, [sp, #-32]!
    "ff7f01a9"  # stp xzr, xzr, [sp, #16]
    "200280d2"  # mov x0, #17 (SIGCHLD)
    "e1030091"  # mov x1, sp
    "020080d2"  # mov x2, #0
    "030180d2"  # mov x3, #8
    "c81080d2"  # mov x8, #134 (rt_sigaction)
    "010000d4"  # svc #0
    "000080d2"  # again: mov x0, #0
    "e1030091"  # mov x1, sp
    "220080d2"  # mov x2, #1
    "e80780d2"  # mov x8, #63 (read)
    "010000d4"  # svc #0
    "1f0000f1"  # cmp x0, #0
    "4cffff54"  # b.gt again
    "000080d2"  # mov x0, #0
    "c80b80d2"  # mov x8, #94 (exit_group)
    "010000d4"  # svc #0
)
_CODE = {"x86_64": (62, _X86_64), "aarch64": (183, _AARCH64)}
"""By machine: its number in an ELF file, and the code."""

_ADDRESS = 0x400000
_LARGEST_PAGE = 0x10000
_HEADER_BYTES, _SEGMENT_BYTES = 64, 56
_LOAD, _STACK = 1, 0x6474E551
_EXECUTE, _WRITE, _READ = 1, 2, 4


def program(machine: str = os.uname().machine) -> bytes:
    """The executable file for a machine, as `uname -m` calls it (ELF, elf(5))."""
    number, code = _CODE[machine]
    start = _HEADER_BYTES + 2 * _SEGMENT_BYTES
    instructions = bytes.fromhex(code)
    identification = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little-endian, version 1
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        identification, 2, number, 1, _ADDRESS + start, _HEADER_BYTES, 0, 0, _HEADER_BYTES, _SEGMENT_BYTES, 2, 0, 0, 0,
    )  # fmt: skip
    length = start + len(instructions)
    return header + _segment(_LOAD, _READ | _EXECUTE, length) + _segment(_STACK, _READ | _WRITE, 0) + instructions


def _segment(kind: int, rights: int, length: int) -> bytes:
    address = _ADDRESS if length else 0
    return struct.pack("<IIQQQQQQ", kind, rights, 0, address, address, length, length, _LARGEST_PAGE)
