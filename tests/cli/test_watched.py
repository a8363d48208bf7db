"""What a folder is as a function, found from what is in it; and what `--watch` understands."""

from pathlib import Path

import pytest

from lambent.cli import main
from lambent.commands.watched import Found, look_into
from lambent.settings import load

PYTHON = "def handler(event, context): ..."


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"app.py": PYTHON}, Found("python", "app.handler")),
        ({"app.py": "def lambda_handler(event, context): ..."}, Found("python", "app.lambda_handler")),
        ({"lambda_function.py": "async def lambda_handler(event, context): ..."}, Found("python", "lambda_function.lambda_handler")),
        ({"main.py": "handler = Mangum(app)"}, Found("python", "main.handler")),
        ({"index.py": "from package import run as handler"}, Found("python", "index.handler")),
        ({"app.py": "def helper(): ...", "main.py": PYTHON}, Found("python", "main.handler")),
        ({"app.py": "def handler(event,"}, Found("python", "app.handler")),
        ({"index.mjs": "export const handler = async () => 1"}, Found("nodejs", "index.handler")),
        ({"index.js": "exports.handler = async () => 1"}, Found("nodejs", "index.handler")),
        ({"app.cjs": "module.exports.handler = f"}, Found("nodejs", "app.handler")),
        ({"index.mjs": "const handler = 1\nexport { handler }"}, Found("nodejs", "index.handler")),
        ({"index.js": "console.log('handler')"}, None),
        ({"bootstrap": "#!/bin/sh"}, Found("provided", "bootstrap")),
        ({"README.md": ""}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_a_folder_is(tmp_path: Path, files: dict[str, str], found: Found | None) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o700 if name == "bootstrap" else 0o600)
    assert look_into(tmp_path) == found


def test_a_bootstrap_that_may_not_be_executed_is_none(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh")
    (tmp_path / "bootstrap").chmod(0o644)
    assert look_into(tmp_path) is None


def test_folders_are_named_after_themselves_or_as_one_likes(tmp_path: Path) -> None:
    settings = load("dev", flags={"watch": f"{tmp_path}/my.api,hello={tmp_path}/src"}, environ={})
    assert settings.watch == (("my-api", tmp_path / "my.api"), ("hello", tmp_path / "src"))


@pytest.mark.parametrize("text", ["=/src", "no spaces=/src", "/"])
def test_names_that_functions_cannot_have_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", "--watch", text]) == 2
    assert "--watch: expected folders, or NAME=FOLDER" in capsys.readouterr().err


def test_only_dev_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--watch", "/src"])
    assert "--watch: no such option" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("below", "allowed"), [("home/me", ()), ("home", ()), ("home/me/project", ("home/me/project",))]
)
def test_functions_may_have_their_folders_where_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, allowed: tuple[str, ...]
) -> None:
    """Who starts the server at home doesn't want every function to be able to read all of it."""
    (tmp_path / "home" / "me" / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    monkeypatch.chdir(tmp_path / below)
    assert load("dev", flags={}, environ={}).folders == tuple(tmp_path / place for place in allowed)
