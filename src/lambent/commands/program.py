"""How a shell finds this program: what the commands that it tells people to type begin with."""

import os
import shlex
import shutil
import sys
from pathlib import Path

_NAME = "lambent"


def program(started_as: str) -> str:
    """`lambent` where that is on the PATH, else the shortest path to it that works in the current folder.

    Args:
        started_as: `sys.argv[0]`.
    """
    if Path(started_as).name != _NAME:
        return f"{_shortest(sys.executable)} -m {_NAME}"
    on_path = shutil.which(_NAME)
    if on_path is not None and Path(on_path).resolve() == Path(started_as).resolve():
        return _NAME
    return _shortest(started_as)


def _shortest(path: str) -> str:
    relative = os.path.relpath(path)
    if relative.startswith(os.pardir):
        return shlex.quote(path)
    return shlex.quote(relative if os.sep in relative else f"./{relative}")
