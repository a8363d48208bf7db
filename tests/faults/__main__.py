"""`make faults`: kill a real server a hundred times, and say what became of the events that it had accepted."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.report import table, with_part
from tests.faults.kills import kill_again_and_again


def main() -> int:
    """0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--page", type=Path, help="a page whose part between the faults markers becomes the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lambent-faults-") as directory:
        outcome = kill_again_and_again(Path(directory), kills=arguments.kills)
    text = "\n".join(table(("", "one run"), outcome.lines())) + "\n"
    sys.stdout.write(text)
    sys.stdout.writelines(f"LOST {event}\n" for event in outcome.lost)
    sys.stdout.writelines(f"WRONG {event}\n" for event in outcome.wrong)
    if arguments.page:
        arguments.page.write_text(with_part(arguments.page.read_text(encoding="utf-8"), "faults", text))
    return 1 if outcome.lost or outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
