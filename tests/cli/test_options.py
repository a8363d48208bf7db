"""What may be written after `lambent`, and the one line for what may not."""

import pytest

from lambent.commands.options import parse
from lambent.settings import POSTURES, Posture, table
from lambent.version import VERSION


@pytest.mark.parametrize("posture", POSTURES)
def test_every_setting_of_a_posture_is_a_flag_of_it_and_in_its_help(
    posture: Posture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        parse([posture, "--help"])
    assert ended.value.code == 0
    words = " ".join(capsys.readouterr().out.split())
    for row in table(posture):
        assert all(flag in words for flag in row.flags)
        assert row.help in words
        value = [] if row.is_switch else ["x"]
        assert getattr(parse([posture, row.flags[0], *value]), row.name) == ("true" if row.is_switch else "x")


def test_a_switch_can_be_turned_off_again() -> None:
    assert parse(["dev", "--insecure=false"]).insecure == "false"


def test_serve_has_no_flag_that_is_for_dev_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["serve", "--insecure"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "lambent: --insecure: no such option; see lambent serve --help\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["dev", "--prot", "1"], "lambent: --prot: no such option; did you mean --port?\n"),
        (["dev", "--prot=1"], "lambent: --prot=1: no such option; did you mean --port?\n"),
        (["logs"], "lambent: the following arguments are required: FUNCTION; see lambent logs --help\n"),
        ([], "lambent: the following arguments are required: COMMAND; see lambent --help\n"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == line


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--version"])
    assert capsys.readouterr().out == f"lambent {VERSION}\n"


def test_short_form_of_the_data_directory() -> None:
    assert parse(["dev", "--data-dir", "here"]).data_directory == "here"
