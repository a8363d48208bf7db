"""From a blank process to a function's process.

`preload` runs once in the zygote, `main` in every process forked for an execution environment: locked down
already, in a root file system with the function's code, its stdout and stderr a pipe, the frames socket open.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes enums of numbers: 0.1 ms of a new process
import contextlib
import importlib
import os
import random
import sys
import threading
import types

from lambent_runtime import byte_code, executed, fork_hooks, invocations, process_end, rehearsal, search_path
from lambent_runtime.frames import Channel, ChannelClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# What functions commonly import: shared between all environments of a runtime instead of read by each.
# None of these starts a thread, opens a file or draws random numbers when it is imported: multiprocessing does.
_COMMON_MODULES = (
    "argparse", "ast", "asyncio", "base64", "binascii", "bisect", "calendar", "collections.abc", "concurrent.futures",
    "concurrent.futures.thread", "configparser", "contextlib", "contextvars", "copy", "csv", "ctypes", "dataclasses",
    "datetime", "decimal", "difflib", "email.message", "email.mime.multipart", "email.mime.text", "email.parser",
    "email.utils", "encodings.idna", "enum", "fnmatch", "fractions", "functools", "getpass", "glob", "gzip", "hashlib",
    "heapq", "hmac", "html", "html.parser", "http.client", "http.cookiejar", "http.cookies", "importlib.metadata",
    "importlib.resources", "inspect", "io", "ipaddress", "itertools", "locale", "math", "mimetypes", "mmap", "numbers",
    "operator", "pathlib", "pickle", "platform", "pprint", "queue", "quopri", "random", "re", "secrets", "select",
    "selectors", "shlex", "shutil", "signal", "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct",
    "subprocess", "tempfile", "textwrap", "threading", "timeit", "typing", "unicodedata", "urllib.error",
    "urllib.parse", "urllib.request", "uuid", "warnings", "weakref", "xml.etree.ElementTree", "zipfile", "zlib",
    "zoneinfo",
)  # fmt: skip

# Belong to the sandbox, not to the client: a function doesn't see them.
_SANDBOX_MODULES = ("fork_hooks", "holes", "init", "isolation", "launcher", "linux", "netns", "rehearsal", "zygote")


class Layout:
    """Where things are in the sandbox."""

    def __init__(
        self,
        task_root: str = executed.TASK_ROOT,
        layers_root: str = "/opt",
        runtime_root: str = "/var/runtime",
        interpreter: str = "/var/lang/bin/python%d.%d" % sys.version_info[:2],
        script: str = "",
    ) -> None:
        self.task_root = task_root
        self.layers_root = layers_root
        self.runtime_root = runtime_root
        self.interpreter = interpreter
        made = os.path.join(runtime_root, "byte-code")
        self.byte_code = {task_root: os.path.join(made, "task"), layers_root: os.path.join(made, "opt")}
        self.script = script or os.path.join(runtime_root, "lambent_runtime", "bootstrap.py")


class Preloaded:
    """What the zygote leaves to its children."""

    def __init__(self, interpreter_entries: list[str], modules: frozenset[str]) -> None:
        self.interpreter_entries = interpreter_entries
        self.modules = modules


# The one thing that the forked process has from the zygote by another way than arguments.
_preloaded = Preloaded([], frozenset())


def preload() -> None:
    """Import what the client and most functions need; for the zygote, once, before it forks."""
    global _preloaded
    entries = search_path.interpreter_entries()
    before = set(sys.modules)
    for name in _COMMON_MODULES:
        # An interpreter may be built without one (sqlite3, ssl); a function that imports it will be told.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    rehearsal.rehearse()
    added = {name.partition(".")[0] for name in set(sys.modules) - before}
    _preloaded = Preloaded(entries, frozenset(added - before))


def main(frames_fd: int, layout: Layout | None = None) -> NoReturn:
    """Wait for INIT, then run the function; never returns.

    Args:
        frames_fd: the frames socket. Descriptors 0, 1 and 2 are /dev/null and, twice, the log pipe.
        layout: where things are, if not where AWS has them.
    """
    layout = layout or Layout()
    try:
        channel = Channel(frames_fd)
        _leave_the_zygote(layout)  # before INIT, while nobody waits
        init = executed.receive_init(channel)
        executed.take_environment(init, layout.task_root)
        if init["exec"]:
            executed.execute_interpreter(frames_fd, [layout.interpreter, layout.script])
        directories = search_path.function_entries(layout.task_root, layout.layers_root)
        search_path.forget_hidden_modules(directories, _preloaded.modules)
        start(channel, layout, _preloaded.interpreter_entries)
    except ChannelClosed:
        os._exit(1)
    except BaseException as error:
        process_end.end(error)


def start(channel: Channel, layout: Layout, interpreter_entries: list[str]) -> NoReturn:
    """Run the function in this process; never returns."""
    try:
        # A child that the function forks has no voice: it must neither answer nor mix its frames with ours.
        os.register_at_fork(after_in_child=channel.close_after_fork)
        directories = search_path.function_entries(layout.task_root, layout.layers_root)
        search_path.install(directories, interpreter_entries, layout.runtime_root)
        byte_code.install(layout.byte_code)
        invocations.serve(channel)
    except ChannelClosed:
        os._exit(1)
    except BaseException as error:
        process_end.end(error)


def _leave_the_zygote(layout: Layout) -> None:
    """Make this process look like one whose interpreter was started for the function."""
    fork_hooks.give()
    random.seed()
    # As multiprocessing does in what it forks.
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]  # noqa: SLF001
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    program = types.ModuleType("__main__")
    # A real file that does nothing when imported: multiprocessing's "spawn" imports the parent's main module.
    program.__file__ = layout.script
    sys.modules["__main__"] = program
    sys.argv = [layout.script]
    sys.orig_argv = [layout.interpreter, layout.script]  # read by few; Python 3.10 and later
    package = sys.modules["lambent_runtime"]
    for name in _SANDBOX_MODULES:
        if sys.modules.pop("lambent_runtime." + name, None) is not None:
            delattr(package, name)
