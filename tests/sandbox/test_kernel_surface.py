"""What a function may ask of the kernel: `sandbox/seccomp/default.json`, tried from inside, past the C library."""

import os
import socket
import subprocess
from typing import Any

import pytest

from tests.sandbox.inside import ctypes, kernel, mmap, platform, refusal, signal, sys
from tests.sandbox.probe import Probe

CLONE_NEWUSER, CLONE_NEWNET, SIGCHLD = 0x10000000, 0x40000000, 17

# (call, arguments): each would be tried by somebody who wants out.
REFUSED: list[tuple[Any, ...]] = [
    ("mount", 0, 0, 0, 0, 0),
    ("umount2", 0, 2),
    ("pivot_root", 0, 0),
    ("chroot", 0),
    ("fsopen", 0, 0),
    ("fsmount", 0, 0, 0),
    ("open_tree", 0, 0, 1),
    ("move_mount", 0, 0, 0, 0, 0),
    ("mount_setattr", 0, 0, 0, 0, 0),
    ("unshare", CLONE_NEWUSER),
    ("unshare", CLONE_NEWNET),
    ("setns", 0, 0),
    ("clone", CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0),
    ("ptrace", 0, 0, 0, 0),
    ("process_vm_readv", 1, 0, 0, 0, 0, 0),
    ("process_vm_writev", 1, 0, 0, 0, 0, 0),
    ("pidfd_getfd", 0, 0, 0),
    ("kcmp", 1, 1, 0, 0, 0),
    ("keyctl", 0, 0, 0, 0, 0),
    ("add_key", 0, 0, 0, 0, 0),
    ("request_key", 0, 0, 0, 0),
    ("bpf", 0, 0, 0),
    ("perf_event_open", 0, 0, 0, 0, 0),
    ("userfaultfd", 1),
    ("io_uring_setup", 8, 0),
    ("io_uring_enter", 0, 0, 0, 0, 0, 0),
    ("memfd_secret", 0),
    ("name_to_handle_at", 0, 0, 0, 0, 0),
    ("open_by_handle_at", 0, 0, 0),
    ("fanotify_init", 0, 0),
    ("init_module", 0, 0, 0),
    ("kexec_load", 0, 0, 0, 0),
    ("syslog", 3, 0, 0),
    ("swapon", 0, 0),
    ("reboot", 0, 0, 0, 0),
    ("acct", 0),
    ("quotactl", 0, 0, 0, 0),
    ("clock_settime", 0, 0),
    ("sethostname", 0, 0),
]


def ask_for_each(calls: list[tuple[str, list[int]]]) -> list[str]:
    return [kernel(call, *arguments) for call, arguments in calls]


def test_what_could_lead_out_is_refused(probe: Probe) -> None:
    answers = probe.run(ask_for_each, [(call, arguments) for call, *arguments in REFUSED])
    assert [call for call, answer in zip(REFUSED, answers, strict=True) if answer != "EPERM"] == []


def test_c_libraries_are_led_from_clone3_to_clone(probe: Probe) -> None:
    assert probe.run(ask_for_each, [("clone3", [0, 0])]) == ["ENOSYS"]


def open_sockets(kinds: list[list[int]]) -> list[str]:
    return [refusal(lambda kind=kind: socket.socket(*kind).close()) for kind in kinds]


def test_only_ordinary_sockets_can_be_made(probe: Probe) -> None:
    inet, inet6, unix, netlink, packet, alg, vsock, tipc, xdp = 2, 10, 1, 16, 17, 38, 40, 30, 44
    stream, datagram, raw, sequence = 1, 2, 3, 5
    sctp, mptcp, udplite, device_events, netfilter, generic = 132, 262, 136, 15, 12, 16
    refused = [
        *[(inet, raw, 1), (inet, raw, 255), (inet6, raw, 58), (inet, stream, sctp), (inet, sequence, sctp)],
        *[(inet, stream, mptcp), (inet, datagram, udplite), (inet, datagram, 1)],
        *[(netlink, raw, device_events), (netlink, raw, netfilter), (netlink, raw, generic)],
        *[(packet, raw, 0), (alg, sequence, 0), (vsock, stream, 0), (tipc, stream, 0), (xdp, raw, 0)],
    ]
    answers = probe.run(open_sockets, refused)
    assert [kind for kind, answer in zip(refused, answers, strict=True) if answer != "EPERM"] == []
    allowed = [(inet, stream), (inet, datagram), (inet6, stream, 6), (inet6, datagram, 17), (unix, stream)]
    allowed += [(unix, datagram), (unix, sequence), (netlink, raw, 0), (inet, stream | socket.SOCK_NONBLOCK)]
    answers = probe.run(open_sockets, allowed)
    assert [kind for kind, answer in zip(allowed, answers, strict=True) if answer != "allowed"] == []


def open_pairs() -> dict[str, str]:
    return {
        "unix": refusal(lambda: socket.socketpair(socket.AF_UNIX)),
        "tipc": refusal(lambda: socket.socketpair(30, socket.SOCK_STREAM)),
    }


def test_pairs_of_sockets_are_unix(probe: Probe) -> None:
    assert probe.run(open_pairs) == {"unix": "allowed", "tipc": "EPERM"}


def call_as_another_architecture() -> int:
    """mov eax, 20 (getpid of i386); int 0x80; ret: in a child, as it isn't expected to survive."""
    child = os.fork()
    if child == 0:
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the other call table is x86's")
def test_calls_of_another_architecture_end_the_process(probe: Probe) -> None:
    """The filter's numbers are those of one call table; whoever uses another one is not let past it."""
    assert probe.run(call_as_another_architecture) in {signal.SIGSYS, signal.SIGSEGV}


def still_confined_after_exec() -> list[str]:
    code = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.unshare(0x10000000), ctypes.get_errno())"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_a_program_that_is_started_is_confined_too(probe: Probe) -> None:
    assert probe.run(still_confined_after_exec) == ["-1", "1"]
