"""From the seccomp policy (``seccomp/default.json``) to the BPF program every runtime process loads.

Compiled once at start, in the server, by libseccomp; what goes into the sandboxes is plain bytes.
"""

import errno
import json
import tempfile
from importlib import resources
from typing import Any

# CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET (linux/sched.h).
_CLONE_NAMESPACE_FLAGS = 0x7E020000


def compile_default_policy() -> bytes:
    """The default policy as bytes of ``struct sock_filter[]``."""
    text = resources.files("lambent.sandbox").joinpath("seccomp/default.json").read_text("utf-8")
    return compile_policy(json.loads(text))


def compile_policy(policy: dict[str, Any]) -> bytes:
    """Compile a policy document; calls this machine's libseccomp doesn't know stay refused."""
    # pyseccomp loads libseccomp when imported: only who compiles a policy needs the library.
    import pyseccomp

    refused = pyseccomp.ERRNO(getattr(errno, policy["default_errno"]))
    program = pyseccomp.SyscallFilter(refused)
    for name in policy["allowed"]:
        _add(pyseccomp, program, pyseccomp.ALLOW, name)
    for name in policy["no_such_call"]:
        _add(pyseccomp, program, pyseccomp.ERRNO(errno.ENOSYS), name)
    if policy["clone_without_namespaces"]:
        argument = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_NAMESPACE_FLAGS, 0)
        program.add_rule(pyseccomp.ALLOW, "clone", argument)
    for family in policy["socket_families"]:
        program.add_rule(pyseccomp.ALLOW, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(pyseccomp: Any, program: Any, action: Any, name: str) -> None:
    try:
        program.add_rule(action, name)
    except OSError as error:
        if error.errno not in (errno.EDOM, errno.EINVAL, errno.EFAULT):
            raise
    except (ValueError, RuntimeError):
        pass  # a call that this architecture or this libseccomp doesn't have
