"""Interpreters are found where people have them, and serve the identifier of exactly their version."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.python.interpreters import IDENTIFIERS, Interpreters, discover
from tests.runtimes.programs import PYTHON, program, runs

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def cache_file(tmp_path: Path) -> Path:
    return tmp_path / "cache.json"


def fake(path: Path, **changes: object) -> Path:
    return program(path, PYTHON | changes)


def find(cache_file: Path, home: Path, path: str = "", **environment: str) -> Interpreters:
    return discover(cache_file, environment={"PATH": path, **environment}, home=home)


def test_the_interpreter_of_lambent_itself_is_always_there(cache_file: Path, tmp_path: Path) -> None:
    found = find(cache_file, tmp_path).get(OWN)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.minor_version == sys.version_info[:2]
    assert found.base_prefix == Path(sys.base_prefix)
    assert (found.stdlib / "json" / "__init__.py").is_file()
    assert found.executable.resolve() == found.executable


@pytest.mark.parametrize(
    ("place", "environment"),
    [
        ("bin/python3.12", {"path": "bin"}),
        ("bin/python3", {"path": "bin"}),
        (".pyenv/versions/3.12.4/bin/python3.12", {}),
        ("elsewhere/versions/3.12.4/bin/python3.12", {"PYENV_ROOT": "elsewhere"}),
        (".local/share/uv/python/cpython-3.12.4-linux/bin/python3.12", {}),
        ("data/uv/python/cpython-3.12.4-linux/bin/python3.12", {"XDG_DATA_HOME": "data"}),
        ("uv/cpython-3.12.4-linux/bin/python3.12", {"UV_PYTHON_INSTALL_DIR": "uv"}),
    ],
)
def test_places(cache_file: Path, tmp_path: Path, place: str, environment: dict[str, str]) -> None:
    python = fake(tmp_path / place)
    places = {name: str(tmp_path / value) for name, value in environment.items()}
    assert find(cache_file, tmp_path, **places).get("python3.12").executable == python


def test_the_newest_patch_release_serves_and_the_first_of_equals(cache_file: Path, tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv" / "versions"
    fake(versions / "3.12.4" / "bin" / "python3.12")
    fake(versions / "3.12.11" / "bin" / "python3.12", version=[3, 12, 11, "final", 0])
    first = fake(tmp_path / "bin" / "python3.12", version=[3, 12, 11, "final", 0])
    assert find(cache_file, tmp_path, str(tmp_path / "bin")).get("python3.12").executable == first


@pytest.mark.parametrize(
    "answer",
    [
        {"implementation": "pypy"},
        {"free_threaded": True},
        {"version": [3, 12, 0, "candidate", 1]},
        {"version": [3, 8, 18, "final", 0]},
        {"version": [4, 12, 0, "final", 0]},
        {"version": "3.12"},
        {"stdlib": None},
    ],
)
def test_what_is_no_cpython_of_a_known_version_serves_nothing(
    cache_file: Path, tmp_path: Path, answer: dict[str, object]
) -> None:
    fake(tmp_path / "bin" / "python3.12", **answer)
    assert find(cache_file, tmp_path, str(tmp_path / "bin")).identifiers == (OWN,)


def test_a_name_proves_nothing(cache_file: Path, tmp_path: Path) -> None:
    """An executable called python3.9 that is a 3.12 serves python3.12."""
    fake(tmp_path / "bin" / "python3.9")
    found = find(cache_file, tmp_path, str(tmp_path / "bin"))
    assert "python3.12" in found.identifiers
    with pytest.raises(RuntimeMissing):
        found.get("python3.9")


def test_programs_that_do_not_answer_are_passed_over(cache_file: Path, tmp_path: Path) -> None:
    for name, text in {
        "python3.9": "#!/bin/sh\nexit 1\n",
        "python3.10": "no program",
        "python3.12": "#!/bin/sh\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.13").symlink_to("nowhere")
    assert find(cache_file, tmp_path, str(tmp_path)).identifiers == (OWN,)


def test_each_is_run_once_until_it_changes(cache_file: Path, tmp_path: Path) -> None:
    python = fake(tmp_path / "bin" / "python3.12")
    (tmp_path / "bin" / "python3").symlink_to(python)
    path = str(tmp_path / "bin")
    for _ in range(2):
        assert "python3.12" in find(cache_file, tmp_path, path).identifiers
    assert runs(python) == 1
    fake(python, version=[3, 12, 5, "final", 0])
    assert find(cache_file, tmp_path, path).get("python3.12").version == "3.12.5"
    assert runs(python) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"1:0:/x": 5}'])
def test_a_damaged_cache_is_an_empty_one(cache_file: Path, tmp_path: Path, content: str) -> None:
    cache_file.write_text(content)
    assert find(cache_file, tmp_path).identifiers == (OWN,)
    assert OWN.removeprefix("python") in cache_file.read_text()


def test_what_is_missing_is_said_with_what_helps(cache_file: Path, tmp_path: Path) -> None:
    (missing,) = [name for name in IDENTIFIERS if name != OWN][:1]
    with pytest.raises(RuntimeMissing, match=r"needs a Python 3\.\d+ on this machine.*pyenv install") as raised:
        find(cache_file, tmp_path).get(missing)
    assert missing in str(raised.value)
    with pytest.raises(RuntimeMissing, match=r"python3\.8 can't be served: .* python3\.9, "):
        find(cache_file, tmp_path).get("python3.8")
