"""One clear line for a taken port, an unwritable data directory, a data directory in use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.startup import CannotStart, claim_data_directory, listen


def test_a_data_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    claim_data_directory(path).release()
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_in_use_is_refused_and_names_the_process(tmp_path: Path) -> None:
    lock = claim_data_directory(tmp_path)
    with pytest.raises(CannotStart) as raised:
        claim_data_directory(tmp_path)
    assert str(raised.value) == (
        f"the data directory {tmp_path} is in use by another Lambent (process {os.getpid()}); "
        "stop it, or choose another with --data-dir"
    )
    lock.release()
    claim_data_directory(tmp_path).release()


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, lambent.startup as s; l = s.claim_data_directory(pathlib.Path(sys.argv[1])); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(CannotStart):
            claim_data_directory(tmp_path)
        process.kill()
    claim_data_directory(tmp_path).release()


def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CannotStart) as raised:
        claim_data_directory(file / "data")
    assert str(raised.value) == (
        f"the data directory {file / 'data'} can't be used: Not a directory; choose another with --data-dir"
    )


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
        assert not listener.getblocking()


def test_a_taken_port_is_one_line_with_the_remedy() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart) as raised:
            listen("127.0.0.1", port)
    assert str(raised.value) == (
        f"port {port} is taken by another program; choose another with --port, or a free one with --port 0"
    )


def test_a_host_that_is_not_this_machines_is_one_line() -> None:
    with pytest.raises(CannotStart, match=r"^--host: 192\.0\.2\.1 is not an address of this machine$"):
        listen("192.0.2.1", 0)


def test_ipv6_loopback() -> None:
    with listen("::1", 0) as listener:
        assert listener.getsockname()[0] == "::1"
