"""Lambent and its neighbours: how each is installed, started, and given functions."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import packages, processes
from bench.deployment import RATE_MEMORY_MB, Functions
from bench.load import Target
from lambent.commands.signature import Credentials
from lambent.version import VERSION

PYTHON, NODE = "Python", "Node"
LANGUAGES = (PYTHON, NODE)
NEW_FUNCTIONS = 10
"""Of each language, for cold starts."""
_ANYBODY = Credentials("test", "test")
_SERVICE = "bench"


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that runs.

    Attributes:
        started: when, by the clock of `time.perf_counter`.
        listening_seconds: from then to its first HTTP answer.
        runtimes: the identifier for each language.
        creates: whether functions are created through the API; they are in its configuration otherwise.
    """

    pid: int
    functions: Functions
    started: float
    listening_seconds: float
    runtimes: Mapping[str, str]
    creates: bool

    def name(self, language: str, number: int) -> str:
        """What the API calls a function."""
        name = f"{language.lower()}-{number}"
        return name if self.creates else f"{_SERVICE}-dev-{name}"

    def create(self, language: str, number: int) -> str:
        """Have a function, and its name."""
        name = self.name(language, number)
        if self.creates:
            make = packages.python if language == PYTHON else packages.node
            self.functions.create(name, make(self.runtimes[language], number), memory_mb=RATE_MEMORY_MB)
        return name


class Emulator(Protocol):
    """A program that is Lambda locally.

    Attributes:
        name: as people call it.
        isolates: how it keeps functions from each other and from the machine.
        verifies: whether it verifies signatures.
    """

    name: str
    isolates: str
    verifies: str

    def install(self) -> str:
        """Get it if it isn't there; its version."""

    def start(self, folder: Path) -> contextlib.AbstractContextManager[Running]:
        """Run it for the time of the block, with an empty folder for what it keeps."""


class Lambent:
    """This program."""

    def __init__(self, runtimes: Mapping[str, str]) -> None:
        """A runtime identifier for each language."""
        self._runtimes = runtimes

    name = "Lambent"
    isolates = "sandboxes"
    verifies = "yes"

    def install(self) -> str:
        """It is here."""
        return VERSION

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        """As `lambent serve`."""
        with processes.lambent_server(folder / "data", folder / "log") as lambent:
            functions = Functions(lambent.target)
            yield Running(
                lambent.pid, functions, lambent.started, lambent.listening_seconds, self._runtimes, creates=True
            )


class MiniStack:
    """The package `ministack` of PyPI."""

    name = "MiniStack"
    isolates = "processes, one user"
    verifies = "no"

    def __init__(self, runtimes: Mapping[str, str], cache: Path) -> None:
        self._runtimes = runtimes
        self._environment = cache / "ministack"

    def install(self) -> str:
        """Into a virtual environment of its own."""
        python = self._environment / "bin" / "python"
        if not (self._environment / "bin" / "ministack").exists():
            subprocess.run([sys.executable, "-m", "venv", self._environment], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "ministack"], check=True)
        code = "import importlib.metadata as m; print(m.version('ministack'))"
        return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        """With nothing set but the port."""
        port = processes.free_port()
        command = [str(self._environment / "bin" / "ministack")]
        with _process(command, folder, {"GATEWAY_PORT": str(port)}, port) as (pid, started, seconds):
            yield Running(pid, Functions(Target(port, _ANYBODY)), started, seconds, self._runtimes, creates=True)


class ServerlessOffline:
    """The plug-in `serverless-offline` of npm, on the last version of its framework that needs no account."""

    name = "serverless-offline"
    isolates = "threads (Node.js), processes, one user"
    verifies = "no"

    def __init__(self, runtimes: Mapping[str, str], cache: Path) -> None:
        self._runtimes = runtimes
        self._folder = cache / "serverless-offline"

    def install(self) -> str:
        """Into a folder of its own."""
        modules = self._folder / "node_modules"
        if not (modules / "serverless-offline").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "package.json").write_text('{"private": true}')
            command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "serverless@3", "serverless-offline@13"]
            subprocess.run(command, cwd=self._folder, check=True)
        version: str = json.loads((modules / "serverless-offline" / "package.json").read_text())["version"]
        return version

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        """`serverless offline start` on a service with all functions that are measured."""
        port, http_port = processes.free_port(), processes.free_port()
        for file in ("hello.py", "hello.mjs"):
            (folder / file).write_text(packages.source(file), encoding="utf-8")
        (folder / "serverless.json").write_text(json.dumps(_service(port, http_port, self._runtimes)), encoding="utf-8")
        (folder / "node_modules").symlink_to((self._folder / "node_modules").resolve())
        command = ["node", "node_modules/.bin/serverless", "offline", "start"]
        quiet = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "SLS_INTERACTIVE_SETUP_ENABLE": ""}
        with _process(command, folder, quiet, port) as (pid, started, seconds):
            yield Running(pid, Functions(Target(port, _ANYBODY)), started, seconds, self._runtimes, creates=False)


def _service(port: int, http_port: int, runtimes: Mapping[str, str]) -> dict[str, object]:
    return {
        "service": _SERVICE,
        "frameworkVersion": "3",
        "provider": {"name": "aws", "memorySize": RATE_MEMORY_MB, "timeout": 60},
        "plugins": ["serverless-offline"],
        "custom": {"serverless-offline": {"lambdaPort": port, "httpPort": http_port}},
        "functions": {
            f"{language.lower()}-{number}": {"handler": "hello.handler", "runtime": runtimes[language]}
            for language in LANGUAGES
            for number in range(NEW_FUNCTIONS + 1)
        },
    }


@contextlib.contextmanager
def _process(
    command: list[str], folder: Path, variables: Mapping[str, str], port: int
) -> Iterator[tuple[int, float, float]]:
    """A server in a folder; its pid, when it was started, and how long it took to answer."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_", "LAMBENT_"))
    }
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {**inherited, "TMPDIR": str(temporary), **variables}
    with (folder / "log").open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        processes.wait_for_answer(port, process)
        yield process.pid, started, time.perf_counter() - started
    finally:
        children = processes.descendants(process.pid)
        processes.stop(process)
        processes.end(children)
