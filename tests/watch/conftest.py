"""A `lambent dev` whose functions may be folders, and a developer's folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import ROLE, LambentServer, wait_until_active

DEVELOPER = 1000


class Folder:
    """A function's source, owned by somebody who lets nobody else look, as a umask of 077 makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.make()

    def make(self) -> None:
        """The folder, empty."""
        self.path.mkdir(mode=0o700)
        os.chown(self.path, DEVELOPER, DEVELOPER)

    def save(self, name: str, content: str, *, atomically: bool = False) -> None:
        """As editors do: over what is there, or beside it and then in its place."""
        path = self.path / name
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            os.chown(path.parent, DEVELOPER, DEVELOPER)
        written = path.with_name(f"{path.name}.new") if atomically else path
        written.write_text(content)
        os.chown(written, DEVELOPER, DEVELOPER)
        written.chmod(0o600)
        if atomically:
            written.rename(path)


def create(client: Any, name: str, folder: Path, **settings: Any) -> dict[str, Any]:
    """A function of a folder; Active when this returns."""
    defaults = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE, "Timeout": 20}
    code = {"S3Bucket": "hot-reload", "S3Key": str(folder)}
    client.create_function(FunctionName=name, Code=code, **{**defaults, **settings})
    return wait_until_active(client, name)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where functions of the server may have their folders."""
    return tmp_path_factory.mktemp("projects")


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Iterator[LambentServer]:
    """The server; the tests of a module share it."""
    data = tmp_path_factory.mktemp("watching") / "data"
    server = LambentServer(data, flags=["--folders", str(folders)]).start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


@pytest.fixture
def developer(watching: LambentServer, account: str) -> Any:
    """A client in an account of the test's own."""
    return watching.client(account=account)


@pytest.fixture
def folder(folders: Path, account: str) -> Folder:
    """The developer's folder, empty."""
    return Folder(folders / account)
