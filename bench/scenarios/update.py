"""How long other code takes to be in force."""

import statistics
import time

from bench import packages
from bench.results import Results, Update
from bench.run import Run

_SAMPLES = 20
_PAUSE_SECONDS = 0.05


def update(run: Run, results: Results) -> None:
    """From sending UpdateFunctionCode to having the first answer of the new code, which is asked for all the time."""
    functions, runtime = run.functions, run.options.python
    functions.create("update", packages.python(runtime, "old"))
    functions.invoke("update", {})
    durations: list[float] = []
    with run.yardstick() as hello:
        for number in range(min(_SAMPLES, run.options.samples)):
            package = packages.python(runtime, f"new {number}")
            time.sleep(_PAUSE_SECONDS)
            begun = time.perf_counter()
            functions.update_code("update", package)
            while functions.invoke("update", {}).payload != {"hello": f"new {number}"}:
                pass
            durations.append((time.perf_counter() - begun) * 1000)
            functions.wait("update")
    p95_ms = statistics.quantiles(durations, n=20, method="inclusive")[18]
    results.update = Update(len(durations), statistics.median(durations), p95_ms, hello.p50_ms)
