"""Every runtime of AWS's that functions can still have, and what it comes to on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from lambent.runtimes.catalogue import RUNTIMES, Runtime
from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.nodejs import interpreters as nodejs
from lambent.runtimes.providers import Provided, Runtimes
from lambent.runtimes.python import interpreters as python

State = Literal["found", "installable", "missing", "not supported"]


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """One runtime identifier on this machine.

    Attributes:
        state: "found"; "installable": by `lambent runtime install`; "missing": it would be run if it were there;
            "not supported": by this version of Lambent.
        version: of the interpreter that was found, "" for a custom runtime.
        executable: the interpreter that was found.
        reason: why it can't be had here and what to do, "" if it can.
        runtime: what the identifier means.
    """

    state: State
    version: str
    executable: Path | None
    reason: str
    runtime: Runtime

    @property
    def identifier(self) -> str:
        """Such as "nodejs22.x"."""
        return self.runtime.identifier


def overview(runtimes: Runtimes, today: date) -> list[RuntimeStatus]:
    """What functions can be created with today, and what else was found, in the catalogue's order."""
    return list(_overview(runtimes, today))


def _overview(runtimes: Runtimes, today: date) -> Iterator[RuntimeStatus]:
    for identifier, runtime in RUNTIMES.items():
        try:
            found = runtimes.get(identifier)
        except RuntimeMissing as error:
            if not runtime.blocks_create(today):
                yield RuntimeStatus(_state(identifier), "", None, str(error), runtime)
        else:
            if isinstance(found, Provided):
                yield RuntimeStatus("found", "", None, "", runtime)
            else:
                yield RuntimeStatus("found", found.version, found.executable, "", runtime)


def _state(identifier: str) -> State:
    if identifier in nodejs.IDENTIFIERS:
        return "installable"
    return "missing" if identifier in python.IDENTIFIERS else "not supported"
