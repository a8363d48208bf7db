"""What the tests of event sources share."""

from collections.abc import Iterator

import pytest

from tests.lambent_server import LambentServer
from tests.sources.callee import Callee
from tests.sources.world import World


@pytest.fixture
def callee() -> Iterator[Callee]:
    made = Callee()
    yield made
    made.close()


@pytest.fixture
def world(lambent: LambentServer, account: str, callee: Callee) -> Iterator[World]:
    """An account of the shared server."""
    made = World(lambent, account, callee)
    before = lambent.said().count("Traceback")
    yield made
    made.clean()
    assert lambent.said().count("Traceback") == before, lambent.said()
