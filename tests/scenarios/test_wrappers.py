"""Wrapper scripts. Source: developer guide, "Modifying the runtime environment"; runtime-api.md section 8."""

from tests.scenarios.columns import Column, played_on
from tests.scenarios.conftest import Deploy

_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


@played_on(lambda column: column.is_ours)
def test_a_wrapper_script_starts_a_managed_runtime(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Environment={_WRAPPER: "/var/task/wrapper"})
    variables = function("environment").result
    assert variables["WRAPPED"].startswith("/var/lang/bin/")
    assert [function("count").result for _ in range(2)] == [1, 2]
    answer = function("exit", status=5)
    assert answer.error["errorMessage"].endswith("exit status 5")
    assert function("count").result == 1


@played_on(lambda column: column.is_ours)
def test_a_wrapper_script_that_isn_t_there(deployed: Deploy, column: Column) -> None:
    """Source: runtime-api.md section 5 (recorded): status 127, as a shell has it."""
    answer = deployed(column, Environment={_WRAPPER: "/var/task/nothing"})("echo", value=1)
    assert answer.error["errorMessage"].endswith("Runtime exited with error: exit status 127")


@played_on(lambda column: column.is_provided)
def test_custom_runtimes_have_no_wrapper_script(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Environment={_WRAPPER: "/var/task/nothing"})
    assert function("echo", value=1).result == 1
