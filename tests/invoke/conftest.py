"""Callers of Invoke, over raw HTTP so that every header is the test's own."""

import pytest

from tests.invoke.caller import Caller
from tests.lambent_server import LambentServer


@pytest.fixture
def caller(lambent: LambentServer, account: str, client: object) -> Caller:
    """Invokes functions of the test's account; make them with `client`, which cleans up."""
    return Caller(lambent.port, account)
