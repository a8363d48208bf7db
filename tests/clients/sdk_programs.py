"""The programs in `sdks/`: each drives a Lambent through AWS's SDK for its language, and all see the same.

A program is built into .cache once, with the tools that its users have, and again when its sources change.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import installed, node_modules, run
from tests.lambent_server import REGION

_SOURCES = Path(__file__).with_name("sdks")
_SECONDS = 300


class Running:
    """A program that has been started: it writes a JSON document per line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def next(self) -> Any:
        """What it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate(timeout=_SECONDS)
            raise AssertionError(f"the program ended with status {self._process.returncode}:\n{errors}")
        return json.loads(line)


@dataclass(frozen=True)
class Program:
    """One SDK's program.

    Attributes:
        tools: of the machine that it takes; where one is missing, its tests are skipped.
        build: makes it of its sources (first folder) in a folder of the cache (second).
        command: what to run, given the folder of the cache.
    """

    name: str
    tools: tuple[str, ...]
    build: Callable[[Path, Path], None]
    command: Callable[[Path], tuple[str, ...]]

    def built(self) -> Path:
        missing = [tool for tool in self.tools if shutil.which(tool) is None]
        if missing:
            pytest.skip(f"the SDK for {self.name} takes {', '.join(missing)}, which this machine hasn't")
        sources = _SOURCES / self.name
        key = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(sources.iterdir()))).hexdigest()
        return installed(f"program-for-{self.name}", key, lambda folder: self.build(sources, folder))

    @contextmanager
    def running(self, scenario: str, url: str, account: str, **variables: str) -> Iterator[Running]:
        """It runs until the end of the block, and by then must have ended well.

        Args:
            variables: of its environment, beside those that say where Lambent is.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        found = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION}
        keys = {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}
        process = subprocess.Popen(
            (*self.command(self.built()), scenario),
            env=kept | found | keys | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Running(process)
                _, errors = process.communicate(timeout=_SECONDS)
                assert process.returncode == 0, errors
            finally:
                process.kill()

    def sees(self, scenario: str, url: str, account: str, **variables: str) -> Any:
        """All that it says of a scenario."""
        with self.running(scenario, url, account, **variables) as running:
            return running.next()


def _build_go(sources: Path, folder: Path) -> None:
    """Unoptimised: it is compiled more often than it computes."""
    small = ("-gcflags=all=-N -l", "-ldflags=-s -w", "-buildvcs=false", "-mod=readonly")
    run("go", "build", "-C", str(sources), *small, "-o", str(folder / "program"), ".", CGO_ENABLED="0")


def _build_java(sources: Path, folder: Path) -> None:
    """Maven brings the SDK; the compiler is called by name, without which Maven would bring its own plug-ins too."""
    to = f"-DoutputDirectory={folder / 'jars'}"
    run("mvn", "--batch-mode", "--quiet", "--file", str(sources / "pom.xml"), "dependency:copy-dependencies", to)
    files = (str(file) for file in sorted(sources.glob("*.java")))
    run("javac", "-Xlint:all,-processing,-classfile", "-Werror", "-cp", f"{folder}/jars/*", "-d", str(folder), *files)


def _run_java(folder: Path) -> tuple[str, ...]:
    """With what makes a short life cheap, and names of hosts that a program may send."""
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
    return ("java", *options, "-cp", f"{folder}:{folder}/jars/*", "Scenarios")


def _build_javascript(sources: Path, folder: Path) -> None:
    """A module finds packages beside itself."""
    for file in sources.iterdir():
        shutil.copy(file, folder)
    packages = node_modules("sdk-for-javascript", "@aws-sdk/client-lambda@3.1162.0")
    (folder / "node_modules").symlink_to(packages / "node_modules")


PROGRAMS = (
    Program("go", ("go",), _build_go, lambda folder: (str(folder / "program"),)),
    Program("javascript", ("npm", "node"), _build_javascript, lambda folder: ("node", str(folder / "scenarios.mjs"))),
    Program("java", ("mvn", "javac", "java"), _build_java, _run_java),
)
