"""Where the test data from public sources is: `../shared/data` of the project's root, which a clone doesn't have.

What reads it gets nothing there, so that its tests are skipped ("empty parameter set"), but fails where CI=true.
"""

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent / "shared" / "data"


def files(folder: str, pattern: str) -> list[Path]:
    """The files of a folder by name; none where there is no data."""
    return sorted((ROOT / folder).glob(pattern)) if _is_there() else []


def cases(path: str) -> list[dict[str, Any]]:
    """The list that a JSON file holds; empty where there is no data."""
    found: list[dict[str, Any]] = json.loads((ROOT / path).read_text()) if _is_there() else []
    return found


def _is_there() -> bool:
    if not ROOT.is_dir() and os.environ.get("CI") == "true":
        raise FileNotFoundError(f"{ROOT} is missing, and CI must not skip what needs it")
    return ROOT.is_dir()
