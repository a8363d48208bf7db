"""Programs that answer as interpreters would when they are asked what they are."""

import json
from pathlib import Path

PYTHON = {
    "implementation": "cpython",
    "version": [3, 12, 4, "final", 0],
    "free_threaded": False,
    "base_prefix": "/p",
    "stdlib": "/p/lib/python3.12",
    "shared_library": None,
}
NODE = {"release": "node", "version": "22.11.0", "arch": "x64", "libraries": ["/usr/lib/x86_64-linux-gnu/libc.so.6"]}


def program(path: Path, answer: dict[str, object]) -> Path:
    """A program with this answer; leaves a mark each time it runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"executable": str(path)} | answer)
    path.write_text(f"#!/bin/sh\necho >> {path}.runs\ncat <<'EOF'\n{text}\nEOF\n")
    path.chmod(0o755)
    return path


def runs(path: Path) -> int:
    """How often the program has been asked."""
    return len(Path(f"{path}.runs").read_text().splitlines())
