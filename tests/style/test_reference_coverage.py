"""Every statement of the references names what holds it, and that is there: `tests/reference_coverage`."""

import ast
import functools
import importlib
import re
import tomllib
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent.parent
_PAGES = sorted((_TESTS / "reference_coverage").glob("*.md"))
_DIFFERENCES = tomllib.loads((_TESTS.parent / "docs" / "reference" / "differences.toml").read_text(encoding="utf-8"))
_ROW = re.compile(r"^\| (?P<statement>.+) \| (?P<holders>[^|]+) \|$", re.MULTILINE)


def rows(page: Path) -> list[tuple[str, str]]:
    """Statement and holder, for each holder."""
    found = [(match["statement"], match["holders"]) for match in _ROW.finditer(page.read_text(encoding="utf-8"))]
    return [(statement, holder.strip()) for statement, all_of in found[:] for holder in all_of.split(", ")]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_every_statement_names_what_holds_it_and_that_is_there(page: Path) -> None:
    missing = [
        f"{statement}: {holder}"
        for statement, holder in rows(page)
        if (statement, holder) != ("statement", "held by") and not _is_there(holder)
    ]
    assert not missing, "\n".join(missing)


def test_every_row_is_read() -> None:
    for page in _PAGES:
        lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
        assert len(lines) == len(_ROW.findall(page.read_text(encoding="utf-8"))), page.name


def test_differences_of_the_references_are_known_differences_and_all_are_used() -> None:
    named = {holder for page in _PAGES for _, holder in rows(page) if holder.startswith("difference: ")}
    assert named == {f"difference: {one['id']}" for one in _DIFFERENCES["difference"] if one.get("referenced", True)}


def _is_there(holder: str) -> bool:
    kind, _, name = holder.partition(": ")
    if kind == "golden":
        return _has_recorded_answer(*name.split("/"))
    if kind == "difference":
        return any(one["id"] == name for one in _DIFFERENCES["difference"])
    path, *names = holder.split("::")
    if not names:
        return (_TESTS / path).exists()
    return tuple(names) in _tests_in(_TESTS / path)


def _has_recorded_answer(file: str, operation: str) -> bool:
    """Whether the golden answers of an operation are compared, be it some of them."""
    if (file, operation) == ("invoke", "Invoke"):
        return True  # compared in tests/invoke
    module = importlib.import_module(f"tests.api.situations_{file.replace('-', '_')}")
    return any(name == operation for name, _ in module.SITUATIONS)


@functools.cache
def _tests_in(path: Path) -> set[tuple[str, ...]]:
    """Tests and classes of tests of a file, by their names."""
    if not path.exists():
        return set()
    found: set[tuple[str, ...]] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add((node.name,))
        if isinstance(node, ast.ClassDef):
            inner = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {(node.name, one.name) for one in inner}
    return found
