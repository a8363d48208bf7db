"""How text gets to a person: colour where a terminal can show it, plain text everywhere else."""

import os
import sys
from typing import TextIO


class Terminal:
    """One output stream. Nothing fails for a character that the stream's encoding hasn't got."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @classmethod
    def output(cls) -> "Terminal":
        """Standard output: what was asked for."""
        return cls(_forgiving(sys.stdout))

    @classmethod
    def error(cls) -> "Terminal":
        """Standard error: everything said about it."""
        return cls(_forgiving(sys.stderr))

    def line(self, text: str = "") -> None:
        """Write one line now."""
        self._stream.write(text + "\n")
        self._stream.flush()

    def text(self, text: str) -> None:
        """Write text as it is now."""
        self._stream.write(text)
        self._stream.flush()

    def bold(self, text: str) -> str:
        """What matters most."""
        return self._styled("1", text)

    def dim(self, text: str) -> str:
        """What may be overlooked."""
        return self._styled("2", text)

    def good(self, text: str) -> str:
        """What is as it should be."""
        return self._styled("32", text)

    def warning(self, text: str) -> str:
        """What holds less than it could."""
        return self._styled("33", text)

    def bad(self, text: str) -> str:
        """What is wrong."""
        return self._styled("31", text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _forgiving(stream: TextIO) -> TextIO:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return stream
