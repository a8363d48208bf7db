"""The root file system of a zygote, and so of its environments, as an ordered list of steps.

The steps are plain data: tests compare them, `lambent doctor` can print them, and one executor
(`lambent_runtime.launcher`, inside) carries them out. Each step is a list: the action's name and its arguments.

Seen from inside it is laid out as on AWS: the interpreter under /var/lang, the runtime client and the SDK under
/var/runtime, empty /var/task and /opt for the code. The host gives its libraries and programs (/usr without
/usr/local) and a few files of /etc, all read-only and without set-user-id; nothing else of it is in the tree.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from lambent.sandbox import leash

Step: TypeAlias = list[str | int]

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
_CODE = MS_RDONLY | MS_NOSUID | MS_NODEV
_DEVICE = MS_RDONLY | MS_NOSUID | MS_NOEXEC

UID_INSIDE = 993
GID_INSIDE = 990
USER_NAME = "sbx_user1051"

_DEVICES = ("null", "zero", "full", "random", "urandom")
# Files that libraries of the host's distribution expect; those it hasn't are left out.
_HOST_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "mime.types", "os-release", "pki", "protocols", "services", "ssl/certs",
    "ssl/openssl.cnf", "system-release",
)  # fmt: skip
# Of /proc, what tells of the host and nothing of the environment: how it was started, where its kernel lies in
# memory, its key rings, and how often its devices speak (from which another's key strokes have been read).
_MASKED_PROC = ("cgroups", "cmdline", "diskstats", "interrupts", "kallsyms", "keys", "locks", "partitions", "swaps")
# Programs and libraries somebody put on this very host, which AWS doesn't have.
_MASKED = ("/usr/local", "/usr/src", "/usr/lib/python3/dist-packages", "/usr/share/doc")


@dataclass(frozen=True, slots=True)
class RootPlan:
    """What goes into a root file system besides the fixed parts."""

    runtime_mounts: Mapping[str, Path]
    """Name below /var/runtime → file or directory of the host."""
    resolv_conf: str
    language: Mapping[str, Path]
    """Name below /var/lang, "" for itself → file or directory of the host."""
    masked: Sequence[str] = ()
    """Directories inside that must look empty, e.g. the interpreter's site-packages."""
    mount_points: Sequence[str] = ()
    """Empty directories inside, beside /var/task and /opt, for what an environment has mounted."""
    scaffold: Mapping[str, Path] = field(default_factory=dict)
    """Empty directory inside → directory of the host that the zygote needs there to start; gone before it forks."""
    keep_proc: bool = False
    """Whether the zygote needs the host's /proc, to have new ones mounted in its environments; they don't see it."""


def steps(plan: RootPlan, *, host: Path = Path("/")) -> list[Step]:
    """The steps, in order. Host is the root of the host's tree (another one in tests)."""
    result: list[Step] = [["tmpfs", "", "size=4m,mode=755"]]
    result += [["directory", path, 0o755] for path in ("/etc", "/dev", "/proc", "/var", "/opt", "/mnt")]
    result += [["directory", path, 0o755] for path in ("/var/task", "/var/runtime", "/var/lang")]
    result += [["directory", "/tmp", 0o1777], ["directory", "/var/tmp", 0o755]]  # noqa: S108  # inside
    result += _host_programs(host)
    result += [
        ["bind", str(source), f"/var/lang/{name}".rstrip("/"), _CODE] for name, source in sorted(plan.language.items())
    ]
    result += [
        ["bind", str(source), f"/var/runtime/{name}", _CODE] for name, source in sorted(plan.runtime_mounts.items())
    ]
    result += [["directory", path, 0o755] for path in plan.mount_points]
    result += _masks(plan.masked, host)
    result += _etc(host, plan.resolv_conf)
    result += _devices(host)
    result.append(["program", "/var/rapid/init", leash.program().hex()])
    result += [["bind", str(source), path, _CODE] for path, source in sorted(plan.scaffold.items())]
    if plan.keep_proc:
        result.append(["bind", str(host / "proc"), "/proc", 0])
    result.append(["seal", ""])
    return result


def masked_files(*, host: Path = Path("/")) -> list[str]:
    """Files that must look empty in every environment; they exist once its own /proc does."""
    return [f"/proc/{name}" for name in _MASKED_PROC if (host / "proc" / name).exists()]


def _host_programs(host: Path) -> list[Step]:
    result: list[Step] = [["bind", str(host / "usr"), "/usr", _CODE]]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = host / name
        if path.is_symlink():
            result.append(["symlink", str(path.readlink()), f"/{name}"])
        elif path.is_dir():
            result.append(["bind", str(path), f"/{name}", _CODE])
    return [*result, *_shell(host)]


def _shell(host: Path) -> list[Step]:
    """`sh` is Bash, as on Amazon Linux: AWS's tutorial of custom runtimes has Bash's words under `#!/bin/sh`.

    Only Debian's dash is covered: elsewhere `sh` is Bash, or a program that is more than a shell (BusyBox).
    """
    shell, bash = (Path(os.path.realpath(host / "bin" / name)) for name in ("sh", "bash"))
    if shell.name != "dash" or not bash.is_file():
        return []
    return [["bind", str(bash), f"/{shell.relative_to(os.path.realpath(host))}", _CODE]]


def _masks(inside: Sequence[str], host: Path) -> list[Step]:
    fixed = [path for path in _MASKED if (host / path[1:]).is_dir()]
    return [["bind_empty", path, _CODE] for path in [*fixed, *inside]]


def _etc(host: Path, resolv_conf: str) -> list[Step]:
    user = f"{USER_NAME}:x:{UID_INSIDE}:{GID_INSIDE}::/home/{USER_NAME}:/sbin/nologin\n"
    files = {
        "passwd": f"root:x:0:0:root:/root:/bin/bash\n{user}",
        "group": f"root:x:0:\n{USER_NAME}:x:{GID_INSIDE}:\n",
        "hosts": "127.0.0.1 localhost localhost.localdomain\n::1 localhost ip6-localhost\n",
        "host.conf": "multi on\n",  # all addresses of a name, not the first line of /etc/hosts only
        "hostname": "lambda\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": resolv_conf,
        "gai.conf": "precedence ::ffff:0:0/96 100\n",
    }
    result: list[Step] = [["file", f"/etc/{name}", text, 0o644] for name, text in files.items()]
    for name in _HOST_ETC:
        source = host / "etc" / name
        if source.exists():
            result.append(["bind", os.path.realpath(source), f"/etc/{name}", _CODE])
    zone = host / "usr/share/zoneinfo/UTC"
    if zone.exists():
        result.append(["symlink", "/usr/share/zoneinfo/UTC", "/etc/localtime"])
    return result


def _devices(host: Path) -> list[Step]:
    result: list[Step] = [["bind", str(host / "dev" / name), f"/dev/{name}", _DEVICE & ~MS_RDONLY] for name in _DEVICES]
    links = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    result += [["symlink", target, f"/dev/{name}"] for name, target in links.items()]
    return result
