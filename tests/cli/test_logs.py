"""`lambent logs` reads the data directory, whether a server runs or not."""

from pathlib import Path

import pytest

from lambent.cli import main
from lambent.clock import Clock
from lambent.commands.logs import LOG_DIRECTORY, parse_since
from lambent.core.scope import Scope
from lambent.observe.log_store import LogStore

_NOW_MS = 1_714_521_600_000  # 2024-05-01T00:00:00Z


@pytest.fixture
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


async def _log(data_directory: Path, group: str, *events: tuple[int, str], region: str = "us-east-1") -> None:
    store = LogStore(data_directory / LOG_DIRECTORY, clock=Clock())
    await store.start()
    stream = store.stream(Scope("000000000000", region), group, "s")
    for timestamp_ms, message in events:
        stream.write(timestamp_ms, message)
    await store.stop()


async def test_events_are_shown_with_their_time(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await _log(data_directory, "/aws/lambda/hello", (_NOW_MS, "START RequestId: 1\n"), (_NOW_MS + 7, "no newline"))
    assert main(["logs", "hello", "--data-dir", str(data_directory)]) == 0
    assert capsys.readouterr().out == (
        "2024-05-01T00:00:00.000Z  START RequestId: 1\n2024-05-01T00:00:00.007Z  no newline\n"
    )


async def test_a_log_group_of_ones_own_and_another_region(
    data_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await _log(data_directory, "/my/group", (_NOW_MS, "here\n"), region="eu-west-1")
    assert main(["logs", "/my/group", "--region", "eu-west-1", "--data-dir", str(data_directory)]) == 0
    assert capsys.readouterr().out.endswith("  here\n")


async def test_since_leaves_out_what_is_older(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await _log(data_directory, "/aws/lambda/hello", (_NOW_MS, "old\n"), (_NOW_MS + 60_000, "new\n"))
    assert main(["logs", "hello", "--since", "2024-05-01T00:00:30", "--data-dir", str(data_directory)]) == 0
    assert capsys.readouterr().out == "2024-05-01T00:01:00.000Z  new\n"


def test_a_function_without_a_log_is_one_line(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "nobody", "--data-dir", str(data_directory)]) == 1
    assert capsys.readouterr().err == (
        f"lambent: no log of nobody in account 000000000000, region us-east-1, {data_directory}\n"
    )


def test_a_wrong_since_is_one_line(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "hello", "--since", "yesterday", "--data-dir", str(data_directory)]) == 2
    assert capsys.readouterr().err == (
        "lambent: --since: expected an age such as 10m, or a time such as 2026-05-01T10:00, not 'yesterday'\n"
    )


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", _NOW_MS - 90_000),
        ("10m", _NOW_MS - 600_000),
        ("2h", _NOW_MS - 7_200_000),
        ("7d", _NOW_MS - 604_800_000),
        ("2024-05-01", _NOW_MS),
        ("2024-05-01T02:00:00+02:00", _NOW_MS),
    ],
)
def test_since_is_an_age_or_a_time(text: str, ms: int) -> None:
    assert parse_since(text, now_ms=_NOW_MS) == ms
