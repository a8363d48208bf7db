"""The three ways in which the API writes a moment: seconds since 1970, ISO 8601, and the date of HTTP.

Inside Lambent a moment of the API is an aware datetime in UTC.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(value: str | float) -> datetime:
    """Read a moment in any of the three.

    Raises:
        ValueError: it isn't one, or is beyond the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(seconds=float(value))
    except OverflowError:
        raise ValueError(f"{value} seconds are beyond the calendar") from None
    except ValueError:
        return _parse_text(str(value))


def format_timestamp(moment: datetime, timestamp_format: str) -> str | int | float:
    """Write a moment.

    Args:
        timestamp_format: `unixTimestamp`, `iso8601` or `rfc822`, as the model says.
    """
    if timestamp_format == "unixTimestamp":
        seconds = moment.timestamp()
        return int(seconds) if seconds.is_integer() else seconds
    if timestamp_format == "iso8601":
        precision = "auto" if moment.microsecond % 1000 else "milliseconds" if moment.microsecond else "seconds"
        return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _parse_text(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    try:
        # Some clients leave UTC out.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is beyond the calendar") from None
