"""Custom runtimes whose bootstrap isn't one. Source: runtime-api.md sections 5 and 8."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from tests.scenarios import builds, families
from tests.scenarios.builds import Package
from tests.scenarios.columns import Column
from tests.scenarios.conftest import Deploy

RUNTIMES = ("provided.al2023", "provided.al2")
BOOTSTRAP = "#!/bin/sh\nexit 0\n"


def package_of(files: Mapping[str, tuple[str, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


CASES = {
    "missing": (
        {"README": ("nothing here", 0o644)},
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
    ),
    "not executable": (
        {"bootstrap": (BOOTSTRAP, 0o644)},
        "fork/exec /var/task/bootstrap: permission denied",
    ),
    "no program": (
        {"bootstrap": ("just text\n", 0o755)},
        "fork/exec /var/task/bootstrap: exec format error",
    ),
    "interpreter missing": (
        {"bootstrap": ("#!/nowhere/sh\n", 0o755)},
        "fork/exec /var/task/bootstrap: no such file or directory",
    ),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_bootstrap_that_can_t_be_executed(deployed: Deploy, runtime: str, case: Any) -> None:
    files, reason = case
    column = Column(f"none-{runtime}", runtime, Package("none", (), builds.copied), families.BARE)
    function = deployed(column, package=package_of(files))
    for _ in range(2):
        answer = function("echo", value=1)
        assert answer.error == {
            "errorType": "Runtime.InvalidEntrypoint",
            "errorMessage": f"RequestId: {answer.request_id} Error: {reason}",
        }


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_bootstrap_that_ends_at_once(deployed: Deploy, runtime: str) -> None:
    column = Column(f"ends-{runtime}", runtime, Package("none", (), builds.copied), families.BARE)
    answer = deployed(column, package=package_of({"bootstrap": (BOOTSTRAP, 0o755)}))("echo", value=1)
    assert answer.error["errorMessage"].endswith("Error: Runtime exited without providing a reason")
