"""What is measured of each emulator, by the same steps."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import load, processes
from bench.neighbours.emulators import LANGUAGES, NEW_FUNCTIONS, PYTHON, Emulator, Running

CLIENTS = (1, 8, 32)
BURST = 20
_BURST_SECONDS = 1.0
_BUSY_SECONDS = 0.3
_WARM_UP_SECONDS = 1.0
_IDLE_SECONDS = 2.0
_PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Rate:
    """Warm invocations by one number of clients."""

    rate: float
    p50_ms: float


@dataclass(slots=True)
class Figures:
    """Of one emulator; what it has no counterpart of, or failed at, is missing and named in `failures`.

    Attributes:
        first_ms: by language, a new function's first invocation, as soon as it is active; median.
        created_ms: by language, from sending CreateFunction to that answer; median.
        burst_ms: how much longer invocations at once took, of which each takes a second.
        memory_mb: proportional set size of all its processes, idle after the start.
    """

    name: str
    version: str
    isolates: str
    verifies: str
    listening_seconds: float = 0
    first_answer_seconds: float = 0
    memory_mb: float = 0
    warm: dict[str, dict[int, Rate]] = field(default_factory=dict)
    first_ms: dict[str, float] = field(default_factory=dict)
    created_ms: dict[str, float] = field(default_factory=dict)
    burst_ms: float | None = None
    failures: list[str] = field(default_factory=list)


def measure(emulator: Emulator, folder: Path, *, seconds: float) -> Figures:
    """Install, start twice, measure: the first start fills caches and isn't looked at."""
    figures = Figures(emulator.name, emulator.install(), emulator.isolates, emulator.verifies)
    for number in range(2):
        place = folder / f"{emulator.name}-{number}"
        place.mkdir()
        with emulator.start(place) as running:
            _start(running, figures)
            if number:
                for step in _steps(running, figures, seconds):
                    try:
                        step()
                    except (load.WrongAnswer, OSError) as error:
                        figures.failures.append(str(error)[:200])
    return figures


def _steps(running: Running, figures: Figures, seconds: float) -> Iterator[Callable[[], None]]:
    for language in LANGUAGES:
        yield partial(_new_functions, running, language, figures)
        for clients in CLIENTS:
            yield partial(_warm, running, language, clients, figures, seconds)
    yield partial(_burst, running, figures)


def _start(running: Running, figures: Figures) -> None:
    """First answers; then, before anything else runs, memory."""
    _once(running, running.create(PYTHON, 0))
    figures.first_answer_seconds = time.perf_counter() - running.started
    figures.listening_seconds = running.listening_seconds
    time.sleep(_IDLE_SECONDS)
    figures.memory_mb = processes.pss_mb([running.pid, *processes.descendants(running.pid)])


def _new_functions(running: Running, language: str, figures: Figures) -> None:
    first, created = [], []
    for number in range(1, NEW_FUNCTIONS + 1):
        begun = time.perf_counter()
        first.append(_once(running, running.create(language, number)))
        created.append((time.perf_counter() - begun) * 1000)
        time.sleep(_PAUSE_SECONDS)
    figures.first_ms[language] = statistics.median(first)
    if running.creates:
        figures.created_ms[language] = statistics.median(created)


def _warm(running: Running, language: str, clients: int, figures: Figures, seconds: float) -> None:
    functions, port = running.functions, running.functions.target.port
    name = running.name(language, 1)
    load.run_once(port, functions.requests(name, clients, seconds=_BUSY_SECONDS))
    load.run(port, functions.requests(name, 100), clients=clients, seconds=_WARM_UP_SECONDS)
    outcome = load.run(port, functions.requests(name, 2000), clients=clients, seconds=seconds)
    figures.warm.setdefault(language, {})[clients] = Rate(outcome.rate, outcome.percentile_ms(50))


def _burst(running: Running, figures: Figures) -> None:
    requests = running.functions.requests(running.name(PYTHON, 2), BURST, seconds=_BURST_SECONDS)
    outcome = load.run_once(running.functions.target.port, requests)
    figures.burst_ms = (outcome.elapsed_seconds - _BURST_SECONDS) * 1000


def _once(running: Running, name: str) -> float:
    return load.run_once(running.functions.target.port, running.functions.requests(name, 1)).durations_ms[0]
