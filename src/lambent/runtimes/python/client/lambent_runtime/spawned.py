"""The program of a runtime process that is started by itself, where nothing is at the place that AWS has it.

spawned.py python TASK_ROOT LAYERS_ROOT RUNTIME_ROOT      waits for INIT, then runs the function
spawned.py again TASK_ROOT LAYERS_ROOT RUNTIME_ROOT       the same, in an interpreter started with its variables
spawned.py interpreter TASK_ROOT COMMAND…                 waits for INIT, then becomes another interpreter
spawned.py bootstrap TASK_ROOT CANDIDATE…                 waits for INIT, then becomes the first one there is
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lambent_runtime import executed, process_end, runtime, search_path  # found only now: this is a script
from lambent_runtime.frames import FRAMES_FD, Channel, ChannelClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# As the zygote's: the host's own packages aren't the function's, and its user's neither.
_FLAGS = ("-s", "-S", "-B", "-u")


def main(kind: str, *arguments: str) -> NoReturn:
    """Program entry."""
    if kind == "interpreter":
        executed.run_interpreter(FRAMES_FD, arguments[1:], arguments[0])
    if kind == "bootstrap":
        executed.run_bootstrap(FRAMES_FD, arguments[1:], arguments[0])
    task_root, layers_root, runtime_root = arguments
    layout = runtime.Layout(task_root, layers_root, runtime_root, sys.executable, os.path.abspath(__file__))
    own = search_path.interpreter_entries()
    try:
        channel = Channel(FRAMES_FD)
        if kind == "python":
            init = executed.receive_init(channel)
            executed.take_environment(init, layout.task_root)
            if init["exec"]:
                command = [layout.interpreter, *_FLAGS, layout.script, "again", *arguments]
                executed.execute_interpreter(FRAMES_FD, command)
        sys.argv = [layout.script]
        runtime.start(channel, layout, own)
    except ChannelClosed:
        os._exit(1)
    except BaseException as error:
        process_end.end(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
