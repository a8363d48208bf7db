"""Probing functions that the tests of the sandbox share: they look, and break nothing that stays broken."""

from collections.abc import Iterator

import pytest

from tests.lambent_server import LambentServer
from tests.sandbox.probe import Probe

_ACCOUNT = "300000000001"


@pytest.fixture(scope="session")
def probe(lambent: LambentServer) -> Iterator[Probe]:
    """A function that carries out what it is sent."""
    yield from _shared(lambent, "probe")


@pytest.fixture(scope="session")
def neighbour(lambent: LambentServer) -> Iterator[Probe]:
    """Another such function, and so another execution environment."""
    yield from _shared(lambent, "neighbour")


def _shared(lambent: LambentServer, name: str) -> Iterator[Probe]:
    client = lambent.client(account=_ACCOUNT)
    yield Probe(client, name)
    client.delete_function(FunctionName=name)
