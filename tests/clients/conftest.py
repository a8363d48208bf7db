"""Clients that aren't dependencies of the tests."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.clients.installed import installed, run
from tests.lambent_server import REGION, LambentServer

ROOT_KEY = re.compile(r"AWS_ACCESS_KEY_ID=(\S+)\s+AWS_SECRET_ACCESS_KEY=(\S+)")
_CHALICE = ("chalice==1.32.0", "setuptools<81")


@pytest.fixture(scope="session")
def chalice() -> Path:
    """The program of AWS Chalice, in an environment of its own: it pins other versions of what Lambent needs."""

    def install(folder: Path) -> None:
        run(sys.executable, "-m", "venv", str(folder))
        run(str(folder / "bin" / "pip"), "install", "--quiet", *_CHALICE)

    return installed("chalice", str(_CHALICE), install) / "bin" / "chalice"


class Serving(NamedTuple):
    """A `lambent serve` that has just been started for the first time, and its root key."""

    server: LambentServer
    key: Credentials

    def client(self, *, secret: str | None = None, key_id: str | None = None) -> Any:
        return boto3.Session().client(
            "lambda",
            region_name=REGION,
            endpoint_url=self.server.url,
            aws_access_key_id=key_id or self.key.access_key,
            aws_secret_access_key=secret or self.key.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    server = LambentServer(tmp_path_factory.mktemp("serve") / "data", posture="serve").start()
    shown = ROOT_KEY.search(server.said())
    assert shown is not None, server.said()
    yield Serving(server, Credentials(shown[1], shown[2]))
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()
