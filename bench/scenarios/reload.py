"""How long a saved file takes to be in force (hot reload)."""

import statistics
import time
from pathlib import Path

from bench.deployment import Functions
from bench.processes import lambent_server
from bench.results import NODE, PYTHON, Results, Update
from bench.run import Options, yardstick
from lambent.commands.signature import Credentials

_SAMPLES = 20
_PAUSE_SECONDS = 0.5
_CREDENTIALS = Credentials("AKID", "secret")
_SOURCES = {
    PYTHON: ("app.py", "def handler(event, context):\n    return {number}\n"),
    NODE: ("app.mjs", "export const handler = async () => {number};\n"),
}


def reload(folder: Path, options: Options, hello_port: int, results: Results) -> None:
    """From saving a file to having the answer of the new code, at one client, with half a second between."""
    projects = folder / "projects"
    with lambent_server(folder / "dev", folder / "dev.log", _CREDENTIALS, folders=projects) as lambent:
        functions = Functions(lambent.target)
        for client, runtime in ((PYTHON, options.python), (NODE, options.node)):
            if runtime:
                with yardstick(hello_port) as hello:
                    durations = _durations(functions, projects / client, client, runtime)
                p95_ms = statistics.quantiles(durations, n=20, method="inclusive")[18]
                results.reload[client] = Update(len(durations), statistics.median(durations), p95_ms, hello.p50_ms)


def _durations(functions: Functions, project: Path, client: str, runtime: str) -> list[float]:
    """Milliseconds, of each save."""
    project.mkdir(parents=True)
    name, source = _SOURCES[client]
    file = project / name
    file.write_text(source.replace("{number}", "0"))
    functions.create_from_folder(f"reload-{client}", project, runtime)
    functions.invoke(f"reload-{client}")
    durations = []
    for number in range(1, _SAMPLES + 1):
        time.sleep(_PAUSE_SECONDS)
        begun = time.perf_counter()
        file.write_text(source.replace("{number}", str(number)))
        answer = functions.invoke(f"reload-{client}").payload
        durations.append((time.perf_counter() - begun) * 1000)
        if answer != number:
            raise RuntimeError(f"{client}: the answer after saving {number} is {answer}")
    return durations
