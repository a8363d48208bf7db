"""The bench measures what it says, and its bars decide as they say."""

import dataclasses
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bench import load
from bench.bars import BARS
from bench.processes import hello_server
from bench.report import as_json, as_markdown, with_tables
from bench.results import Results
from bench.scenarios import Burst, Cold, Memory, Start, Warm
from lambent.commands.signature import Credentials

_TARGET = load.Target(80, Credentials("AKID", "secret"))
_WARM = Warm(1, 12_000, 0.2, 1.0, 20, 20, 10, 45_000, 0.02)
_GOOD = Results(
    version="0.1.0",
    machine="2 cores",
    runtime="python3.13",
    start=Start(0.3, 0.5),
    hello_start_seconds=0.1,
    memory=Memory(60, 2),
    warm=(_WARM,),
    cold_new=Cold(60, 8, 11),
    cold_again=Cold(60, 7, 10),
    bursts=(Burst(50, 300),),
)


def _missed(results: Results) -> list[str]:
    return [bar.name for bar in BARS if not bar.holds(results)]


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


def test_all_bars_hold_for_good_figures() -> None:
    assert _missed(_GOOD) == []


def test_a_busy_machine_meets_a_bar_by_processor_time_and_by_ratio() -> None:
    warm = dataclasses.replace(_WARM, rate=6_000, p50_ms=0.5, hello_rate=20_000, hello_p50_ms=0.1)
    assert _missed(dataclasses.replace(_GOOD, warm=(warm,), cold_new=Cold(60, 20, 30))) == []


def test_each_missed_bar_is_named() -> None:
    warm = dataclasses.replace(_WARM, rate=6_000, p50_ms=0.5, server_cpu_us=90)
    bad = dataclasses.replace(
        _GOOD, warm=(warm,), cold_again=Cold(60, 30, 40), memory=Memory(81, 2), start=Start(0.6, 1.6)
    )
    assert _missed(bad) == [bar.name for bar in BARS]


def test_the_report_has_every_figure() -> None:
    text = as_markdown(_GOOD)
    for figure in (
        "12,000",
        "0.200",
        "8.0 ms",
        "10.0 ms",
        "300 environments/s",
        "60.0 MiB",
        "2.0 MiB",
        "0.30 s",
        "0.50 s",
    ):
        assert figure in text
    assert json.loads(as_json(_GOOD))["warm"][0]["ratio"] == pytest.approx(12_000 / 45_000)
    page = "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nz\n"
    assert with_tables(page, _GOOD) == f"a\n<!-- bench: begin -->\n{text}<!-- bench: end -->\nz\n"
