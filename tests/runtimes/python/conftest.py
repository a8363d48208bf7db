"""A runtime process for each Python that is a runtime identifier and is on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.python.interpreters import IDENTIFIERS, Interpreter, Interpreters, discover
from tests.runtimes.python.runtime_process import RuntimeProcess

Start = Callable[..., RuntimeProcess]


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Interpreters:
    cache = tmp_path_factory.mktemp("interpreters") / "interpreters.json"
    return discover(cache, environment=os.environ, home=Path.home())


@pytest.fixture(params=IDENTIFIERS)
def interpreter(request: pytest.FixtureRequest, interpreters: Interpreters) -> Interpreter:
    try:
        return interpreters.get(request.param)
    except RuntimeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    root = tmp_path / "task"
    root.mkdir()
    return root


@pytest.fixture
def layers_root(tmp_path: Path) -> Path:
    return tmp_path / "opt"


@pytest.fixture
def start(interpreter: Interpreter, task_root: Path, layers_root: Path) -> Iterator[Start]:
    """Starts a runtime process on a function's files; the process waits for INIT."""
    with ExitStack() as stack:

        def start(code: str | None = None, files: dict[str, str] | None = None) -> RuntimeProcess:
            for name, content in (({} if code is None else {"app.py": code}) | (files or {})).items():
                path = task_root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            return stack.enter_context(RuntimeProcess(interpreter.executable, task_root, layers_root))

        yield start
