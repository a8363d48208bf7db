"""The policy compiles to a program the kernel takes, and refuses what it doesn't list."""

import errno
import subprocess
import sys
from pathlib import Path

from lambent.sandbox.seccomp_filter import compile_default_policy
from lambent.sandbox.zygote import client_directory

_PROBE = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[2])
from lambent_runtime import linux
libc = ctypes.CDLL(None, use_errno=True)
linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
linux.load_seccomp_filter(open(sys.argv[1], "rb").read())
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    print(name, 0 if result >= 0 else ctypes.get_errno())
call("unshare", 0x10000000)
call("ptrace", 0, 0, 0, 0)
call("mount", b"x", b"/", b"tmpfs", 0, None)
call("socket", 40, 1, 0)
call("socket", 2, 1, 0)
print("clone3", end=" "); libc.syscall(435, 0, 0); print(ctypes.get_errno())
print("keyctl", end=" "); libc.syscall(250, 0, 0); print(ctypes.get_errno())
sys.stdout.flush()
if os.fork() == 0:
    os._exit(0)
print("fork 0")
"""


def test_a_confined_process_is_refused_by_error_and_can_go_on(tmp_path: Path) -> None:
    program = tmp_path / "filter"
    program.write_bytes(compile_default_policy())
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(program), str(client_directory())],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    lines = done.stdout.split("\n")
    assert f"unshare {errno.EPERM}" in lines
    assert f"ptrace {errno.EPERM}" in lines
    assert f"mount {errno.EPERM}" in lines
    assert f"clone3 {errno.ENOSYS}" in lines
    assert f"keyctl {errno.EPERM}" in lines
    assert lines.count(f"socket {errno.EPERM}") == 1, "vsock is refused"
    assert lines.count("socket 0") == 1, "IPv4 is allowed"
    assert "fork 0" in lines
