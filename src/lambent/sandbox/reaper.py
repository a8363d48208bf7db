"""Removes what a killed server of the same data directory has left: processes in its groups, then the groups."""

import os
import signal
import time
from pathlib import Path

from lambent.sandbox.cgroup import CgroupTree, remove_groups

_SECONDS = 5.0
_RETRY_SECONDS = 0.01


def reap(tree: CgroupTree) -> int:
    """Kill and remove leftovers; answers how many groups there were. Only called by who holds the data directory.

    Environments end by themselves when their server is killed; this waits for the last of them, and helps.
    """
    groups = tree.leftovers()
    busy = remove_groups(groups)
    deadline = time.monotonic() + _SECONDS
    while busy and time.monotonic() < deadline:
        for group in busy:
            _kill(group)
        time.sleep(_RETRY_SECONDS)
        busy = remove_groups(busy)
    return len(groups)


def _kill(group: Path) -> None:
    for name, value in (("cgroup.freeze", "0"), ("freezer.state", "THAWED"), ("cgroup.kill", "1")):
        if (group / name).exists():
            (group / name).write_text(value)
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
