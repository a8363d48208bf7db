"""The bench measures what it says, and its bars decide as they say."""

import dataclasses
import io
import json
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bench import load, packages
from bench.bars import BARS
from bench.neighbours.measure import Figures, Rate
from bench.neighbours.report import as_markdown as neighbours_as_markdown
from bench.processes import cpu_seconds_between, hello_server
from bench.report import as_json, as_markdown, with_part
from bench.results import (
    AWSLAMBDARIC,
    COLD_AGAIN,
    COLD_BOTO3,
    COLD_NEW,
    COLD_NODE_EXEC,
    COLD_NODE_STEM,
    COLD_PROVIDED,
    COLD_REQUESTS,
    NODE,
    PYTHON,
    Arrival,
    Burst,
    Cold,
    Events,
    Flat,
    Flood,
    Idle,
    Isolation,
    Memory,
    Pair,
    Results,
    Start,
    Update,
    UrlCost,
    Warm,
)
from lambent.commands.signature import Credentials

_TARGET = load.Target(80, Credentials("AKID", "secret"))
_HELLO_MS = 0.02


def _warm(
    *, rate: float = 20_000, p50_ms: float = 0.15, cpu_us: float = 40, hello_ms: float = _HELLO_MS
) -> tuple[Warm]:
    return (Warm(1, rate, p50_ms, 1.0, cpu_us, 15, 10, 45_000, hello_ms),)


def _cold(p50_ms: float, *, p95_ms: float = 9, hello_ms: float = _HELLO_MS) -> Cold:
    return Cold(60, p50_ms, p95_ms, 1.5, hello_ms)


def _good() -> Results:
    return Results(
        version="0.1.0",
        machine="2 cores",
        runtimes="python3.13",
        warm={client: _warm() for client in (PYTHON, AWSLAMBDARIC, NODE)},
        cold={
            COLD_NEW: _cold(4.1),
            COLD_AGAIN: _cold(4.2, p95_ms=9.5),
            COLD_PROVIDED: _cold(5.3),
            COLD_NODE_EXEC: _cold(28.4),
            COLD_NODE_STEM: _cold(7.5),
            COLD_REQUESTS: _cold(59.6),
            COLD_BOTO3: _cold(299.7),
        },
        bursts={200: Burst(200, 301, _HELLO_MS), 1000: Burst(1000, 202, _HELLO_MS)},
        memory=Memory(60.3, 100, 2.41, 0.52, 1.93),
        idle=Idle(1000, 3, 0.011, 0.004),
        update=Update(20, 44.4, 48.8, _HELLO_MS),
        reload={client: Update(20, 12.3, 99.9, _HELLO_MS) for client in (PYTHON, NODE)},
        flood=Flood(32, 9_001, 0.12, 0.23, 0.02, 0.03),
        urls=(
            UrlCost(1, 5_678, 6_543, 0.121, 0.111, 1.1, 1.09, 1.2),
            UrlCost(8, 12_345, 15_432, 0.5, 0.4, 1.25, 1.2, 1.2),
        ),
        first_byte=Arrival(200, 0.134, 0.2, _HELLO_MS),
        isolation=Isolation(("a", "b", "c", "d", "e"), 51, 32, ()),
        start=Start(0.31, 0.52, 0.1),
        flat=Flat(10_000, 333, 97.1, 0.83, 17_003, 17_504, 4.3, 4.4, {"GetFunction": Pair(1.0, 1.2)}),
        events=Events(64, 12_001, 4.4, 13.2, 74.5, 4_000, 45_000, 32, 4_000, 190),
    )


def _bad() -> Results:
    slow = _cold(1_000, p95_ms=2_000)
    good = _good()
    return dataclasses.replace(
        good,
        warm={client: _warm(rate=6_000, p50_ms=0.5, cpu_us=200) for client in good.warm},
        cold=dict.fromkeys(good.cold, slow),
        bursts={concurrency: Burst(concurrency, 100, _HELLO_MS) for concurrency in good.bursts},
        memory=Memory(81, 100, 2.6, 0.5, 2.1),
        idle=Idle(1000, 3, 0.02, 0.02),
        update=Update(20, 51, 60, _HELLO_MS),
        reload={client: Update(20, 50, 101, _HELLO_MS) for client in (PYTHON, NODE)},
        flood=Flood(32, 9_000, 0.1, 0.3, 0.02, 0.03),
        urls=tuple(dataclasses.replace(cost, p50_ratio=1.31, rate_ratio=1.31) for cost in good.urls),
        first_byte=Arrival(200, 1.1, 2.0, _HELLO_MS),
        isolation=Isolation(("a", "b", "c", "d", "e"), 51, 32, ("a function can mount",)),
        start=Start(0.6, 1.6, 0.1),
        flat=Flat(10_000, 333, 97, 2.1, 10_000, 17_500, 9, 4.4, {"GetFunction": Pair(1.0, 1.6)}),
        events=Events(64, 9_000, 9, 30, 81, 4_000, 45_000, 32, 2_000, 400),
    )


def _missed(results: Results) -> list[str]:
    return [bar.name for bar in BARS if bar.judge(results).holds is False]


def test_the_client_sends_signed_requests_and_times_every_answer() -> None:
    with hello_server() as hello:
        requests = [load.signed_invoke(_TARGET, "hello", b"{}")]
        outcome = load.run(hello.port, requests, clients=4, seconds=0.1)
        once = load.run_once(hello.port, requests * 3)
    assert len(outcome.durations_ms) >= 4
    assert outcome.rate > 0
    assert 0 < outcome.percentile_ms(50) <= outcome.percentile_ms(99)
    assert len(once.durations_ms) == 3


def test_an_answer_other_than_200_ends_the_measurement() -> None:
    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(403)

        def log_message(self, *arguments: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Refuse) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(load.WrongAnswer, match="403"):
            load.run_once(server.server_port, [load.signed_invoke(_TARGET, "hello", b"{}")])
        thread.join()


def test_every_request_is_sent_once_however_many_clients_there_are() -> None:
    with hello_server() as hello:
        requests = [load.signed_request(_TARGET, "POST", "/2015-03-31/functions", b"{}")] * 25
        assert len(load.run_all(hello.port, requests, clients=4).durations_ms) == 25


def test_processor_time_between_two_looks_never_counts_backwards_when_a_process_ends() -> None:
    assert cpu_seconds_between({1: 5.0, 2: 100.0}, {1: 5.5, 3: 0.25}) == 0.75


def test_packages_of_different_marks_differ_and_everybody_may_read_them() -> None:
    first, second = (packages.python("python3.13", mark) for mark in "ab")
    assert first.code != second.code
    vendored = packages.awslambdaric("python3.13", "a")
    with zipfile.ZipFile(io.BytesIO(vendored.code)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes["run-awslambdaric"] == 0o755
    assert {mode for name, mode in modes.items() if name != "run-awslambdaric"} == {0o644}
    assert "awslambdaric/bootstrap.py" in modes


def test_all_bars_hold_for_good_figures() -> None:
    assert _missed(_good()) == []
    assert all(bar.judge(_good()).holds for bar in BARS)


def test_a_busy_machine_meets_a_bar_by_processor_time_and_by_ratio() -> None:
    busy = dataclasses.replace(
        _good(),
        warm={client: _warm(rate=6_000, p50_ms=0.5, hello_ms=0.1) for client in (PYTHON, AWSLAMBDARIC, NODE)},
        cold={kind: _cold(cold.p50_ms * 4, p95_ms=39, hello_ms=0.1) for kind, cold in _good().cold.items()},
        bursts={200: Burst(200, 80, 0.1), 1000: Burst(1000, 60, 0.1)},
        update=Update(20, 150, 190, 0.1),
        reload={client: Update(20, 100, 390, 0.1) for client in (PYTHON, NODE)},
        start=Start(0.6, 1.4, 0.1),
    )
    assert _missed(busy) == []


def test_each_missed_bar_is_named() -> None:
    assert _missed(_bad()) == [bar.name for bar in BARS]


def test_what_was_not_measured_neither_holds_nor_misses() -> None:
    nothing = Results("0.1.0", "2 cores", "python3.13")
    assert {bar.judge(nothing).holds for bar in BARS} == {None}
    assert as_markdown(nothing).count("not measured") == len(BARS)


def test_isolation_that_was_not_tried_on_every_kind_of_environment_is_a_miss() -> None:
    some = dataclasses.replace(_good(), isolation=Isolation(("a",), 10, 32, ()))
    assert _missed(some) == ["isolation"]


def test_what_an_environment_could_do_is_named() -> None:
    assert "- a function can mount\n" in as_markdown(_bad())


def test_the_report_has_every_figure() -> None:
    text = as_markdown(_good())
    for figure in (
        "20,000",
        "0.150",
        "4.1 ms",
        "9.5 ms",
        "299.7 ms",
        "301 environments/s",
        "60.3 MiB",
        "2.41 MiB",
        "0.52 MiB",
        "1.93 MiB",
        "0.011 s",
        "0.004 s",
        "0.31 s",
        "0.52 s",
        "44.4 ms",
        "48.8 ms",
        "9,001/s",
        "0.120 → 0.230 ms",
        "0.83 s",
        "17,504 → 17,003/s",
        "4.4 → 4.3 ms",
        "6,543 → 5,678/s",
        "0.134 ms",
    ):
        assert figure in text, figure
    document = json.loads(as_json(_good()))
    assert document["warm"][PYTHON][0]["ratio"] == pytest.approx(20_000 / 45_000)
    assert [bar["holds"] for bar in document["bars"]] == [True] * len(BARS)


def test_only_the_part_between_the_markers_of_a_page_is_replaced() -> None:
    page = "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nz\n"
    assert with_part(page, "bench", "new\n") == "a\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nz\n"
    with pytest.raises(ValueError, match="neighbours"):
        with_part(page, "neighbours", "new\n")


def test_the_neighbours_table_has_a_column_for_each_and_says_what_is_missing_or_failed() -> None:
    ours = Figures("Lambent", "0.1.0", "sandboxes", "yes", 0.51, 0.62, 90, {"Python": {8: Rate(18_000, 0.31)}})
    theirs = Figures("Other", "9.9", "processes", "no", first_ms={"Python": 250.4}, failures=["no answer"])
    text = neighbours_as_markdown("2 cores", [ours, theirs])
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in map(_cells, text.splitlines())}
    assert rows[""] == ["Lambent 0.1.0", "Other 9.9"]
    assert rows["start to first HTTP answer"][0] == "0.51 s"
    assert rows["Python: warm, 8 clients"] == ["18,000/s, p50 0.31 ms", "none"]
    assert rows["Python: first invocation of a new function"] == ["none", "250.4 ms"]
    assert "Other failed: no answer\n" in text


def _cells(line: str) -> list[str]:
    return line.split("|") if line.startswith("| ") else ["", "not a row", ""]
