"""The companion's process: started at its first use, again after it has died, ended with the server.

It listens on a Unix socket in the data directory, which only the server's user may enter; no port is open that others
of the machine could reach, or that a function could. The path is named through an open descriptor of the directory: a
socket's address has 108 bytes at most, and data directories may be deep.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from lambent.companion.errors import CompanionUnavailable

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_ENDING_SECONDS = 0.5
_BACKLOG = 512
_LINE_BYTES = 1 << 16
_SOCKETS = "companion-*.sock"
_FOLDER = "companion"  # of the data directory: all that it may write to
_READY = b"ready\n"  # as lambent.companion.launcher says it
_HURRY = b"."  # any byte
_LEVELS = {"INFO": logging.DEBUG, "WARNING": logging.WARNING, "ERROR": logging.ERROR, "CRITICAL": logging.ERROR}
_LOGGERS = ("lambent.", "moto:")  # ours, and moto's own few warnings

logger = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class CompanionProcess:
    """One moto server; `address` starts it if it doesn't run.

    Args:
        directory: the data directory.
        lambent_url: where the companion reaches Lambent.
        environment: of this server; what is about its user's own AWS isn't handed on.
        spawn: starts a task that ends with the server.
    """

    def __init__(self, *, directory: Path, lambent_url: str, environment: Mapping[str, str], spawn: Spawn) -> None:
        self._directory = directory
        self._lambent_url = lambent_url
        self._environment = environment
        self._spawn = spawn
        self._starting = asyncio.Lock()  # held while one is started; nothing else is taken under it
        self._process: asyncio.subprocess.Process | None = None
        self._starts = 0
        self._directory_fd: int | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Of the process that runs, if one does."""
        return self._process.pid if self._runs() else None  # type: ignore[union-attr]  # it is there if it runs

    async def address(self) -> str:
        """The path of the socket at which it answers requests.

        Raises:
            CompanionUnavailable: it can't be started.
        """
        if not self._runs():
            async with self._starting:
                if not self._runs():
                    await self._start()
        return self._path()

    async def ended(self, address: str) -> bool:
        """Whether the one that was at this address has ended, or does so within a moment.

        It is asked when a request has failed, of which the process's end may be the cause; then what the request would
        have changed is gone with everything else, and it can be sent again.
        """
        process = self._process
        if process is None or address != self._path():
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait()
        return process.returncode is not None

    def begin_stop(self) -> None:
        """Have those answered who wait for messages, so that nobody has to wait for them."""
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.write(_HURRY)

    async def stop(self) -> None:
        """End it."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # what it keeps is in memory only
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
        self._remove_files()
        if self._directory_fd is not None:
            os.close(self._directory_fd)
            self._directory_fd = None

    def _runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def _path(self) -> str:
        name = _SOCKETS.replace("*", str(self._starts))
        if sys.platform != "linux":
            return str(self._directory / name)
        if self._directory_fd is None:
            self._directory_fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._directory_fd}/{name}"

    def _remove_files(self) -> None:
        """This server's, and what one that was killed has left."""
        for path in self._directory.glob(_SOCKETS):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._directory / _FOLDER, ignore_errors=True)

    def _folder(self) -> Path:
        folder = self._directory / _FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def _start(self) -> None:
        if self._stopping:
            raise CompanionUnavailable("The server is stopping.")
        logger.debug("The companion is being started.")
        with self._listen() as listener:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-P", "-m", "lambent.companion.launcher", str(listener.fileno()), self._lambent_url),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env=_environment(self._environment),
                    cwd=self._folder(),
                    pass_fds=(listener.fileno(),),
                    start_new_session=True,  # Ctrl-C in a terminal is for the server, which ends it in turn
                    limit=_LINE_BYTES,
                )
            except OSError as error:
                raise CompanionUnavailable(f"The companion can't be started: {error}") from error
        await self._until_ready(process)
        self._process = process
        self._spawn(self._watch(process))
        logger.info("The companion runs: the other AWS services behind this port. Their state is in memory only.")

    def _listen(self) -> socket.socket:
        self._remove_files()
        self._starts += 1
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self._path())
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            raise CompanionUnavailable(f"The companion's socket can't be made: {error}") from error
        return listener

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        except asyncio.CancelledError:
            process.kill()
            raise
        if line == _READY:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        said = (await process.stderr.read()).decode(errors="replace").strip()
        await process.wait()
        raise CompanionUnavailable(f"The companion did not start: {said.rpartition(chr(10))[2] or 'it said nothing'}")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Have its log in ours, and say when it has ended."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # a line that is too long; what came of it is dropped
                continue
            if not line:
                break
            _log(line.decode(errors="replace").rstrip())
        status = await process.wait()
        if not self._stopping:
            logger.warning(
                "The companion has ended (%s). What the other AWS services kept was in its memory, and is lost; "
                "the next request for one of them starts it again.",
                _in_words(status),
            )


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """The server's, with nothing that leads to an account of AWS."""
    kept = {name: value for name, value in own.items() if not name.startswith(("AWS_", "BOTO_"))}
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "companion",
        "AWS_SECRET_ACCESS_KEY": "companion",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TMPDIR": ".",  # by this name it needs no way there
        "MALLOC_ARENA_MAX": "2",  # each request has a thread, and each thread its arena of 64 MB
        "PYTHONUNBUFFERED": "1",
    }


def _log(line: str) -> None:
    """A line that was logged has its level and logger before it; everything else was printed."""
    level, _, message = line.partition(" ")
    if level in _LEVELS and message.startswith(_LOGGERS):
        logger.log(_LEVELS[level], "companion: %s", message.partition(": ")[2])
    elif line:
        logger.debug("companion: %s", line)


def _in_words(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
