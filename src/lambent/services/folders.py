"""Functions whose code is a folder of the developer's: what is saved in it is what the next invocation runs.

A folder is watched while a function runs it. Each time that something in it has changed, it counts one up, and the
count is part of the revision that the data plane knows the function by: environments of earlier counts get no
invocation any more, and end. An invocation asks first whether anything has changed, so that it never meets code from
before a save that was finished before it.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lambent.core.errors import InvalidParameterValue, InvalidZipFile, ServiceFault
from lambent.core.function import Code, FunctionTarget
from lambent.core.scope import Scope
from lambent.store.folder_package import zip_folder
from lambent.store.folder_watch import FolderWatch

FOLDER_BUCKET = "hot-reload"
"""The bucket that means "the key is a folder of this machine". Source: LocalStack's documentation, "Hot reloading"."""

_DEV_ONLY = "Only under lambent dev are functions run from a folder."

Function = tuple[Scope, str]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    """A folder that functions run.

    Attributes:
        count: how often it has changed, not counting changes that followed one another without an invocation.
        run: whether an invocation has been given this count, so that there may be environments of it.
    """

    watch: FolderWatch
    functions: set[Function] = field(default_factory=set)
    count: int = 0
    run: bool = False


class Folders:
    """All watched folders; used from the event loop's thread.

    Args:
        allowed: where folders may be, with all below them; None where functions can't be folders at all.
        data_directory: the server's own, with every function's code and variables; no function may see it.
        on_changed: told of each function whose code has changed.
    """

    def __init__(
        self, *, allowed: Sequence[Path] | None, data_directory: Path, on_changed: Callable[[Scope, str], None]
    ) -> None:
        self._data_directory = data_directory.resolve()
        self._allowed = None if allowed is None else [folder.resolve() for folder in allowed]
        self._on_changed = on_changed
        self._watched: dict[str, _Watched] = {}
        self._opening = asyncio.Lock()  # a folder is opened once; nothing else is taken under it

    def code(self, path: str) -> Code:
        """A folder as a function's code.

        Raises:
            InvalidParameterValue: it isn't there, or not where functions may have folders.
        """
        if self._allowed is None:
            raise InvalidParameterValue(f"{_DEV_ONLY} Please give the function a deployment package.")
        if not path.startswith("/"):
            raise InvalidParameterValue(f"The key of bucket {FOLDER_BUCKET} must be an absolute path, not {path}.")
        folder = os.path.normpath(path)
        if not Path(folder).is_dir():
            raise InvalidParameterValue(f"There is no folder {folder} on the machine that Lambent runs on.")
        if not self._is_allowed(Path(folder)):
            raise InvalidParameterValue(self._not_allowed(folder))
        digest = hashlib.sha256(f"folder\n{folder}".encode()).hexdigest()
        return Code(sha256=digest, size=0, folder=folder)

    async def package(self, code: Code) -> bytes:
        """The folder as a deployment package: what is in it now.

        Raises:
            InvalidParameterValue: it isn't there, is empty, or too large.
        """
        self.code(code.folder)  # it may have gone
        try:
            return await asyncio.to_thread(zip_folder, Path(code.folder))
        except OSError as error:
            raise InvalidParameterValue(f"The folder {code.folder} can't be read: {error}") from error

    def directory(self, target: FunctionTarget) -> Path:
        """Where a target's folder is now.

        Raises:
            InvalidZipFile: it has gone, or is where functions may not have folders: a link was switched, or the server
                was started elsewhere.
        """
        folder = Path(target.code_folder)
        if not folder.is_dir():
            raise _gone(target)
        if not self._is_allowed(folder):
            raise InvalidZipFile(self._not_allowed(target.code_folder))
        return folder.resolve()

    async def open(self, target: FunctionTarget) -> None:
        """Watch a target's folder from now on; `close_unused` ends it.

        Raises:
            ServiceFault: this user watches as many folders as it may.
        """
        if self._allowed is None:
            return
        async with self._opening:
            watched = self._watched.get(target.code_folder)
            if watched is None:
                try:
                    watch = await asyncio.to_thread(FolderWatch, Path(target.code_folder))
                except OSError as error:
                    raise ServiceFault(
                        f"The folder {target.code_folder} can't be watched: {error.strerror} "
                        "(sysctl fs.inotify.max_user_instances raises the limit)."
                    ) from error
                watched = self._watched[target.code_folder] = _Watched(watch)
                _warn(watch)
                asyncio.get_running_loop().add_reader(watch.fileno(), self._look, watched)
            watched.functions.add((target.scope, target.function_name))

    def now(self, target: FunctionTarget) -> FunctionTarget:
        """The target of an invocation that begins now; its folder must be open.

        Raises:
            InvalidZipFile: the folder has gone, or this server runs no folders.
        """
        if self._allowed is None:
            raise InvalidZipFile(f"{_DEV_ONLY} The code of {target.function_name} is {target.code_folder}.")
        watched = self._watched[target.code_folder]
        self._look(watched)
        if not watched.watch.there:
            raise _gone(target)
        watched.run = True
        return _counted(target, watched.count)

    def last_seen(self, target: FunctionTarget) -> FunctionTarget:
        """The target that an invocation would have got when somebody looked last."""
        watched = self._watched.get(target.code_folder)
        return target if watched is None else _counted(target, watched.count)

    def close_unused(self, scope: Scope, function_name: str, used: Collection[str]) -> None:
        """A function has these folders now: watch what nobody has no longer."""
        for folder, watched in list(self._watched.items()):
            if folder not in used:
                watched.functions.discard((scope, function_name))
            if not watched.functions:
                self._close(self._watched.pop(folder))

    def close(self) -> None:
        """Watch nothing any more."""
        while self._watched:
            self._close(self._watched.popitem()[1])

    def _is_allowed(self, folder: Path) -> bool:
        resolved = folder.resolve()
        return not self._shows_data(resolved) and any(resolved.is_relative_to(place) for place in self._allowed or ())

    def _shows_data(self, resolved: Path) -> bool:
        return resolved.is_relative_to(self._data_directory) or self._data_directory.is_relative_to(resolved)

    def _not_allowed(self, folder: str) -> str:
        if self._shows_data(Path(folder).resolve()):
            return (
                f"Functions may not be made from the folder {folder}: they would see Lambent's data directory, "
                f"{self._data_directory}."
            )
        places = ", ".join(map(str, self._allowed or ())) or "nowhere"
        return (
            f"Functions may not be made from the folder {folder}, only from folders below: {places}. "
            "Start lambent dev in your project, or with --folders."
        )

    def _close(self, watched: _Watched) -> None:
        asyncio.get_running_loop().remove_reader(watched.watch.fileno())
        watched.watch.close()

    def _look(self, watched: _Watched) -> None:
        """Take note of what has changed; a thousand files at once, or one by one, are one change."""
        if watched.watch.poll() and watched.run:
            watched.count += 1
            watched.run = False
            logger.info("%s has changed: the next invocation runs what is there now.", watched.watch.folder)
            for scope, name in tuple(watched.functions):
                self._on_changed(scope, name)


def _counted(target: FunctionTarget, count: int) -> FunctionTarget:
    return replace(target, revision=f"{target.revision}+{count}")


def _gone(target: FunctionTarget) -> InvalidZipFile:
    return InvalidZipFile(f"The folder {target.code_folder} of function {target.function_name} isn't there.")


def _warn(watch: FolderWatch) -> None:
    """Say what a developer would otherwise wonder about."""
    if watch.links_outside:
        logger.warning(
            "Links in %s lead out of it, and to nothing inside a function: %s. "
            "Watch the folder that has both, and name the handler with its path.",
            watch.folder,
            ", ".join(watch.links_outside),
        )
    if watch.incomplete is not None:
        logger.warning(
            "Not all of %s can be watched, so every invocation starts anew: %s "
            "(sysctl fs.inotify.max_user_watches raises the limit).",
            watch.folder,
            watch.incomplete.strerror,
        )
