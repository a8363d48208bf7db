"""One server for each sandbox and user that Lambent can be started with beside root's own; one function in each."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import LambentServer
from tests.ordinary_user.ordinary import RUNTIME, OrdinaryServer
from tests.sandbox.probe import Probe

SERVERS = ["ordinary namespaces", "ordinary process", "root process"]


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A new folder that every user can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="lambent-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[LambentServer]:
    """A running server: "<user> <sandbox>"."""
    user, sandbox = request.param.split()
    folder = open_folder / request.param.replace(" ", "-")
    folder.mkdir()
    flags = ["--sandbox", sandbox]
    if user == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    made = OrdinaryServer(folder, flags=flags) if user == "ordinary" else LambentServer(folder / "data", flags=flags)
    made.start()
    yield made
    assert made.stop() == 0
    assert made.leftovers() == []
    assert "Traceback" not in made.said()


@pytest.fixture(scope="session")
def probe(server: LambentServer) -> Probe:
    """A function that carries out what it is sent."""
    return Probe(server.client(), "probe", Runtime=RUNTIME, MemorySize=128, Timeout=20)


@pytest.fixture(scope="session")
def neighbour(server: LambentServer) -> Probe:
    """Another such function, and so another execution environment."""
    return Probe(server.client(), "neighbour", Runtime=RUNTIME, MemorySize=128, Timeout=20)


@pytest.fixture
def lambda_client(server: LambentServer) -> Any:
    """A boto3 client of the server."""
    return server.client()
