"""Names of groups and streams. Source: reference/logs-metrics-traces.md section 1."""

from lambent.observe.log_names import default_log_group, log_stream_name

_UNIQUE = "8f507cb5bdd9c2a2e3a4a5d6f7a8b9c0"


def test_a_function_logs_to_the_group_named_after_it() -> None:
    assert default_log_group("hello") == "/aws/lambda/hello"


def test_a_stream_has_the_utc_date_the_version_and_32_digits() -> None:
    name = log_stream_name(created_ms=1_714_521_599_999, version="$LATEST", prefix="", unique=_UNIQUE)
    assert name == f"2024/04/30/[$LATEST]{_UNIQUE}"


def test_a_stream_in_a_custom_group_names_the_function_too() -> None:
    name = log_stream_name(created_ms=1_714_521_600_000, version="7", prefix="hello", unique=_UNIQUE)
    assert name == f"2024/05/01/hello[7]{_UNIQUE}"
