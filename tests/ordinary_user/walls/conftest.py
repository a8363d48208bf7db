"""The fixtures of tests/sandbox, of a server in a user namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambent_server import LambentServer
from tests.ordinary_user.ordinary import RUNTIME, OrdinaryServer
from tests.sandbox.probe import Probe


@pytest.fixture(scope="session")
def lambent(open_folder: Path) -> Iterator[LambentServer]:
    """A server of a user without rights."""
    folder = open_folder / "walls"
    folder.mkdir()
    server = OrdinaryServer(folder, flags=["--sandbox", "namespaces"]).start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


@pytest.fixture(scope="session")
def probe(lambent: LambentServer) -> Probe:
    """A function that carries out what it is sent."""
    return Probe(lambent.client(), "probe", Runtime=RUNTIME)


@pytest.fixture(scope="session")
def neighbour(lambent: LambentServer) -> Probe:
    """Another such function, and so another execution environment."""
    return Probe(lambent.client(), "neighbour", Runtime=RUNTIME)


@pytest.fixture(scope="session")
def small(lambent: LambentServer) -> Probe:
    """A function of 128 MB that may take one second."""
    return Probe(lambent.client(), "small", Runtime=RUNTIME, MemorySize=128, Timeout=1)
