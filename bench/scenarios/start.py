"""From the start of the server's process to its first answers."""

import time
from pathlib import Path

from bench import load, packages
from bench.deployment import Functions
from bench.processes import Lambent, hello_server, lambent_server
from bench.results import Results, Start
from bench.run import Options

FUNCTION = "start"


def start(folder: Path, options: Options, results: Results) -> None:
    """The best of several starts on a data directory that has a function, and of raw hello's starts between."""
    data_directory, log = folder / "start", folder / "log"
    with lambent_server(data_directory, log) as lambent:
        credentials = lambent.target.credentials
        Functions(lambent.target).create(FUNCTION, packages.python(options.python, "start"))
    starts, hello_seconds = [], []
    for _ in range(options.rounds):
        with hello_server() as hello:
            hello_seconds.append(hello.listening_seconds)
        with lambent_server(data_directory, log, credentials) as lambent:
            starts.append((first_answer_seconds(lambent), lambent.listening_seconds))
    first_answer, listening = min(starts)
    results.start = Start(listening, first_answer, min(hello_seconds))


def first_answer_seconds(lambent: Lambent) -> float:
    """From the start of a server's process, just now, to the first answer of its function."""
    load.run_once(lambent.target.port, Functions(lambent.target).requests(FUNCTION, 1))
    return time.perf_counter() - lambent.started
