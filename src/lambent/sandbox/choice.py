"""Which sandbox there will be, and what there is to build it with: found by trying.

Namespaces as this process is; else in a user namespace that it enters; else, if that is allowed, no walls at all.
"""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lambent.sandbox import user_namespace
from lambent.sandbox.cgroup import CgroupMounts
from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.promises import Means

FIRST_UID, UIDS = 1_879_048_192, 65_536
"""The users of environments: from 0x70000000, above what distributions and container engines hand out."""
_LOOP_CONTROL = Path("/dev/loop-control")
_FIRST_KERNEL = (5, 12)
_CONTROLLERS = frozenset({"memory", "cpu", "pids"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What sandboxes will be made of.

    Attributes:
        way: "namespaces" as this process is; a "user namespace" that it must `enter` first; or a "process" alone.
        reason: why not the way before, "" for the first.
    """

    way: Literal["namespaces", "user namespace", "process"]
    reason: str = ""


def choose(wanted: Literal["auto", "namespaces", "process"], *, fall_back: bool) -> Choice:
    """Decide, by trying in other processes.

    Args:
        fall_back: "auto" may end at the process sandbox.

    Raises:
        SandboxUnavailable: what is wanted can't be had; the message says why.
    """
    if wanted == "process":
        return Choice("process", "it is what the setting says")
    why = _obstacle_of_the_system()
    if why is None:
        why = user_namespace.obstacle(own=False)
        if why is None:
            return Choice("namespaces")
        own = user_namespace.obstacle(own=True)
        if own is None:
            return Choice("user namespace", f"this user may not make them on the host ({why})")
        why = f"the kernel refuses namespaces ({own})"
    if wanted == "auto" and fall_back:
        return Choice("process", why)
    raise SandboxUnavailable(why)


def _obstacle_of_the_system() -> str | None:
    if sys.platform != "linux":
        return "namespaces need Linux"
    if not is_new_enough(platform.release()):
        return f"namespaces as we use them need Linux 5.12, and this is {platform.release()}"
    return None


def is_new_enough(release: str) -> bool:
    """Whether the kernel has the mount calls that we use (mount_setattr)."""
    return tuple(int(part) for part in release.split("-", maxsplit=1)[0].split(".")[:2]) >= _FIRST_KERNEL


def means(choice: Choice, mounts: CgroupMounts) -> Means:
    """What that choice has to build sandboxes with, and with those control groups."""
    if choice.way == "process":
        return Means("process", peers_known=sys.platform == "linux")
    hosts = choice.way == "namespaces" and user_namespace.is_the_hosts()
    return Means(
        "namespaces",
        own_uids=choice.way == "namespaces" and user_namespace.has_users(FIRST_UID, UIDS),
        loop_devices=hosts and os.access(_LOOP_CONTROL, os.R_OK | os.W_OK) and _has_mkfs(),
        controllers=_CONTROLLERS - frozenset(mounts.missing()),
        freezer=mounts.freezes_by_v2 or "freezer" in mounts.v1,
        host_proc=not hosts,
    )


def _has_mkfs() -> bool:
    return shutil.which("mkfs.ext4", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin") is not None
