"""The log store against real files."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambent.clock import Clock
from lambent.core.scope import Scope
from lambent.observe.log_files import group_directory, segments_in, segments_of
from lambent.observe.log_reader import LogReader
from lambent.observe.log_store import LogLimits, LogStore

_SCOPE = Scope("000000000000", "us-east-1")
_GROUP = "/aws/lambda/hello"


@contextlib.asynccontextmanager
async def started(directory: Path, **limits: float) -> AsyncIterator[LogStore]:
    store = LogStore(directory, clock=Clock(), limits=LogLimits(**limits))  # type: ignore[arg-type]  # each test names one
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def messages(directory: Path, group: str = _GROUP) -> list[str]:
    return [event.message for event in LogReader(directory).read(_SCOPE, group)]


async def test_an_event_is_readable_after_the_flush_with_its_time_and_stream(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        store.stream(_SCOPE, _GROUP, "2024/05/01/[$LATEST]00").write(1_714_521_600_000, "hello\nworld\n")
        await store.flush()
        assert [tuple(event) for event in store.read(_SCOPE, _GROUP)] == [
            (1_714_521_600_000, "2024/05/01/[$LATEST]00", "hello\nworld\n")
        ]


async def test_an_event_is_written_within_the_flush_interval_without_being_asked(tmp_path: Path) -> None:
    async with started(tmp_path, flush_seconds=0.01) as store:
        store.stream(_SCOPE, _GROUP, "s").write(1, "soon")
        async with asyncio.timeout(10):
            while not messages(tmp_path):
                await asyncio.sleep(0.005)


async def test_what_was_logged_before_stop_is_written(tmp_path: Path) -> None:
    async with started(tmp_path, flush_seconds=3600) as store:
        store.stream(_SCOPE, _GROUP, "s").write(1, "last words")
    assert messages(tmp_path) == ["last words"]


async def test_what_was_logged_before_start_is_written(tmp_path: Path) -> None:
    store = LogStore(tmp_path, clock=Clock())
    store.stream(_SCOPE, _GROUP, "s").write(1, "early")
    await store.start()
    await store.stop()
    assert messages(tmp_path) == ["early"]


async def test_events_of_several_streams_come_by_time(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        one, other = store.stream(_SCOPE, _GROUP, "a"), store.stream(_SCOPE, _GROUP, "b")
        one.write(1, "first")
        one.write(3, "third")
        other.write(2, "second")
    assert messages(tmp_path) == ["first", "second", "third"]


async def test_accounts_regions_and_groups_are_apart(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        for scope in (_SCOPE, Scope("111111111111", "us-east-1"), Scope("000000000000", "eu-west-1")):
            store.stream(scope, _GROUP, "s").write(1, f"{scope.account} {scope.region}")
        store.stream(_SCOPE, "/aws/lambda/other", "s").write(1, "other")
    assert messages(tmp_path) == ["000000000000 us-east-1"]


@pytest.mark.parametrize("name", ["../../outside", "..", "/", ".", "x" * 512, "%2F", "a\0b"])
async def test_no_group_name_leaves_the_directory(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "logs"
    async with started(directory) as store:
        store.stream(Scope(name, name), name, "s").write(1, "caught")
    assert [event.message for event in LogReader(directory).read(Scope(name, name), name)] == ["caught"]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert len(list(segments_of(directory))) == 1


async def test_a_torn_last_record_is_ignored_and_the_next_server_writes_on(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        store.stream(_SCOPE, _GROUP, "s").write(1, "whole")
    [segment] = segments_in(group_directory(tmp_path, _SCOPE, _GROUP))
    with segment.open("ab") as file:
        file.write(b"1700000000000\thalf a rec")
    assert messages(tmp_path) == ["whole"]
    async with started(tmp_path) as store:
        store.stream(_SCOPE, _GROUP, "s").write(2, "after")
    assert messages(tmp_path) == ["whole", "after"]


async def test_a_restarted_server_goes_on_with_the_last_segment(tmp_path: Path) -> None:
    for message in ("one", "two"):
        async with started(tmp_path) as store:
            store.stream(_SCOPE, _GROUP, "s").write(1, message)
    assert len(segments_in(group_directory(tmp_path, _SCOPE, _GROUP))) == 1
    assert messages(tmp_path) == ["one", "two"]


async def test_more_groups_than_open_files_are_all_written_to_one_segment_each(tmp_path: Path) -> None:
    groups = [f"/aws/lambda/f{number}" for number in range(30)]
    async with started(tmp_path, open_segments=4) as store:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for turn in range(3):
            for group in groups:
                store.stream(_SCOPE, group, "s").write(turn, str(turn))
            await store.flush()
            assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 4
    assert all(messages(tmp_path, group) == ["0", "1", "2"] for group in groups)
    assert len(list(segments_of(tmp_path))) == len(groups)


async def test_the_oldest_segments_go_when_all_together_are_too_large(tmp_path: Path) -> None:
    async with started(tmp_path, segment_bytes=1000, retention_bytes=5000) as store:
        stream = store.stream(_SCOPE, _GROUP, "s")
        for number in range(20):
            stream.write(number, f"{number:03d}" + "x" * 997)
            await store.flush()
    kept = [int(message[:3]) for message in messages(tmp_path)]
    assert kept == list(range(20 - len(kept), 20))
    assert 2 <= len(kept) <= 5


async def test_a_group_that_floods_removes_its_own_segments_only(tmp_path: Path) -> None:
    async with started(tmp_path, segment_bytes=1000, retention_bytes=5000) as store:
        store.stream(_SCOPE, "/aws/lambda/quiet", "s").write(1, "precious")
        await store.flush()
        flood = store.stream(_SCOPE, _GROUP, "s")
        for number in range(20):
            flood.write(number, "x" * 1000)
            await store.flush()
    assert messages(tmp_path, "/aws/lambda/quiet") == ["precious"]
    assert 2 <= len(messages(tmp_path)) <= 5
    assert sum(segment.size for segment in segments_of(tmp_path)) <= 5000


async def test_segments_older_than_the_retention_go_at_start_with_their_empty_folder(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        store.stream(_SCOPE, _GROUP, "s").write(1, "old")
        store.stream(_SCOPE, "/aws/lambda/young", "s").write(1, "young")
    [segment] = segments_in(group_directory(tmp_path, _SCOPE, _GROUP))
    eight_days_ago = segment.stat().st_mtime - 8 * 86_400
    os.utime(segment, (eight_days_ago, eight_days_ago))
    async with started(tmp_path):
        assert messages(tmp_path) == []
        assert not segment.parent.exists()
        assert messages(tmp_path, "/aws/lambda/young") == ["young"]


async def test_what_the_disk_is_behind_with_is_not_taken_but_for_platform_lines(tmp_path: Path) -> None:
    async with started(tmp_path, stream_pending=1800) as store:
        stream = store.stream(_SCOPE, _GROUP, "s")
        taken = [stream.write(1, "x" * 100) for _ in range(50)]
        stream.write_platform(2, ["REPORT\n"])
        await store.flush()
        assert stream.write(3, "calm again")
    assert taken == [True] * 10 + [False] * 40
    assert messages(tmp_path) == ["x" * 100] * 10 + ["REPORT\n", "calm again"]


async def test_an_event_that_is_too_long_is_split_between_characters(tmp_path: Path) -> None:
    async with started(tmp_path, event_bytes=1000) as store:
        store.stream(_SCOPE, _GROUP, "s").write(1, "é" * 1200 + "x")
    read = messages(tmp_path)
    assert "".join(read) == "é" * 1200 + "x"
    assert [len(message.encode()) for message in read] == [1000, 1000, 401]


async def test_a_full_disk_costs_events_and_one_line_in_the_log_but_never_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_space(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    async with started(tmp_path) as store:
        stream = store.stream(_SCOPE, _GROUP, "s")
        stream.write(1, "before")
        await store.flush()
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", no_space)
            for _ in range(3):
                stream.write(2, "lost")
                await store.flush()
        stream.write(3, "after")
    assert messages(tmp_path) == ["before", "after"]
    assert [record.message for record in caplog.records] == [
        "Log events are lost, a log segment can't be written: [Errno 28] No space left on device"
    ]


async def test_a_follower_sees_old_then_new_events_and_new_segments(tmp_path: Path) -> None:
    async with started(tmp_path, segment_bytes=200) as store:
        stream = store.stream(_SCOPE, _GROUP, "s")
        looked = []

        def wait() -> None:
            looked.append(True)
            if len(looked) > 1:
                raise StopIteration

        stream.write(1, "old")
        await store.flush()
        events = LogReader(tmp_path).follow(_SCOPE, _GROUP, wait=wait)
        assert next(events).message == "old"
        for number in range(5):
            stream.write(2, f"{number}" * 100)
            await store.flush()
        assert [next(events) for _ in range(5)] == [(2, "s", f"{number}" * 100) for number in range(5)]


async def test_reading_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    async with started(tmp_path) as store:
        stream = store.stream(_SCOPE, _GROUP, "s")
        for ms in (1, 2, 3):
            stream.write(ms, str(ms))
        await store.flush()
        assert [event.message for event in store.read(_SCOPE, _GROUP, since_ms=2)] == ["2", "3"]


def test_a_group_that_was_never_written_has_no_events(tmp_path: Path) -> None:
    assert messages(tmp_path) == []
    assert not LogReader(tmp_path).exists(_SCOPE, _GROUP)
