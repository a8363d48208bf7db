"""The neighbours' figures as a table and as JSON."""

import dataclasses
import json
from collections.abc import Iterator, Sequence

from bench.neighbours.emulators import LANGUAGES
from bench.neighbours.measure import BURST, CLIENTS, Figures, Rate
from bench.report import table

_NONE = "none"


def as_json(measured: Sequence[Figures]) -> str:
    """All figures."""
    return json.dumps([dataclasses.asdict(figures) for figures in measured], indent=2) + "\n"


def as_markdown(machine: str, measured: Sequence[Figures]) -> str:
    """A table with a column for each, and what failed."""
    lines = [f"On {machine}.", ""]
    lines += table(("", *(f"{figures.name} {figures.version}" for figures in measured)), _rows(measured))
    for figures in measured:
        lines += [f"\n{figures.name} failed: {failure}" for failure in figures.failures]
    return "\n".join(lines) + "\n"


def _rows(measured: Sequence[Figures]) -> Iterator[tuple[str, ...]]:
    def row(name: str, *cells: str) -> tuple[str, ...]:
        return (name, *cells)

    yield row("functions run in", *(figures.isolates for figures in measured))
    yield row("verifies signatures", *(figures.verifies for figures in measured))
    yield row("start to first HTTP answer", *(f"{figures.listening_seconds:.2f} s" for figures in measured))
    yield row(
        "start to a Python function's first answer", *(f"{figures.first_answer_seconds:.2f} s" for figures in measured)
    )
    yield row("memory with one idle function (PSS)", *(f"{figures.memory_mb:.0f} MiB" for figures in measured))
    for language in LANGUAGES:
        yield row(
            f"{language}: first invocation of a new function", *(_time(f.first_ms.get(language)) for f in measured)
        )
        yield row(f"{language}: CreateFunction to first answer", *(_time(f.created_ms.get(language)) for f in measured))
        for clients in CLIENTS:
            rates = (figures.warm.get(language, {}).get(clients) for figures in measured)
            yield row(
                f"{language}: warm, {clients} clients" if clients > 1 else f"{language}: warm, 1 client",
                *map(_rate, rates),
            )
    yield row(f"burst of {BURST}, beyond the second each takes", *(_time(figures.burst_ms) for figures in measured))


def _time(milliseconds: float | None) -> str:
    return _NONE if milliseconds is None else f"{milliseconds:.1f} ms"


def _rate(rate: Rate | None) -> str:
    return _NONE if rate is None else f"{rate.rate:,.0f}/s, p50 {rate.p50_ms:.2f} ms"
