"""Asking executables what they are: each is run once, and the answer kept for as long as the file stays the same."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

_log = logging.getLogger(__name__)

Answer: TypeAlias = dict[str, object]

_PROBE_SECONDS = 20.0
_AT_ONCE = 4
# Part of every key: an answer to another question is no answer.
_CACHE_FORMAT = 1


def ask(cache_file: Path, arguments: Sequence[str], candidates: Iterable[Path]) -> list[Answer]:
    """What those of the candidates say that are programs and answer, in the candidates' order.

    Takes some 30 ms for each that is new to the cache, several at the same time.

    Args:
        cache_file: a JSON file for the answers of one kind of program, written if something in it changed; its
            directory exists. A damaged file is an empty one.
        arguments: make the program print its answer, a JSON object. It gets no environment variables.
        candidates: paths that may be programs; links are followed, and each real file is asked once.
    """
    cache = _Cache(cache_file)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(lambda program: cache.answer_of(program, arguments), _programs(candidates)))
    cache.save()
    return [answer for answer in answers if answer is not None]


def _programs(candidates: Iterable[Path]) -> Iterator[Path]:
    """Executables, each once, as the real file behind every link."""
    seen = set()
    for path in candidates:
        try:
            real = path.resolve(strict=True)
        except OSError:
            continue
        if real not in seen and real.is_file() and os.access(real, os.X_OK):
            seen.add(real)
            yield real


class _Cache:
    """Answers by executable and modification time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = self._load()
        self._now: dict[str, Answer | None] = {}

    def _load(self) -> dict[str, Answer | None]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def answer_of(self, program: Path, arguments: Sequence[str]) -> Answer | None:
        """What the program says it is; None if it does not answer."""
        key = f"{_CACHE_FORMAT}:{program.stat().st_mtime_ns}:{program}"
        answer = self._before[key] if key in self._before else _answer(program, arguments)
        self._now[key] = answer
        return answer

    def save(self) -> None:
        if self._now == self._before:
            return
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        new.write_text(json.dumps(self._now, indent=1), encoding="utf-8")
        new.replace(self._file)


def _answer(program: Path, arguments: Sequence[str]) -> Answer | None:
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            check=True,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            env={},
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        _log.debug("not usable as a runtime", extra={"executable": str(program), "error": str(error)})
        return None
    return answer if isinstance(answer, dict) else None


def entries(directory: Path) -> list[Path]:
    """What is in a folder; nothing, if it isn't there or not for us to read."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []
