"""Clients that aren't dependencies of the tests."""

import sys
from pathlib import Path

import pytest

from tests.clients.installed import installed, node_modules, run

_CHALICE = ("chalice==1.32.0", "setuptools<81")


@pytest.fixture(scope="session")
def sdk_for_javascript() -> Path:
    """A folder whose node_modules has the SDK; modules in it can import the SDK by its name."""
    return node_modules("sdk-for-javascript", "@aws-sdk/client-lambda@3.1162.0")


@pytest.fixture(scope="session")
def chalice() -> Path:
    """The program of AWS Chalice, in an environment of its own: it pins other versions of what Lambent needs."""

    def install(folder: Path) -> None:
        run(sys.executable, "-m", "venv", str(folder))
        run(str(folder / "bin" / "pip"), "install", "--quiet", *_CHALICE)

    return installed("chalice", str(_CHALICE), install) / "bin" / "chalice"
