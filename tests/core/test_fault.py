"""Faults in AWS's words. Source: reference/runtime-api.md sections 2.4 and 5."""

import pytest

from lambent.core.fault import Fault, exit_fault, reported_error_type, timeout_fault


@pytest.mark.parametrize(("signal", "name"), [(9, "killed"), (15, "terminated"), (6, "aborted"), (64, "signal 64")])
def test_signals_have_gos_names(signal: int, name: str) -> None:
    assert exit_fault(None, signal).message == f"Runtime exited with error: signal: {name}"


def test_the_answer_names_the_request() -> None:
    assert exit_fault(0, None).answer("id") == (
        b'{"errorType":"Runtime.ExitError",'
        b'"errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}'
    )
    assert Fault("T", payload=b"posted").answer("id") == b"posted"
    assert timeout_fault(900).message == "Task timed out after 900.00 seconds"


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("xx Function.Bad yy", "xx Function.Bad yy"),
        ("Function.<bad>", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
        ("Runtime.A" + "a" * 300, "Runtime.Unknown"),
        ("Runtime.Forged\nSTART", "Runtime.Unknown"),
    ],
)
def test_reported_error_types(reported: str, kept: str) -> None:
    assert reported_error_type(reported) == kept
