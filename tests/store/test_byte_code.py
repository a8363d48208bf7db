"""Folders of byte code: of the package's own modules only, written nowhere but in the folder, gone with the tree."""

import stat
from pathlib import Path

import pytest

from lambent.store.byte_code import ByteCodeFolder, Module, python_modules
from lambent.store.code_trees import CodeTrees


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for path in ("app.py", "package/__init__.py", "package/deep/er.py", "data.json", "package/native.so"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("x = 1\n")
    return tree


@pytest.fixture
def folder(tmp_path: Path) -> ByteCodeFolder:
    return ByteCodeFolder(tmp_path / "tree.byte-code" / "task-3.13.0")


def test_modules_are_the_tree_s_python_files(tree: Path) -> None:
    assert python_modules(tree) == [
        Module("app.py", 6),
        Module("package/__init__.py", 6),
        Module("package/deep/er.py", 6),
    ]


def test_links_are_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("")
    (tree / "linked").symlink_to(outside)
    (tree / "linked.py").symlink_to("app.py")
    (tree / "folder.py").mkdir()
    assert [module.path for module in python_modules(tree)] == ["app.py", "package/__init__.py", "package/deep/er.py"]


def test_a_name_that_leaves_no_room_for_another_letter_is_left_out(tree: Path) -> None:
    (tree / f"{'n' * 252}.py").write_text("")
    (tree / f"{'n' * 251}.py").write_text("")
    assert f"{'n' * 251}.py" in [module.path for module in python_modules(tree)]
    assert f"{'n' * 252}.py" not in [module.path for module in python_modules(tree)]


def test_a_file_appears_whole_and_may_be_read_by_all(tree: Path, folder: ByteCodeFolder) -> None:
    modules = python_modules(tree)
    assert folder.begin(modules) == modules
    folder.add(modules[2], b"byte code")
    file = folder.path / "package/deep/er.pyc"
    assert file.read_bytes() == b"byte code"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755
    assert [path.name for path in folder.path.parent.iterdir()] == [folder.path.name], "nothing is left beside it"
    assert not list(tree.rglob("*.pyc"))


def test_what_is_there_is_not_made_again(tree: Path, folder: ByteCodeFolder) -> None:
    modules = python_modules(tree)
    folder.begin(modules)
    folder.add(modules[0], b"1")
    assert not folder.is_finished
    assert folder.begin(modules) == modules[1:]
    folder.finish()
    assert folder.is_finished


def test_byte_code_goes_with_its_tree_and_is_no_tree(tmp_path: Path) -> None:
    trees = CodeTrees(tmp_path, boot_id="boot 1")
    trees.path("abc").mkdir()
    folder = ByteCodeFolder(trees.byte_code("abc") / "task-3.13.0")
    folder.begin([Module("a.py", 1)])
    assert trees.digests() == {"abc"}
    for retired in trees.retire("abc"):
        trees.discard(retired)
    assert [path.name for path in tmp_path.iterdir()] == ["boot_id"]
    with pytest.raises(FileNotFoundError):
        folder.add(Module("a.py", 1), b"too late")


def test_byte_code_does_not_outlive_a_restart_of_the_machine(tmp_path: Path) -> None:
    trees = CodeTrees(tmp_path, boot_id="boot 1")
    folder = ByteCodeFolder(trees.byte_code("abc") / "task-3.13.0")
    folder.begin([Module("a.py", 1)])
    CodeTrees(tmp_path, boot_id="boot 1")
    assert folder.is_there
    CodeTrees(tmp_path, boot_id="boot 2")
    assert not folder.is_there
