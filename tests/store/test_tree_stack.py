"""Layers laid over each other: the later one wins, whatever lies under it."""

import os
from pathlib import Path

import pytest

from lambent.store.tree_stack import stack_trees


def tree(root: Path, files: dict[str, str]) -> Path:
    root.mkdir()
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("-> "):
            file.symlink_to(content.removeprefix("-> "))
        else:
            file.write_text(content)
    return root


def contents(root: Path) -> dict[str, str]:
    """Links, files and empty folders, by path."""
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
        elif not any(path.iterdir()):
            found[f"{name}/"] = ""
    return found


def stack(tmp_path: Path, *layers: dict[str, str]) -> Path:
    trees = [tree(tmp_path / f"layer{number}", files) for number, files in enumerate(layers)]
    target = tmp_path / "stack"
    target.mkdir()
    stack_trees(trees, target)
    return target


def test_folders_are_merged_and_later_files_win(tmp_path: Path) -> None:
    stacked = stack(
        tmp_path,
        {"python/a.py": "1", "python/b.py": "1", "bin/tool": "1"},
        {"python/b.py": "2", "python/c/d.py": "2"},
        {"python/c/d.py": "3"},
    )
    assert contents(stacked) == {"python/a.py": "1", "python/b.py": "2", "python/c/d.py": "3", "bin/tool": "1"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"a/b": "1"}, {"a": "2"}], {"a": "2"}),
        ([{"a": "1"}, {"a/b": "2"}], {"a/b": "2"}),
        ([{"a/b": "1"}, {"a": "-> elsewhere"}], {"a": "-> elsewhere"}),
        ([{"a": "-> elsewhere"}, {"a/b": "2"}], {"a/b": "2"}),
        ([{"a/b": "1"}, {"a": "2"}, {"a/c": "3"}], {"a/c": "3"}),
        ([{"a/b": "1"}, {"other": "2"}, {"a/c": "3"}], {"a/b": "1", "a/c": "3", "other": "2"}),
    ],
)
def test_what_covers_a_folder_hides_all_of_it(
    tmp_path: Path, layers: list[dict[str, str]], expected: dict[str, str]
) -> None:
    assert contents(stack(tmp_path, *layers)) == expected


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", {"secret": "s"})
    stacked = stack(tmp_path, {"a": f"-> {outside}"}, {"b": "-> missing"})
    assert contents(stacked) == {"a": f"-> {outside}", "b": "-> missing"}


def test_files_are_shared_and_modes_are_the_last_ones(tmp_path: Path) -> None:
    lower = tree(tmp_path / "lower", {"python/a.py": "1", "bin/tool": "1"})
    upper = tree(tmp_path / "upper", {"python/b.py": "2"})
    (lower / "bin" / "tool").chmod(0o755)
    (lower / "python").chmod(0o700)
    (upper / "python").chmod(0o551)
    stacked = tmp_path / "stacked"
    stacked.mkdir()
    stack_trees([lower, upper], stacked)
    assert (stacked / "bin" / "tool").samefile(lower / "bin" / "tool")
    assert (stacked / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (stacked / "python").stat().st_mode & 0o777 == 0o551


def test_where_no_more_links_can_be_made_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(31, os.strerror(31))  # EMLINK: ext4 has 65,000 for each file

    monkeypatch.setattr(os, "link", refuse)
    stacked = stack(tmp_path, {"a": "1"}, {"b": "2"})
    assert contents(stacked) == {"a": "1", "b": "2"}
    assert not (stacked / "a").samefile(tmp_path / "layer0" / "a")


def test_another_failure_of_the_disk_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space left"):
        stack(tmp_path, {"a": "1"}, {"b": "2"})
