"""How results are shown: a table for people, also for docs/performance.md, and JSON."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

from bench.bars import BARS
from bench.results import Results
from bench.scenarios import RATE_MEMORY_MB, Cold


def as_json(results: Results) -> str:
    """All figures, with the ratios that are derived from them."""
    document = dataclasses.asdict(results)
    for warm, figures in zip(results.warm, document["warm"], strict=True):
        figures["ratio"] = warm.ratio
    return json.dumps(document, indent=2) + "\n"


def as_markdown(results: Results) -> str:
    """Tables that read well in a terminal too."""
    return "\n".join(_lines(results)) + "\n"


def with_tables(page: str, results: Results) -> str:
    """A page with the tables between its markers instead of what was there."""
    before, begin, rest = page.partition("<!-- bench: begin -->\n")
    _, end, after = rest.partition("<!-- bench: end -->")
    if not end:
        raise ValueError("the page has no bench markers")
    return f"{before}{begin}{as_markdown(results)}{end}{after}"


def _lines(results: Results) -> Iterator[str]:
    yield f"Lambent {results.version}, {results.runtime}, on {results.machine}."
    yield ""
    yield f"Warm invocations, SigV4 verified, logs on, MemorySize {RATE_MEMORY_MB}:"
    yield ""
    yield from _table(
        ("clients", "per second", "p50 ms", "p99 ms", "server CPU", "runtime CPU", "raw hello", "ratio"),
        (
            (
                str(warm.clients),
                f"{warm.rate:,.0f}",
                f"{warm.p50_ms:.3f}",
                f"{warm.p99_ms:.2f}",
                f"{warm.server_cpu_us:.1f} ms",
                f"{warm.runtime_cpu_us:.1f} ms",
                f"{warm.hello_rate:,.0f}/s, {warm.hello_p50_ms:.3f} ms",
                f"{warm.ratio:.2f}",
            )
            for warm in results.warm
        ),
    )
    yield ""
    yield "CPU is per 1,000 invocations."
    yield ""
    hello_ms = results.warm_at(1).hello_p50_ms
    yield from _table(
        ("other figures", "", "× raw hello"),
        (
            *_cold("cold start of a new function", results.cold_new, hello_ms),
            *_cold("cold start after a change", results.cold_again, hello_ms),
            *(
                (f"burst of {burst.concurrency}", f"{burst.per_second:,.0f} environments/s", "")
                for burst in results.bursts
            ),
            ("memory of an idle environment (PSS)", f"{results.memory.environment_pss_mb:.1f} MiB", ""),
            ("memory of the idle server (RSS)", f"{results.memory.server_rss_mb:.1f} MiB", ""),
            ("start to first HTTP answer", f"{results.start.listening_seconds:.2f} s", ""),
            (
                "start to a function's first answer",
                f"{results.start.first_answer_seconds:.2f} s",
                f"{results.start_ratio:.1f}",
            ),
        ),
    )
    yield ""
    yield from _table(
        ("bar", "bound", "measured", "holds"),
        ((bar.name, bar.bound, bar.figure(results), "yes" if bar.holds(results) else "NO") for bar in BARS),
    )


def _cold(what: str, cold: Cold, hello_ms: float) -> Iterator[tuple[str, str, str]]:
    for name, milliseconds in (("p50", cold.p50_ms), ("p95", cold.p95_ms)):
        yield f"{what}, {name}", f"{milliseconds:.1f} ms", f"{milliseconds / hello_ms:.0f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
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
