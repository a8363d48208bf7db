"""What of every runtime identifier this machine has: the one place that is asked.

Python and Node.js are interpreters of the host, the custom runtimes need nothing but Linux. What an identifier means
is said by `lambent.runtimes.catalogue`.
"""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lambent.runtimes.catalogue import ARM64, RUNTIMES, X86_64
from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.nodejs import interpreters as nodejs
from lambent.runtimes.nodejs import sdk as node_sdk
from lambent.runtimes.nodejs.interpreters import NodeInterpreter
from lambent.runtimes.python import interpreters as python
from lambent.runtimes.python.interpreters import Interpreter

PROVIDED = ("provided.al2", "provided.al2023")

_ARCHITECTURES = {"amd64": X86_64, "aarch64": ARM64}
_LANGUAGES = {"java": "Java", "dotnet": ".NET", "ruby": "Ruby", "go": "Go 1.x"}


@dataclass(frozen=True, slots=True)
class Provided:
    """A custom runtime: the function or a layer brings its `bootstrap`."""

    identifier: str


Provider: TypeAlias = Provided | NodeInterpreter | Interpreter


@dataclass(frozen=True, slots=True)
class RuntimePlaces:
    """Where runtimes are looked for.

    Attributes:
        cache: a directory for what programs said of themselves.
        installed: where `lambent runtime install` puts them; needn't exist.
        environment: PATH and the variables of version managers.
        home: whose version managers are looked at.
        node_sdk: the setting of that name: which AWS SDK for JavaScript functions see.
    """

    cache: Path
    installed: Path
    environment: Mapping[str, str]
    home: Path
    node_sdk: str = node_sdk.INSTALLED


class Runtimes:
    """What functions can have on this machine; looks for it when it is made, and again at `refresh`.

    Threads may share it.
    """

    def __init__(self, places: RuntimePlaces) -> None:
        self._places = places
        self._refreshing = threading.Lock()  # two at once would write the same cache
        self._found: Mapping[str, Provider] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again, after an installation; some milliseconds, and 30 for each program that is new."""
        places = self._places
        with self._refreshing:
            found: dict[str, Provider] = {}
            if sys.platform == "linux":
                found.update({identifier: Provided(identifier) for identifier in PROVIDED})
            found.update(
                nodejs.discover(
                    places.cache / "node-interpreters.json",
                    architecture=host_architecture(),
                    environment=places.environment,
                    home=places.home,
                    installed=places.installed,
                )
            )
            pythons = python.discover(
                places.cache / "interpreters.json", environment=places.environment, home=places.home
            )
            found.update({identifier: pythons.get(identifier) for identifier in pythons.identifiers})
            self._found = {identifier: found[identifier] for identifier in RUNTIMES if identifier in found}

    @property
    def identifiers(self) -> tuple[str, ...]:
        """What functions can have here, in the catalogue's order: of a language, the newest first."""
        return tuple(self._found)

    @property
    def node_sdk(self) -> Path | None:
        """The node_modules with the AWS SDK for JavaScript that Node.js functions see, if there is one."""
        return None if self._places.node_sdk == node_sdk.NONE else node_sdk.node_modules(self._places.installed)

    @property
    def node_sdk_note(self) -> str | None:
        """Why Node.js functions see none, for the log and `lambent doctor`; None if they do."""
        if self._places.node_sdk == node_sdk.NONE:
            return "The AWS SDK for JavaScript is not provided to Node.js functions: node_sdk is none."
        if self.node_sdk is None:
            return (
                "The AWS SDK for JavaScript is not provided to Node.js functions: it is not installed. "
                f"Run: lambent runtime install {node_sdk.NAME}, or deploy it with the functions that need it."
            )
        return None

    def get(self, identifier: str) -> Provider:
        """What serves exactly this identifier.

        Raises:
            RuntimeMissing: nothing does; the message says what to do.
        """
        provider = self._found.get(identifier)
        if provider is None:
            raise RuntimeMissing(missing_message(identifier))
        return provider

    def find(self, identifier: str) -> Provider:
        """As `get`, but looks again before it gives up: what was installed meanwhile needs no restart. Blocks.

        Raises:
            RuntimeMissing: as `get`.
        """
        if identifier not in self._found:
            self.refresh()
        return self.get(identifier)


def missing_message(identifier: str) -> str:
    """Why an identifier can't be served here, and what helps."""
    family = RUNTIMES[identifier].family if identifier in RUNTIMES else ""
    if family == "python":
        return python.missing_message(identifier)
    if family == "nodejs":
        return nodejs.missing_message(identifier)
    language = _LANGUAGES.get(family)
    if language is None:
        return f"The runtime {identifier} can't be served: it needs Linux and is one of {', '.join(PROVIDED)}."
    return (
        f"This version of Lambent doesn't run {language} functions: it runs Python, Node.js, and whatever brings "
        "its own bootstrap for provided.al2023."
    )


def host_architecture() -> str:
    """The architecture of functions here, in AWS's words."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())
