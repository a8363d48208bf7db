"""The commands that Lambent tells people to type can be typed."""

import sys
from pathlib import Path

import pytest

from lambent.commands.program import program


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".venv" / "bin" / "lambent"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    return path


def test_on_the_path_it_is_called_by_its_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program(str(installed)) == "lambent"


def test_elsewhere_it_is_called_by_the_shorter_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert program(str(installed)) == ".venv/bin/lambent"
    monkeypatch.chdir(installed.parent)
    assert program(str(installed)) == "./lambent"
    monkeypatch.chdir("/usr")
    assert program(str(installed)) == str(installed)


def test_as_a_module_it_is_called_by_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/python/bin/python3")
    monkeypatch.chdir("/usr")
    assert program("/somewhere/lambent/__main__.py") == "/opt/python/bin/python3 -m lambent"
