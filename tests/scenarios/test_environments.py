"""Execution environments: what stays warm, what is writable, and that two invocations have two of them."""

from concurrent.futures import ThreadPoolExecutor

from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy
from tests.scenarios.functions_under_test import Function

# One for each way that a process begins; what is around it doesn't depend on what runs in it.
_ONE_OF_EACH = {"python3.13", "nodejs22", "c"}


def test_a_process_keeps_its_state(deployed: Deploy, column: Column) -> None:
    function = deployed(column, MemorySize=256)
    assert [function("count").result for _ in range(3)] == [1, 2, 3]


def test_two_invocations_at_a_time_have_two_environments(deployed: Deploy, column: Column) -> None:
    function = deployed(column, MemorySize=257)
    with ThreadPoolExecutor(2) as threads:
        first, second = (outcome.result for outcome in threads.map(lambda _: function("sleep", ms=1500), range(2)))
    assert first != second
    assert function("sleep", ms=0).result in {first, second}


def test_only_tmp_is_writable(function: Function) -> None:
    """Source: runtime-api.md section 8."""
    for path in ("/var/task/file", "/opt/file", "/var/runtime/file", "/var/lang/file", "/etc/file", "/file"):
        assert function("write", path=path, megabytes=1).result is False, path
    assert function("write", path="/tmp/file", megabytes=1).result is True
    assert function("exists", path="/tmp/file").result is True
    function("remove", path="/tmp/file")


@played_on(lambda column: column.name in _ONE_OF_EACH)
def test_tmp_has_its_size(deployed: Deploy, column: Column) -> None:
    function = deployed(column, EphemeralStorage={"Size": 512})
    assert function("write", path="/tmp/large", megabytes=400).result is True
    assert function("write", path="/tmp/larger", megabytes=200).result is False
    function("remove", path="/tmp/large")
    function("remove", path="/tmp/larger")
    assert function("write", path="/tmp/larger", megabytes=200).result is True
