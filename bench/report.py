"""How results are shown: tables for people, also for docs/performance.md, and JSON."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

from bench.bars import BARS, Bar
from bench.deployment import RATE_MEMORY_MB
from bench.results import Results

_BEGIN, _END = "<!-- {}: begin -->\n", "<!-- {}: end -->"
_VERDICTS = {True: "yes", False: "NO", None: ""}


def as_json(results: Results, bars: Sequence[Bar] = BARS) -> str:
    """All figures, with the ratios that are derived from them, and the bars."""
    document = dataclasses.asdict(results)
    for client, measured in results.warm.items():
        for warm, figures in zip(measured, document["warm"][client], strict=True):
            figures["ratio"] = warm.ratio
    document["bars"] = [
        {"name": bar.name, "bound": bar.bound, **dataclasses.asdict(bar.judge(results))} for bar in bars
    ]
    return json.dumps(document, indent=2) + "\n"


def as_markdown(results: Results) -> str:
    """Tables that read well in a terminal too."""
    return "\n".join(_lines(results)) + "\n"


def with_part(page: str, name: str, text: str) -> str:
    """A page with a text between the markers of this name instead of what was there.

    Raises:
        ValueError: there are no such markers.
    """
    begin, end = _BEGIN.format(name), _END.format(name)
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no markers {begin.strip()} and {end}")
    return f"{before}{begin}{text}{end}{after}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, its columns aligned, all but the first to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def render(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    yield render(head)
    yield "|" + "|".join(("-" * (width + 1) + (":" if column else "-")) for column, width in enumerate(widths)) + "|"
    for row in lines[1:]:
        yield render(row)


def _lines(results: Results) -> Iterator[str]:
    yield f"Lambent {results.version}, {results.runtimes}, on {results.machine}."
    for part in (_warm(results), _cold(results), _others(results), _findings(results), _bars(results)):
        lines = list(part)
        if lines:
            yield ""
            yield from lines


def _warm(results: Results) -> Iterator[str]:
    if not results.warm:
        return
    yield f"Warm invocations, SigV4 verified, logs and metrics on, MemorySize {RATE_MEMORY_MB}; CPU is per 1,000:"
    yield ""
    yield from table(
        (
            "runtime client",
            "clients",
            "per second",
            "p50 ms",
            "p99 ms",
            "CPU server",
            "CPU runtime",
            "raw hello",
            "ratio",
        ),
        (
            (
                client,
                str(warm.clients),
                f"{warm.rate:,.0f}",
                f"{warm.p50_ms:.3f}",
                f"{warm.p99_ms:.2f}",
                f"{warm.server_cpu_us:.1f} ms",
                f"{warm.runtime_cpu_us:.1f} ms",
                f"{warm.hello_rate:,.0f}/s, {warm.hello_p50_ms:.3f} ms",
                f"{warm.ratio:.2f}",
            )
            for client, measured in results.warm.items()
            for warm in measured
        ),
    )


def _cold(results: Results) -> Iterator[str]:
    if not results.cold:
        return
    yield "Cold starts, full isolation, through the API, request to answer:"
    yield ""
    yield from table(
        ("function", "samples", "p50", "p95", "of it Init Duration", "p50 × raw hello"),
        (
            (
                kind,
                str(cold.samples),
                f"{cold.p50_ms:.1f} ms",
                f"{cold.p95_ms:.1f} ms",
                f"{cold.init_ms:.1f} ms",
                f"{cold.p50_ms / cold.hello_p50_ms:,.0f}",
            )
            for kind, cold in results.cold.items()
        ),
    )


def _others(results: Results) -> Iterator[str]:
    rows = list(_other_figures(results))
    if rows:
        yield from table(("other figures", ""), rows)


def _other_figures(results: Results) -> Iterator[tuple[str, str]]:
    for burst in results.bursts.values():
        yield f"burst of {burst.concurrency:,}", f"{burst.per_second:,.0f} environments/s"
    if memory := results.memory:
        yield "memory of the idle server (RSS)", f"{memory.server_rss_mb:.1f} MiB"
        yield (
            f"one of {memory.environments} idle environments, by difference (PSS)",
            f"{memory.environment_pss_mb:.2f} MiB",
        )
        yield "of which the init", f"{memory.init_pss_mb:.2f} MiB"
        yield "of which the runtime process", f"{memory.runtime_pss_mb:.2f} MiB"
    if idle := results.idle:
        yield (
            f"CPU of {idle.environments:,} idle environments in {idle.seconds:g} s",
            f"{idle.environments_cpu_seconds:.3f} s",
        )
        yield "CPU of their server meanwhile", f"{idle.server_cpu_seconds:.3f} s"
    if start := results.start:
        yield "start to first HTTP answer", f"{start.listening_seconds:.2f} s"
        yield "start to a function's first answer", f"{start.first_answer_seconds:.2f} s"
        yield "raw hello's start to first answer", f"{start.hello_seconds:.2f} s"
    if update := results.update:
        yield "UpdateFunctionCode to first new answer, p50", f"{update.p50_ms:.1f} ms"
        yield "UpdateFunctionCode to first new answer, p95", f"{update.p95_ms:.1f} ms"
    for client, reload in results.reload.items():
        yield f"a saved file to its first answer, {client}, p50", f"{reload.p50_ms:.1f} ms"
        yield f"a saved file to its first answer, {client}, p95", f"{reload.p95_ms:.1f} ms"
    if flood := results.flood:
        yield f"flood of one function by {flood.flood_clients} clients", f"{flood.flood_rate:,.0f}/s"
        yield "another's warm p50, alone → meanwhile", f"{flood.quiet_p50_ms:.3f} → {flood.flooded_p50_ms:.3f} ms"
        yield (
            "raw hello's p50, alone → meanwhile",
            f"{flood.hello_quiet_p50_ms:.3f} → {flood.hello_flooded_p50_ms:.3f} ms",
        )
    yield from _urls(results)
    if flat := results.flat:
        yield f"{flat.functions:,} functions created through the API", f"{flat.created_per_second:,.0f}/s"
        yield "memory of their server (RSS)", f"{flat.server_rss_mb:.1f} MiB"
        yield "start of their server to a function's first answer", f"{flat.start_seconds:.2f} s"
        yield "warm rate at 8 clients, with one → with them", f"{flat.rate_with_one:,.0f} → {flat.rate:,.0f}/s"
        for operation, pair in flat.operations.items():
            yield f"{operation}, p50, with one → with them", f"{pair.few_ms:.1f} → {pair.many_ms:.1f} ms"
        yield "cold start p50, with one → with them", f"{flat.cold_p50_with_one_ms:.1f} → {flat.cold_p50_ms:.1f} ms"
    if events := results.events:
        yield f"events of 1 KB accepted durably, {events.clients} clients", f"{events.accepted_rate:,.0f}/s"
        yield "one of them, p50 and p99", f"{events.p50_ms:.2f}, {events.p99_ms:.1f} ms"
        yield "CPU of the server for 1,000 accepted events", f"{events.accept_cpu_us:.1f} ms"
        yield "the disk by itself: writes with fdatasync", f"{events.syncs_per_second:,.0f}/s"
        yield f"events run from a full queue, {events.drain_concurrency} at a time", f"{events.drain_rate:,.0f}/s"
        yield "CPU of the server for 1,000 of them", f"{events.drain_cpu_us:.1f} ms"
    if isolation := results.isolation:
        yield "runtime processes whose isolation was looked at", str(isolation.processes)
        yield "attempts from inside", str(isolation.attempts)


def _urls(results: Results) -> Iterator[tuple[str, str]]:
    for cost in results.urls:
        yield (
            f"rate at {cost.clients} client{'s' * (cost.clients > 1)}, Invoke → function URL",
            f"{cost.invoke_rate:,.0f} → {cost.rate:,.0f}/s",
        )
        yield "p50 of the same", f"{cost.invoke_p50_ms:.3f} → {cost.p50_ms:.3f} ms"
        yield "server's CPU, of Invoke's", f"{cost.server_cpu_ratio:.2f} ×"
    if first_byte := results.first_byte:
        yield "a stream's first byte, function to caller, p50", f"{first_byte.p50_ms:.3f} ms"
        yield "a stream's first byte, function to caller, p95", f"{first_byte.p95_ms:.3f} ms"


def _findings(results: Results) -> Iterator[str]:
    if results.isolation and results.isolation.findings:
        yield "Isolation doesn't hold:"
        yield ""
        yield from (f"- {finding}" for finding in results.isolation.findings)


def _bars(results: Results) -> Iterator[str]:
    verdicts = ((bar, bar.judge(results)) for bar in BARS)
    yield from table(
        ("bar", "bound", "measured", "holds"),
        ((bar.name, bar.bound, verdict.figure, _VERDICTS[verdict.holds]) for bar, verdict in verdicts),
    )
