"""What tests against a real server share: one server per worker, an account per test, invariants after each."""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import LambentServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `root` are skipped where sandboxes can't be made."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root") is not None:
            item.add_marker(pytest.mark.skip(reason="needs root on Linux"))


@pytest.fixture(scope="session")
def lambent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A `lambent dev` that the tests of a worker share; each should use an account of its own."""
    server = LambentServer(tmp_path_factory.mktemp("lambent") / "data").start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


@pytest.fixture
def own_lambent(tmp_path: Path) -> Iterator[LambentServer]:
    """A server for one test, not started yet."""
    server = LambentServer(tmp_path / "data")
    yield server
    if server.running:
        server.stop()
    assert server.leftovers() == []


@pytest.fixture(scope="session")
def _account_numbers() -> Iterator[int]:
    return itertools.count(200_000_000_001)


@pytest.fixture
def account(_account_numbers: Iterator[int]) -> str:
    """An account that no other test uses."""
    return str(next(_account_numbers))


@pytest.fixture
def client(lambent: LambentServer, account: str) -> Iterator[Any]:
    """A boto3 client of the shared server in the test's own account; its functions are deleted afterwards."""
    made = lambent.client(account=account)
    before = lambent.said().count("Traceback")
    yield made
    for function in made.list_functions()["Functions"]:
        made.delete_function(FunctionName=function["FunctionName"])
    assert lambent.said().count("Traceback") == before, lambent.said()
