"""Which sandbox there will be: namespaces where they can be had, else the one without walls, if that is allowed."""

import os
import sys
from typing import Literal

from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.promises import Means

_PROCESS = Means("process", peers_known=sys.platform == "linux")


def choose(wanted: Literal["auto", "namespaces", "process"], *, fall_back: bool) -> Means:
    """Decide.

    Args:
        fall_back: "auto" may end at the process sandbox.

    Raises:
        SandboxUnavailable: what is wanted can't be had; the message says why.
    """
    if wanted == "process":
        return _PROCESS
    why = _no_namespaces()
    if why is None:
        return Means(
            "namespaces",
            own_uids=True,
            loop_devices=True,
            controllers=frozenset({"memory", "cpu", "pids"}),
            freezer=True,
        )
    if wanted == "auto" and fall_back:
        return _PROCESS
    raise SandboxUnavailable(why)


def _no_namespaces() -> str | None:
    if sys.platform != "linux":
        return "namespaces need Linux"
    if os.geteuid() != 0:
        return "namespaces need root"
    return None
