"""The directory of installations: whole or not at all, whatever happens."""

import os
import stat
import threading
from pathlib import Path

import pytest

from lambent.runtimes.installation import InstallationFailed, install_wheels, remove, run, whole_or_not
from lambent.runtimes.nodejs import sdk


def visible(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))


def test_it_is_there_when_it_is_whole_and_others_can_read_it(tmp_path: Path) -> None:
    place = tmp_path / "made" / "too" / "thing"
    with whole_or_not(place) as new:
        (new / "file").write_text("1")
        assert visible(place.parent) == []
    assert (place / "file").read_text() == "1"
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    with whole_or_not(place) as new:
        (new / "file").write_text("1")
    with pytest.raises(InstallationFailed), whole_or_not(place) as new:
        run(["sh", "-c", "echo 2 > file; exit 1"], directory=new, purpose="It failed")
    assert (place / "file").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".new-", ".old-"))] == []


def test_what_is_replaced_stays_until_the_next_installation(tmp_path: Path) -> None:
    """Environments that run have it mounted."""
    place = tmp_path / "thing"
    for text in ("1", "2"):
        with whole_or_not(place) as new:
            (new / "file").write_text(text)
    assert (place / "file").read_text() == "2"
    assert [file.read_text() for file in tmp_path.glob(".old-*/file")] == ["1"]
    with whole_or_not(tmp_path / "other"):
        pass
    assert list(tmp_path.glob(".old-*")) == []


def test_what_a_killed_installation_has_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".new-1" / "part").mkdir(parents=True)
    with whole_or_not(tmp_path / "thing"):
        pass
    assert visible(tmp_path) == ["thing"]
    assert list(tmp_path.glob(".new-*")) == []


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    first_holds, second_done = threading.Event(), threading.Event()

    def second() -> None:
        first_holds.wait()
        with whole_or_not(tmp_path / "thing") as new:
            (new / "file").write_text("2")
        second_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with whole_or_not(tmp_path / "thing") as new:
        first_holds.set()
        (new / "file").write_text("1")
        assert not second_done.wait(0.05)
        assert new.is_dir()
    thread.join(10)
    assert (tmp_path / "thing" / "file").read_text() == "2"


def test_removing(tmp_path: Path) -> None:
    with whole_or_not(tmp_path / "thing"):
        pass
    assert remove(tmp_path / "thing")
    assert not remove(tmp_path / "thing")
    assert visible(tmp_path) == []
    assert list(tmp_path.glob(".old-*")) == []


def test_a_directory_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InstallationFailed, match="can't be written to: File exists"),
        whole_or_not(tmp_path / "file" / "thing"),
    ):
        pass


class TestRun:
    def test_the_last_line_of_a_failure_is_the_reason(self, tmp_path: Path) -> None:
        with pytest.raises(InstallationFailed, match=r"^It failed: two$"):
            run(["sh", "-c", "echo one >&2; echo two >&2; exit 1"], directory=tmp_path, purpose="It failed")
        with pytest.raises(InstallationFailed, match=r"^It failed: three$"):
            run(["sh", "-c", "echo three; exit 1"], directory=tmp_path, purpose="It failed")
        with pytest.raises(InstallationFailed, match=r"^It failed: sh gave no reason$"):
            run(["sh", "-c", "exit 1"], directory=tmp_path, purpose="It failed")

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InstallationFailed, match=r"It failed: .*No such file"):
            run([tmp_path / "none"], directory=tmp_path, purpose="It failed")

    def test_everybody_can_read_what_it_makes(self, tmp_path: Path) -> None:
        before = os.umask(0o077)
        try:
            run(["touch", "file"], directory=tmp_path, purpose="It failed")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_without_a_pip_uv_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Lambent was installed by uv itself."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    call = {"target": tmp_path / "new", "python": Path("/p/python3"), "dependencies": False, "purpose": "It failed"}
    with pytest.raises(InstallationFailed, match=r"It failed: .* has no pip, and there is no uv on PATH"):
        install_wheels("thing==1", **call)  # type: ignore[arg-type]  # one dictionary for two calls
    (tmp_path / "uv").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    (tmp_path / "uv").chmod(0o755)
    install_wheels("thing==1", **call)  # type: ignore[arg-type]  # as above
    said = (tmp_path / "said").read_text().split()
    assert (said[:2], said[-1]) == (["pip", "install"], "thing==1")
    assert {"--no-deps", "--only-binary=:all:", "/p/python3", str(tmp_path / "new")} < set(said)


@pytest.mark.parametrize(
    ("name", "is_package"),
    [
        ("@aws-sdk/client-textract", True),
        ("@aws-sdk/client-s3", True),
        ("@aws-sdk/", False),
        ("@aws-sdk/client-s3@3.1.0", False),
        ("@aws-sdk/../x", False),
        ("@smithy/core", True),
        ("@other/core", False),
        ("client-s3", False),
        ("--registry=x", False),
    ],
)
def test_packages_of_the_sdk(name: str, is_package: bool) -> None:
    assert sdk.is_package(name) == is_package
