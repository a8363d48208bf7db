"""What must hold: `make bench` fails when a bar is missed.

A bar on time or rate is met by the figure itself or, on a machine that is slower or busier than the reference machine
(2 cores; raw hello p50 at one client 0.022 ms, started in 0.06 s), by its ratio to the raw hello of the same minute.
The ratios are stricter than the figures on the reference machine, so that there they excuse nothing. A rate's second
way is processor time, with which the reference machine would serve more than the bar: where others compete for the
cores, raw hello loses more of its rate than Lambent does. Sizes, and ratios themselves, have no such second way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bench.results import (
    AWSLAMBDARIC,
    COLD_BOTO3,
    COLD_NODE_EXEC,
    COLD_NODE_STEM,
    COLD_PROVIDED,
    COLD_REQUESTS,
    NODE,
    PYTHON,
    Cold,
    Results,
    UrlCost,
    Warm,
)

T = TypeVar("T")

NOT_MEASURED = "not measured"
_KINDS = 5
"""The ways in which a runtime process begins."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar's figure as it is shown, and whether the bar is met; None where it wasn't measured."""

    figure: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        name: what is measured.
        bound: the bar in words.
        judge: the figure and whether it will do.
    """

    name: str
    bound: str
    judge: Callable[[Results], Verdict]


def _bar(name: str, bound: str, of: Callable[[Results], T | None], judge: Callable[[T], tuple[str, bool]]) -> Bar:
    """A bar on one part of the results, which may be missing."""

    def verdict(results: Results) -> Verdict:
        part = of(results)
        return Verdict(NOT_MEASURED, None) if part is None else Verdict(*judge(part))

    return Bar(name, bound, verdict)


def _milliseconds(
    name: str,
    limit_ms: float,
    times_hello: float,
    of: Callable[[Results], T | None],
    pair: Callable[[T], tuple[float, float]],
) -> Bar:
    """A bar on a time, or on its ratio to the raw hello's; `pair` has both in milliseconds."""

    def judge(part: T) -> tuple[str, bool]:
        milliseconds, hello_ms = pair(part)
        figure = f"{_short(milliseconds)} ms, {milliseconds / hello_ms:,.1f} × hello"
        return figure, milliseconds <= max(limit_ms, times_hello * hello_ms)

    return _bar(name, f"≤ {limit_ms:g} ms, or ≤ {times_hello:,g} × hello", of, judge)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.3f}" if milliseconds < 1 else f"{milliseconds:.1f}"


def _rate(client: str, least: float, cpu: str, most_cpu_ms: float, cpu_of: Callable[[Warm], float]) -> Bar:
    def judge(warm: Warm) -> tuple[str, bool]:
        figure = f"{warm.rate:,.0f}/s, {cpu_of(warm):.1f} ms"
        return figure, warm.rate >= least or cpu_of(warm) <= most_cpu_ms

    bound = f"≥ {least:,}/s, or ≤ {most_cpu_ms} ms CPU per 1,000 ({cpu})"
    return _bar(f"warm {client}, best rate, signed", bound, lambda run: run.best_warm(client), judge)


def _cold(what: str, limit_ms: float, times_hello: float, kind: str) -> Bar:
    return _milliseconds(what, limit_ms, times_hello, lambda run: run.cold.get(kind), _p50)


def _p50(cold: Cold) -> tuple[float, float]:
    return cold.p50_ms, cold.hello_p50_ms


def _reload(client: str) -> Bar:
    return _milliseconds(
        f"a saved file to its first answer, {client}, p95",
        100,
        4_000,
        lambda run: run.reload.get(client),
        lambda reload: (reload.p95_ms, reload.hello_p50_ms),
    )


def _url(clients: int, what: str, ratio_of: Callable[[UrlCost], float]) -> Bar:
    return _bar(
        f"function URL, {what} at {clients} client{'s' * (clients > 1)}, of Invoke's cost",
        "≤ 1.3",
        lambda run: run.url_at(clients),
        lambda cost: (f"{ratio_of(cost):.2f}", ratio_of(cost) <= 1.3),
    )


def _burst(concurrency: int, least: float, times_hello: float) -> Bar:
    return _bar(
        f"burst of {concurrency:,}",
        f"≥ {least}/s, or ≤ {times_hello:g} × hello each",
        lambda run: run.bursts.get(concurrency),
        lambda burst: (
            f"{burst.per_second:,.0f}/s, {burst.each_ms / burst.hello_p50_ms:.0f} × hello",
            burst.per_second >= least or burst.each_ms <= times_hello * burst.hello_p50_ms,
        ),
    )


BARS = (
    _rate(PYTHON, 18_000, "server", 45, lambda warm: warm.server_cpu_us),
    _bar(
        "warm Python, CPU per 1,000, server and runtime",
        "≤ 60 ms",
        lambda run: run.best_warm(PYTHON),
        lambda warm: (f"{warm.cpu_us:.1f} ms", warm.cpu_us <= 60),
    ),
    _milliseconds(
        "warm Python, one client, p50 added to hello's",
        0.15,
        6,
        lambda run: run.warm_at(PYTHON, 1),
        lambda warm: (warm.added_ms, warm.hello_p50_ms),
    ),
    _rate(AWSLAMBDARIC, 8_000, "server and runtime", 200, lambda warm: warm.cpu_us),
    _rate(NODE, 12_000, "server and runtime", 130, lambda warm: warm.cpu_us),
    _milliseconds("cold Python, p50", 5, 200, Results.cold_python, _p50),
    _milliseconds("cold Python, p95", 10, 400, Results.cold_python, lambda cold: (cold.p95_ms, cold.hello_p50_ms)),
    _cold("cold provided, p50", 6, 240, COLD_PROVIDED),
    _cold("cold Node, executed, p50", 30, 1_200, COLD_NODE_EXEC),
    _cold("cold Node, from a stem, p50", 8, 320, COLD_NODE_STEM),
    _cold("cold Python that imports requests, p50", 60, 2_400, COLD_REQUESTS),
    _cold("cold Python with boto3 in the package, p50", 300, 12_000, COLD_BOTO3),
    _burst(200, 300, 130),
    _burst(1000, 200, 200),
    _bar(
        "idle environment, PSS",
        "≤ 2.5 MiB",
        lambda run: run.memory,
        lambda memory: (f"{memory.environment_pss_mb:.2f} MiB", memory.environment_pss_mb <= 2.5),
    ),
    _bar(
        "1,000 idle environments and their server, CPU in 3 s",
        "≤ 0.03 s",
        lambda run: run.idle,
        lambda idle: (f"{idle.cpu_seconds:.3f} s", idle.cpu_seconds <= 0.03),
    ),
    _bar(
        "server, idle",
        "≤ 80 MiB",
        lambda run: run.memory,
        lambda memory: (f"{memory.server_rss_mb:.1f} MiB", memory.server_rss_mb <= 80),
    ),
    _bar(
        "start to a function's first answer",
        "≤ 1 s, or ≤ 15 × hello",
        lambda run: run.start,
        lambda start: (
            f"{start.first_answer_seconds:.2f} s, {start.ratio:.1f} × hello",
            start.first_answer_seconds <= 1 or start.ratio <= 15,
        ),
    ),
    _milliseconds(
        "UpdateFunctionCode to the first new answer, p50",
        50,
        2_000,
        lambda run: run.update,
        lambda update: (update.p50_ms, update.hello_p50_ms),
    ),
    _reload(PYTHON),
    _reload(NODE),
    _bar(
        "warm rate with 10,000 functions, of that with one",
        "≥ 0.9",
        lambda run: run.flat,
        lambda flat: (f"{flat.rate_ratio:.2f}", flat.rate_ratio >= 0.9),
    ),
    _bar(
        "cold start with 10,000 functions, of that with one",
        "≤ 1.2",
        lambda run: run.flat,
        lambda flat: (f"{flat.cold_ratio:.2f}", flat.cold_ratio <= 1.2),
    ),
    _bar(
        "control plane with 10,000 functions, of that with one",
        "≤ 1.5",
        lambda run: run.flat if run.flat and run.flat.operations else None,
        lambda flat: (f"{flat.operations_ratio:.2f}", flat.operations_ratio <= 1.5),
    ),
    _bar(
        "start with 10,000 functions to a function's first answer",
        "≤ 2 s",
        lambda run: run.flat,
        lambda flat: (f"{flat.start_seconds:.2f} s", flat.start_seconds <= 2),
    ),
    _bar(
        "warm p50 while another function is flooded, of that alone",
        "≤ 2",
        lambda run: run.flood,
        lambda flood: (f"{flood.ratio:.2f}", flood.ratio <= 2),
    ),
    _url(1, "p50", lambda cost: cost.p50_ratio),
    _url(8, "rate", lambda cost: cost.rate_ratio),
    _milliseconds(
        "a stream's first byte, function to caller, p50",
        1,
        40,
        lambda run: run.first_byte,
        lambda first_byte: (first_byte.p50_ms, first_byte.hello_p50_ms),
    ),
    _bar(
        "events of 1 KB accepted durably",
        "≥ 12,000/s, or ≤ 80 ms CPU per 1,000 (server)",
        lambda run: run.events,
        lambda events: (
            f"{events.accepted_rate:,.0f}/s, {events.accept_cpu_us:.1f} ms",
            events.accepted_rate >= 12_000 or events.accept_cpu_us <= 80,
        ),
    ),
    _bar(
        "isolation",
        f"{_KINDS} kinds of environments, nothing found",
        lambda run: run.isolation,
        lambda isolation: (
            f"{len(isolation.kinds)} kinds, {len(isolation.findings)} found",
            len(isolation.kinds) == _KINDS and isolation.processes > 0 and not isolation.findings,
        ),
    ),
)
