"""How AWS names log groups and log streams."""

from datetime import UTC, datetime


def default_log_group(function_name: str) -> str:
    """The group of a function that names none: `/aws/lambda/<function-name>`."""
    return f"/aws/lambda/{function_name}"


def log_stream_name(*, created_ms: int, version: str, prefix: str, unique: str) -> str:
    """The stream of one execution environment, `YYYY/MM/DD/<prefix>[<version>]<unique>`.

    Args:
        created_ms: when the environment was created (epoch milliseconds); the date is UTC.
        version: "$LATEST" or the number of the function version.
        prefix: the function's name in a group that the function chose itself, "" in its default group.
        unique: 32 hexadecimal digits.
    Source: reference/logs-metrics-traces.md section 1; developer guide, "Log streams".
    """
    created = datetime.fromtimestamp(created_ms / 1000, UTC)
    return f"{created:%Y/%m/%d}/{prefix}[{version}]{unique}"
