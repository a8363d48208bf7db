"""Documentation, changelog and package say what the code says."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lambent
from lambent.version import VERSION

_ROOT = Path(lambent.__file__).parent.parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("examples/**/*.md")])


def test_the_package_the_code_and_the_changelog_have_one_version() -> None:
    assert _PROJECT["version"] == VERSION
    newest = re.search(r"^## .*?(\d+\.\d+\.\d+)", (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == VERSION


def test_the_pages_made_from_the_code_are_current() -> None:
    check = subprocess.run(
        [sys.executable, str(_ROOT / "scripts" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_every_dependency_is_listed_with_its_reason() -> None:
    page = (_ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \| \w", page, re.MULTILINE)) - {"package"}
    wanted = [*_PROJECT["dependencies"], *_PROJECT["optional-dependencies"]["dev"]]
    assert listed == {re.split(r"[^A-Za-z0-9-]", name)[0] for name in wanted}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", ["docs/promises.md", "docs/explanation/security.md"])
def test_every_promise_names_tests_that_exist(page: str) -> None:
    text = (_ROOT / page).read_text(encoding="utf-8")
    named = {name for line in text.splitlines() if line.startswith("|") for name in re.findall(r"tests/[\w./]+", line)}
    assert named
    missing = [name for name in named if not (path := _ROOT / name).exists() or not _tests_in(path)]
    assert not missing


def test_every_page_can_be_found_from_the_index() -> None:
    index = (_ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [page.relative_to(_ROOT / "docs") for page in _ROOT.glob("docs/**/*.md")]
    unlisted = [str(page) for page in pages if page.parts[0] != "decisions" and str(page) not in index]
    assert unlisted == ["index.md"]


def test_decisions_have_numbers_of_their_own_dates_and_the_same_sections() -> None:
    records = sorted((_ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers)
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert re.match(rf"# {int(record.name[:4])}\. ", text), record.name
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), record.name
        for section in ("Context", "Decision", "Consequences"):
            assert f"\n## {section}\n" in text, f"{record.name}: {section}"


def _tests_in(path: Path) -> bool:
    return path.is_file() or any(path.rglob("test_*.py"))
