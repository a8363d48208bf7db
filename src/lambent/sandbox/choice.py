"""Which sandbox there will be, and what there is to build it with: found by trying.

Namespaces as this process is; else in a user namespace that it enters; else, if that is allowed, no walls at all.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Literal

from lambent.sandbox import user_namespace
from lambent.sandbox.cgroup import CgroupMounts, find_mounts
from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.promises import Means

FIRST_UID, UIDS = 1_879_048_192, 65_536
"""The users of environments: from 0x70000000, above what distributions and container engines hand out."""
_LOOP_CONTROL = Path("/dev/loop-control")
_CONTROLLERS = frozenset({"memory", "cpu", "pids"})


def choose(wanted: Literal["auto", "namespaces", "process"], *, fall_back: bool) -> bool | None:
    """Decide, without doing anything.

    Args:
        fall_back: "auto" may end at the process sandbox.

    Returns:
        None for processes, else whether the namespaces need a user namespace of this process's own.

    Raises:
        SandboxUnavailable: what is wanted can't be had; the message says why.
    """
    if wanted == "process":
        return None
    if sys.platform != "linux":
        why: str | None = "namespaces need Linux"
    elif user_namespace.obstacle(own=False) is None:
        return False
    else:
        why = user_namespace.obstacle(own=True)
        if why is None:
            return True
        why = f"namespaces can't be made here ({why})"
    if wanted == "auto" and fall_back:
        return None
    raise SandboxUnavailable(why)


def means(own_namespace: bool | None) -> Means:  # noqa: FBT001  # what `choose` has answered
    """What that choice has to build sandboxes with."""
    if own_namespace is None:
        return Means("process", peers_known=sys.platform == "linux")
    mounts = usable_cgroups(find_mounts())
    hosts = not own_namespace and user_namespace.is_the_hosts()
    return Means(
        "namespaces",
        own_uids=not own_namespace and user_namespace.has_users(FIRST_UID, UIDS),
        loop_devices=hosts and os.access(_LOOP_CONTROL, os.R_OK | os.W_OK) and _has_mkfs(),
        controllers=_CONTROLLERS - frozenset(mounts.missing()),
        freezer=mounts.freezes_by_v2 or "freezer" in mounts.v1,
        host_proc=not hosts,
    )


def usable_cgroups(mounts: CgroupMounts) -> CgroupMounts:
    """Those in which this user may make groups."""
    v1 = {name: path for name, path in mounts.v1.items() if os.access(path, os.W_OK)}
    if mounts.v2 is not None and os.access(mounts.v2, os.W_OK):
        return CgroupMounts(v1, mounts.v2, mounts.v2_controllers)
    return CgroupMounts(v1, None, frozenset())


def _has_mkfs() -> bool:
    return shutil.which("mkfs.ext4", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin") is not None
