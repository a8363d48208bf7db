"""Where the function's imports come from, and which of the zygote's imports give way to them.

Order, as on AWS: /var/task, the layers' /opt/python/lib/python3.X/site-packages and /opt/python, the entries of
PYTHONPATH, /var/runtime, then the interpreter's own directories. ``.pth`` files of the first three are read.

The zygote has imported more of the standard library than AWS's client does. A module of the function's that
has the name of one of those would be hidden by it, where on AWS it hides the standard library's; so
such a preloaded module is forgotten before the function's code is imported.
"""

from __future__ import annotations

import os
import site
import sys

_MODULE_SUFFIXES = (".py", ".so", ".pyc")


def interpreter_entries() -> list[str]:
    """The interpreter's own entries of sys.path, in the process that it was started for.

    To be called before the environment is changed: what came from PYTHONPATH and from the script's place
    is left out.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    script = os.path.dirname(os.path.abspath(sys.argv[0]))
    foreign = {package, os.path.dirname(package), script, ""}
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        foreign |= {entry, os.path.abspath(entry)}
    return [entry for entry in sys.path if entry not in foreign]


def function_entries(task_root: str, layers_root: str) -> list[str]:
    """The directories of the function's own code and of its layers."""
    python = os.path.join(layers_root, "python")
    version = "python%d.%d" % sys.version_info[:2]
    return [task_root, os.path.join(python, "lib", version, "site-packages"), python]


def install(function: list[str], own: list[str], runtime_root: str) -> None:
    """Set sys.path and read the ``.pth`` files of the function's directories."""
    configured = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = list(dict.fromkeys([*function, *configured, runtime_root, *own]))
    for entry in function:
        sys.path_importer_cache.pop(entry, None)
        if any(name.endswith(".pth") for name in _names(entry)):
            site.addsitedir(entry)


def forget_hidden_modules(directories: list[str], preloaded: frozenset[str]) -> None:
    """Forget those of the preloaded modules whose names the function's directories use."""
    for directory in directories:
        for name in _names(directory):
            top_level = name.partition(".")[0]
            if top_level in preloaded and _is_module(directory, name):
                _forget(top_level)


def _forget(top_level: str) -> None:
    below = top_level + "."
    for name in [name for name in sys.modules if name == top_level or name.startswith(below)]:
        del sys.modules[name]


def _is_module(directory: str, name: str) -> bool:
    if "." in name:
        return name.endswith(_MODULE_SUFFIXES)
    return os.path.isfile(os.path.join(directory, name, "__init__.py"))


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []  # no layers
