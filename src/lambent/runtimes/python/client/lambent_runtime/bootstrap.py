"""The script of an executed interpreter: a function's process that was not forked from the zygote.

`runtime.main` has taken the environment from INIT already, and a wrapper script may have changed it since.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambent_runtime.runtime import Layout


def main(layout: Layout | None = None) -> NoReturn:
    """Run the function in this interpreter; never returns. layout: where things are, if not where AWS has them."""
    from lambent_runtime import frames, runtime, search_path  # noqa: PLC0415  # found only once this is a script

    own = search_path.interpreter_entries()
    runtime.start(frames.Channel(frames.FRAMES_FD), layout or runtime.Layout(), own)


if __name__ == "__main__":
    # PYTHONPATH is the function's to set, so that /var/runtime need not be on it.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
