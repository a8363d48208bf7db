"""`lambent clock`: what is said where it can't be done. What it does is in tests/invoke/test_moved_time.py."""

from pathlib import Path

import pytest

from lambent.cli import main
from lambent.commands.clock import parse_duration


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2m", 120), ("1.5h", 5400), ("250ms", 0.25)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show", "2m"], "lambent: show takes no duration; see lambent clock --help\n"),
        (["advance"], "lambent: advance needs a duration, such as 2m; see lambent clock --help\n"),
        (["advance", "2"], "lambent: expected a duration such as 90s, 2m or 1h, not '2'\n"),
        (["advance", "1h30m"], "lambent: expected a duration such as 90s, 2m or 1h, not '1h30m'\n"),
    ],
)
def test_a_wrong_call_is_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["clock", *arguments, "--data-directory", str(tmp_path)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert (status, capsys.readouterr().err) == (2, line)


def test_without_a_token_it_says_which_directory_it_looked_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clock", "show", "--data-directory", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_without_a_server_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (tmp_path / "control-token").write_text("x")
    assert main(["clock", "show", "--data-directory", str(tmp_path), "--port", "1"]) == 1
    assert "is `lambent dev` running there?" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["clock", "show"], ["queue", "list"], ["invocations"], ["invoke", "fn"]])
def test_a_port_that_is_given_comes_before_the_endpoint_of_the_environment(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    (tmp_path / "control-token").write_text("x")
    directory = [] if command[0] == "invoke" else ["--data-directory", str(tmp_path)]
    assert main([*command, *directory, "--port", "1"]) == 1
    assert "no answer from http://127.0.0.1:1 " in capsys.readouterr().err
    assert main([*command, *directory]) == 1
    assert "no answer from http://127.0.0.1:2 " in capsys.readouterr().err
