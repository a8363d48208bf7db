"""The wheel, installed where nothing else is: it has all that it needs, and nothing of this folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.version import VERSION

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh virtual environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(folder, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("*.whl")
    assert wheel.name == f"lambent-{VERSION}-py3-none-any.whl"
    # Not by `venv`: not every machine's Python can give one a pip (see scripts/set-up).
    run(folder, sys.executable, "-m", "venv", "--without-pip", "fresh")
    programs = folder / "fresh" / "bin"
    run(folder, sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", str(wheel))
    return programs


def run(folder: Path, *command: str) -> str:
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAMBENT_", "PYTHON"))
    }
    ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_it_is_installed_as_a_program_and_as_a_module(installed: Path, tmp_path: Path) -> None:
    assert run(tmp_path, str(installed / "lambent"), "--version") == f"lambent {VERSION}\n"
    assert run(tmp_path, str(installed / "lambent"), "--help").startswith("usage: lambent ")
    assert run(tmp_path, str(installed / "python"), "-m", "lambent", "--version") == f"lambent {VERSION}\n"
    where = run(tmp_path, str(installed / "python"), "-c", "import lambent; print(lambent.__file__)")
    assert where.startswith(str(installed.parent))


def test_its_server_deploys_and_answers(installed: Path, tmp_path: Path) -> None:
    command = [str(installed / "lambent"), "dev", "--example", "--port", "0", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        said = ""
        while "Try next" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        url = re.search(r"http://\S+", said)
        assert url is not None
        answer = run(tmp_path, str(installed / "lambent"), "invoke", "hello", "--endpoint-url", url[0])
        server.terminate()
        server.stdout.read()
    assert server.returncode == 0
    assert json.loads(answer)["message"] == "Hello, world!"
