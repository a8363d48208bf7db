"""Identifiers: request ids, revision ids, traces; unpredictable enough for names, not for secrets."""

import random
from collections.abc import Callable

# The six bits of a version 4 UUID that aren't random. Source: RFC 9562, section 5.4.
_VERSION_AND_VARIANT = 0x00000000_0000_4000_8000_000000000000
_RANDOM_BITS = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF


class IdMaker:
    """Makes identifiers in a fraction of a microsecond, from a generator seeded by the system."""

    def __init__(self) -> None:
        self._bits: Callable[[int], int] = random.SystemRandom().getrandbits
        self._fast: Callable[[int], int] = random.Random(self._bits(128)).getrandbits  # noqa: S311 - names only

    def uuid(self) -> str:
        """A random (version 4) UUID."""
        text = (self._fast(128) & _RANDOM_BITS | _VERSION_AND_VARIANT).to_bytes(16).hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def trace_header(self, now_ms: int, resource: str, root: str = "") -> str:
        """An X-Ray header for an invocation that begins a chain: not sampled. Source: logs-metrics-traces.md §7.1.

        Args:
            resource: the function as `core.recursion` has it.
            root: the trace's id, if there is one already.
        """
        text = self._fast(160).to_bytes(20).hex()
        root = root or f"1-{now_ms // 1000:08x}-{text[:24]}"
        return f"Root={root};Parent={text[24:]};Sampled=0;Lineage=1:{resource}:0"

    def trace_root(self, now_ms: int) -> str:
        """The id of a trace that begins now."""
        return f"1-{now_ms // 1000:08x}-{self.token(24)}"

    def fraction(self) -> float:
        """A number, at least 0.0 and below 1.0."""
        return self._fast(53) / (1 << 53)

    def token(self, length: int) -> str:
        """Hexadecimal characters, e.g. 32 for a log stream."""
        return f"{self._fast(length * 4):0{length}x}"
