"""Where things are that AWS has at fixed places: /var/task, /opt, /var/runtime, /var/lang and /tmp."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambent.sandbox.zygote import ZygotePlan

TASK_ROOT, LAYERS_ROOT, RUNTIME_ROOT, LANGUAGE_ROOT, TMP = "/var/task", "/opt", "/var/runtime", "/var/lang", "/tmp"  # noqa: S108  # as inside


@dataclass(frozen=True, slots=True)
class Places:
    """One environment's: path as on AWS → path here."""

    here: Mapping[str, Path]

    def path(self, inside: str) -> str:
        """A path as on AWS, or any other, as it is here."""
        parts = inside.split("/")
        for length in range(len(parts), 1, -1):
            place = self.here.get("/".join(parts[:length]))
            if place is not None:
                return "/".join([str(place), *parts[length:]])
        return inside

    def value(self, text: str) -> str:
        """The value of an environment variable: each entry of a list of paths, as PATH is one."""
        return ":".join(self.path(entry) if entry.startswith("/") else entry for entry in text.split(":"))


def runtime_places(plan: ZygotePlan, directory: Path) -> dict[str, Path]:
    """What the environments of a runtime share; made as links in directory, which must be new."""
    result = {}
    for root, content in ((RUNTIME_ROOT, plan.root.runtime_mounts), (LANGUAGE_ROOT, plan.root.language)):
        whole = content.get("")
        result[root] = whole if whole is not None else _links(directory / root.rpartition("/")[2], content)
    return result


def _links(directory: Path, content: Mapping[str, Path]) -> Path:
    """A directory that looks like mounts at these names, one below the other too."""
    directory.mkdir(parents=True)
    for name, target in content.items():
        below = {other[len(name) + 1 :]: path for other, path in content.items() if other.startswith(name + "/")}
        link = directory / name
        if link.parent != directory and any(
            link.is_relative_to(directory / other) for other in content if other != name
        ):
            continue  # made with the one that it is below
        if below:
            tops = {part.partition("/")[0] for part in below}
            _links(link, {child.name: child for child in target.iterdir() if child.name not in tops} | below)
        else:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    return directory


def environment_places(
    shared: Mapping[str, Path], trees: Sequence[tuple[str, "os.PathLike[str]"]], directory: Path
) -> Places:
    """What one environment sees; its own folders are made in directory, which must be new."""
    tmp, layers = directory / "tmp", directory / "opt"
    tmp.mkdir(parents=True, mode=0o700)
    layers.mkdir()
    return Places({**shared, TMP: tmp, LAYERS_ROOT: layers, **{inside: Path(tree) for inside, tree in trees}})


def command(plan: ZygotePlan, places: Places, *, script: Path, own_interpreter: str) -> list[str]:
    """How a runtime process is started; it waits for INIT on the frames socket.

    Args:
        script: `lambent_runtime/spawned.py`.
        own_interpreter: the Python that runs Lambent, for runtimes that aren't Python.
    """
    start = plan.start
    if start["kind"] == "fork":
        roots = [places.path(root) for root in (TASK_ROOT, LAYERS_ROOT, RUNTIME_ROOT)]
        return [places.path(plan.interpreter), "-E", "-s", "-S", "-B", "-u", str(script), "python", *roots]
    programs = start["candidates"] if start["kind"] == "bootstrap" else start["command"]
    arguments = [places.path(argument) for argument in (TASK_ROOT, *programs)]
    return [own_interpreter, "-I", "-S", "-B", str(script), start["kind"], *arguments]
