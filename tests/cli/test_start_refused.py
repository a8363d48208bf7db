"""What keeps a server from starting is one line on standard error and an exit status, never a traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambent_server import LambentServer

REFUSED, WRITTEN_WRONGLY = 1, 2


def refused(*arguments: str, cwd: Path, status: int, environment: dict[str, str] | None = None) -> str:
    """The one line that a start ends with."""
    ended = subprocess.run(
        [sys.executable, "-m", "lambent", *arguments],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("lambent: ")
    assert ended.returncode == status
    return ended.stderr.removeprefix("lambent: ").rstrip("\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.root
def test_a_data_directory_in_use_names_the_process_that_uses_it(own_lambent: LambentServer, tmp_path: Path) -> None:
    own_lambent.start()
    directory = own_lambent.data_directory
    line = refused("dev", "--port", "0", "--data-dir", str(directory), cwd=tmp_path, status=REFUSED)
    assert line == (
        f"The data directory {directory} is in use by another Lambent (process {own_lambent.pid}). "
        "Choose another with --data-dir."
    )
    assert own_lambent.client().list_functions()["Functions"] == []


def test_a_data_directory_of_a_newer_lambent_is_left_alone(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    (data / "layout").write_text("99\n")
    line = refused("dev", "--port", "0", "--data-dir", str(data), cwd=tmp_path, status=REFUSED)
    assert line.startswith(f"The data directory {data} was made by a newer Lambent (layout 99, this one knows ")
    assert (data / "layout").read_text() == "99\n"


def test_a_data_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    line = refused("dev", "--port", "0", "--data-dir", "/proc/lambent", cwd=tmp_path, status=REFUSED)
    assert line.startswith("The data directory /proc/lambent can't be written to: ")
    assert line.endswith("Choose another with --data-dir.")


def test_a_data_directory_that_is_a_file(data: Path, tmp_path: Path) -> None:
    data.touch()
    line = refused("dev", "--port", "0", "--data-dir", str(data), cwd=tmp_path, status=REFUSED)
    assert (
        line == f"The data directory {data} can't be used: {data} is not a directory. Choose another with --data-dir."
    )


def test_a_database_that_is_none(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    (data / "control.db").write_text("this is no database, and long enough to be none" * 100)
    line = refused("dev", "--port", "0", "--data-dir", str(data), cwd=tmp_path, status=REFUSED)
    assert str(data) in line


@pytest.mark.parametrize("posture", ["dev", "serve"])
def test_a_port_that_is_taken(posture: str, taken_port: str, data: Path, tmp_path: Path) -> None:
    line = refused(posture, "--port", taken_port, "--data-dir", str(data), cwd=tmp_path, status=REFUSED)
    assert line == (
        f"port {taken_port} is taken by another program; choose another with --port, or a free one with --port 0"
    )


def test_listening_beyond_loopback_without_credentials(data: Path, tmp_path: Path) -> None:
    line = refused("dev", "--host", "0.0.0.0", "--data-dir", str(data), cwd=tmp_path, status=WRITTEN_WRONGLY)
    assert line.startswith("--host: others can reach 0.0.0.0")


def test_a_wrong_flag_variable_and_key_are_named_where_they_were_written(tmp_path: Path) -> None:
    assert refused("dev", "--port", "many", cwd=tmp_path, status=WRITTEN_WRONGLY) == (
        "--port: expected a whole number from 0 to 65,535, not 'many'"
    )
    environment = {"LAMBENT_PROT": "1"}
    assert refused("dev", cwd=tmp_path, status=WRITTEN_WRONGLY, environment=environment) == (
        "LAMBENT_PROT: no such setting; did you mean LAMBENT_PORT?"
    )
    (tmp_path / "lambent.toml").write_text('log_level = "loud"\n')
    assert refused("dev", cwd=tmp_path, status=WRITTEN_WRONGLY) == (
        "lambent.toml: log_level: expected one of debug, info, warning, error, not 'loud'"
    )


def test_a_root_key_that_others_may_read_or_that_is_none(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    (data / "root-key.json").write_text("nonsense\n")
    line = refused("serve", "--port", "0", "--data-dir", str(data), cwd=tmp_path, status=REFUSED)
    assert "root" in line
