"""The script of an executed interpreter: a function's process that was not forked from the zygote.

`runtime.main` has taken the environment from INIT already, and a wrapper script may have changed it since.
"""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    from lambent_runtime import runtime, search_path
    from lambent_runtime.frames import FRAMES_FD, Channel

    runtime.start(Channel(FRAMES_FD), runtime.Layout(), search_path.interpreter_entries())
