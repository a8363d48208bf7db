"""The server's own log: one line per record on standard error, a sentence and then its fields."""

import logging
import sys
from datetime import UTC, datetime

# What every record has; the rest are the fields of `extra=`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"asctime", "message"}


class SentenceAndFields(logging.Formatter):
    """`2026-05-01T10:00:00.123Z WARNING The sentence. action=log-write group=/aws/lambda/f`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it where there is one."""
        created = datetime.fromtimestamp(record.created, UTC)
        stamp = f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z"
        fields = "".join(f" {name}={_field(value)}" for name, value in vars(record).items() if name not in _STANDARD)
        line = f"{stamp} {record.levelname} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: str) -> None:
    """Send the records of this level and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SentenceAndFields())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _field(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(character.isspace() for character in text) else text
