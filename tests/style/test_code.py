"""Style and types, by the tools that say so; `make lint` runs the same."""

import subprocess
import sys
from pathlib import Path

import pytest

import lambent

_ROOT = Path(lambent.__file__).parent.parent.parent
_CHECKS = {
    "style": ["ruff", "check", "--output-format=concise"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy", "--no-error-summary"],
}


@pytest.mark.parametrize("check", _CHECKS)
@pytest.mark.timeout(600)
def test_the_code_passes(check: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", *_CHECKS[check]], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
