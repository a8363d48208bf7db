"""Identifiers: request ids, revision ids, trace headers; unpredictable enough for names, not for secrets."""

import random
from collections.abc import Callable


class IdMaker:
    """Makes identifiers in a fraction of a microsecond, from a generator seeded by the system."""

    def __init__(self) -> None:
        self._bits: Callable[[int], int] = random.SystemRandom().getrandbits
        self._fast: Callable[[int], int] = random.Random(self._bits(128)).getrandbits  # noqa: S311 - names only

    def uuid(self) -> str:
        """A random (version 4) UUID."""
        text = f"{self._fast(128):032x}"
        variant = "89ab"[self._fast(2)]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def trace_header(self, now_ms: int) -> str:
        """An X-Ray header for a request that came without: not sampled. Source: logs-metrics-traces.md §7.1."""
        bits = self._fast
        return f"Root=1-{now_ms // 1000:08x}-{bits(96):024x};Parent={bits(64):016x};Sampled=0"

    def token(self, length: int) -> str:
        """Hexadecimal characters, e.g. 32 for a log stream."""
        return f"{self._fast(length * 4):0{length}x}"
