"""Measure Lambent and its neighbours by the same steps, one after the other."""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.neighbours.emulators import NODE, PYTHON, Emulator, Lambent, MiniStack, ServerlessOffline
from bench.neighbours.measure import measure
from bench.neighbours.report import as_json, as_markdown
from bench.processes import newest_node
from bench.report import with_part


def main() -> int:
    """Measure those that are asked for; 0 unless one can't be had."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--only", help="comma-separated names, without regard to case")
    parser.add_argument("--seconds", type=float, default=3, help="of load for each number of clients")
    parser.add_argument("--runtime", default=f"python3.{sys.version_info.minor}", help="of Python functions")
    parser.add_argument("--node-runtime", help="of JavaScript functions; default: the newest that this machine has")
    parser.add_argument("--cache", type=Path, default=Path(".cache/neighbours"), help="where they are installed")
    parser.add_argument("--output", type=Path, default=Path("bench/neighbours.json"), help="where the figures go")
    parser.add_argument("--page", type=Path, help="a page whose part between the markers becomes the table")
    options = parser.parse_args()
    cache = options.cache.resolve()
    runtimes = {PYTHON: options.runtime, NODE: options.node_runtime or newest_node()}
    emulators: tuple[Emulator, ...] = (
        Lambent(runtimes),
        MiniStack(runtimes, cache),
        ServerlessOffline(runtimes, cache),
    )
    wanted = options.only.lower().split(",") if options.only else [emulator.name.lower() for emulator in emulators]
    measured = []
    with tempfile.TemporaryDirectory(prefix="lambent-bench-", ignore_cleanup_errors=True) as folder:
        for emulator in emulators:
            if emulator.name.lower() in wanted:
                sys.stderr.write(f"bench: {emulator.name}\n")
                measured.append(measure(emulator, Path(folder), seconds=options.seconds))
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}; {' and '.join(runtimes.values())}"
    text = as_markdown(machine, measured)
    print(text)
    options.output.write_text(as_json(measured))
    if options.page:
        page = options.page.read_text(encoding="utf-8")
        options.page.write_text(with_part(page, "neighbours", text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
