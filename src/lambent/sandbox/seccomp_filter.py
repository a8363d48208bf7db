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
_SOCKET_TYPE_MASK = 0xF  # linux/net.h


def compile_default_policy() -> bytes:
    """The default policy as bytes of ``struct sock_filter[]``."""
    text = resources.files("lambent.sandbox").joinpath("seccomp/default.json").read_text("utf-8")
    return compile_policy(json.loads(text))


def compile_policy(policy: dict[str, Any]) -> bytes:
    """Compile a policy document; calls this machine's libseccomp doesn't know stay refused."""
    import pyseccomp  # noqa: PLC0415  # it loads libseccomp: only who compiles a policy needs the library

    refused = pyseccomp.ERRNO(getattr(errno, policy["default_errno"]))
    program = pyseccomp.SyscallFilter(refused)
    for name in policy["allowed"]:
        _add(program, pyseccomp.ALLOW, name)
    for name in policy["no_such_call"]:
        _add(program, pyseccomp.ERRNO(errno.ENOSYS), name)
    if policy["clone_without_namespaces"]:
        argument = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_NAMESPACE_FLAGS, 0)
        program.add_rule(pyseccomp.ALLOW, "clone", argument)
    for rule in policy["sockets"]:
        arguments = [pyseccomp.Arg(0, pyseccomp.EQ, rule["family"])]
        if "type" in rule:  # without SOCK_NONBLOCK and SOCK_CLOEXEC, which are or-ed to it
            arguments.append(pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _SOCKET_TYPE_MASK, rule["type"]))
        if "protocol" in rule:
            arguments.append(pyseccomp.Arg(2, pyseccomp.EQ, rule["protocol"]))
        program.add_rule(pyseccomp.ALLOW, "socket", *arguments)
    for family in policy["socket_pairs"]:
        program.add_rule(pyseccomp.ALLOW, "socketpair", pyseccomp.Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(program: Any, action: Any, name: str) -> None:
    try:
        program.add_rule(action, name)
    except OSError as error:
        if error.errno not in (errno.EDOM, errno.EINVAL, errno.EFAULT):
            raise
    except (ValueError, RuntimeError):
        pass  # a call that this architecture or this libseccomp doesn't have
