"""What a deployment package may be, tried with archives that a user, a careless tool or an attacker would make.

Source of the texts: api-errors.md §5. Names of entries are written here as an attacker writes them: by hand.
"""

import os
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.core.errors import InvalidParameterValue
from lambent.store import code_archive
from lambent.store.code_archive import ArchiveInfo, inspect_archive, unpack_archive

NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
EMPTY = "Uploaded file must be a non-empty zip"
TOO_LARGE = "Unzipped size must be smaller than 262144000 bytes"

Entry = tuple[str, int, bytes]  # name, mode with its type (0: none), content

FILE, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


def archive(*entries: Entry, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, mode, content in entries:
            info = zipfile.ZipInfo(name)
            info.filename = name  # zipfile "corrects" what it is given at first
            info.compress_type = method
            file.writestr(info, content)
            info.external_attr = mode << 16  # afterwards: zipfile makes 0600 of none
    return buffer.getvalue()


def refused(package: bytes) -> str | None:
    with pytest.raises(InvalidParameterValue) as raised:
        inspect_archive(package)
    return raised.value.message


def unpacked(package: bytes, directory: Path) -> dict[str, str]:
    """Paths and, in words, what is there."""
    inspect_archive(package)
    directory.mkdir()
    unpack_archive(package, directory)
    found = {}
    for folder, folders, files in os.walk(directory):
        for name in folders + files:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                what = f"-> {path.readlink()}"
            elif stat.S_ISDIR(mode):
                what = f"folder {stat.S_IMODE(mode):04o}"
            else:
                what = f"{stat.S_IMODE(mode):04o} {path.read_bytes().decode()}"
            found[path.relative_to(directory).as_posix()] = what
    return found


@pytest.fixture(params=["bytes", "path"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], bytes | Path]:
    def make(package: bytes) -> bytes | Path:
        if request.param == "bytes":
            return package
        path = tmp_path / "package.zip"
        path.write_bytes(package)
        return path

    return make


class TestWhatIsKept:
    def test_files_folders_modes_and_links_are_as_in_the_archive(self, tmp_path: Path) -> None:
        package = archive(
            ("app.py", FILE | 0o644, b"one"),
            ("bin/", FOLDER | 0o700, b""),
            ("bin/tool", FILE | 0o755, b"two"),
            ("lib/deep/secret", FILE | 0o600, b"three"),
            ("tool", LINK | 0o777, b"bin/tool"),
        )
        assert unpacked(package, tmp_path / "tree") == {
            "app.py": "0644 one",
            "bin": "folder 0700",
            "bin/tool": "0755 two",
            "lib": "folder 0755",
            "lib/deep": "folder 0755",
            "lib/deep/secret": "0600 three",
            "tool": "-> bin/tool",
        }

    def test_without_a_mode_files_are_0644_and_folders_0755(self, tmp_path: Path) -> None:
        package = archive(("app.py", 0, b"one"), ("lib/", 0, b""))
        assert unpacked(package, tmp_path / "tree") == {"app.py": "0644 one", "lib": "folder 0755"}

    def test_setuid_setgid_and_sticky_bits_are_dropped(self, tmp_path: Path) -> None:
        package = archive(("app.py", FILE | 0o7755, b"one"))
        assert unpacked(package, tmp_path / "tree") == {"app.py": "0755 one"}

    def test_folders_that_may_not_be_written_to_are_filled(self, tmp_path: Path) -> None:
        package = archive(("lib/", FOLDER | 0o555, b""), ("lib/a.py", FILE | 0o444, b"one"))
        assert unpacked(package, tmp_path / "tree") == {"lib": "folder 0555", "lib/a.py": "0444 one"}

    def test_of_two_entries_with_one_name_the_last_counts(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            package = archive(("a", FILE | 0o644, b"first"), ("a", FILE | 0o600, b"last"))
        assert unpacked(package, tmp_path / "tree") == {"a": "0600 last"}

    def test_dots_and_double_slashes_mean_what_they_mean_in_a_path(self, tmp_path: Path) -> None:
        package = archive(("./a//b/./c", 0, b"one"), ("./", 0, b""))
        assert unpacked(package, tmp_path / "tree") == {"a": "folder 0755", "a/b": "folder 0755", "a/b/c": "0644 one"}

    def test_a_backslash_is_a_character_of_the_name(self, tmp_path: Path) -> None:
        """As on AWS, where packages of old Windows tools end in "Unable to import module"."""
        assert unpacked(archive(("lib\\a.py", 0, b"one")), tmp_path / "tree") == {"lib\\a.py": "0644 one"}

    def test_names_in_any_script(self, tmp_path: Path) -> None:
        assert unpacked(archive(("日本語/ключ.txt", 0, b"one")), tmp_path / "tree") == {
            "日本語": "folder 0755",
            "日本語/ключ.txt": "0644 one",
        }

    def test_utf_8_names_of_tools_that_do_not_say_so(self, tmp_path: Path) -> None:
        package = archive(("x\u00e4.txt", 0, b"one"))
        flagged = struct.pack("<H", 0x800)
        assert package.count(flagged) == 2
        assert unpacked(package.replace(flagged, b"\0\0"), tmp_path / "tree") == {"xä.txt": "0644 one"}

    def test_names_in_code_page_437(self, tmp_path: Path) -> None:
        package = archive(("x__.txt", 0, b"one")).replace(b"x__.txt", b"x\x84\x94.txt")
        assert unpacked(package, tmp_path / "tree") == {"xäö.txt": "0644 one"}

    def test_anything_may_stand_before_the_archive(self, tmp_path: Path) -> None:
        assert unpacked(b"#!/bin/sh\n" + archive(("a", 0, b"one")), tmp_path / "tree") == {"a": "0644 one"}

    def test_the_exact_time_in_utc_is_kept_where_the_archive_has_it(self, tmp_path: Path) -> None:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            exact = zipfile.ZipInfo("exact", (2024, 5, 1, 10, 0, 0))
            exact.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_714_557_601)
            file.writestr(exact, b"")
            file.writestr(zipfile.ZipInfo("plain", (2024, 5, 1, 10, 0, 4)), b"")
        tree = tmp_path / "tree"
        unpacked(buffer.getvalue(), tree)
        assert (tree / "exact").stat().st_mtime == 1_714_557_601
        assert time.gmtime((tree / "plain").stat().st_mtime)[:6] == (2024, 5, 1, 10, 0, 4)

    def test_info_counts_what_is_unpacked(self, either: Callable[[bytes], bytes | Path]) -> None:
        package = archive(("a", 0, b"12345"), ("lib/", 0, b""), ("lib/b", 0, b"678"))
        assert inspect_archive(either(package)) == ArchiveInfo(unpacked_bytes=8, entries=3)


class TestWhatIsNoArchive:
    @pytest.mark.parametrize("package", [b"x", b"PK\x03\x04", b"\x1f\x8b\x08" + bytes(100), b"PK\x05\x06" + bytes(5)])
    def test_no_zip(self, package: bytes, either: Callable[[bytes], bytes | Path]) -> None:
        with pytest.raises(InvalidParameterValue, match=NOT_A_ZIP):
            inspect_archive(either(package))

    @pytest.mark.parametrize("package", [b"", archive()])
    def test_an_empty_zip(self, package: bytes, either: Callable[[bytes], bytes | Path]) -> None:
        with pytest.raises(InvalidParameterValue, match=EMPTY):
            inspect_archive(either(package))

    def test_a_truncated_one(self) -> None:
        package = archive(("a", 0, b"one" * 100))
        for length in range(1, len(package)):
            assert refused(package[:length]) == NOT_A_ZIP

    def test_content_that_is_not_what_its_checksum_says(self) -> None:
        package = archive(("a", 0, b"content"), method=zipfile.ZIP_STORED)
        assert refused(package.replace(b"content", b"CONTENT")) == NOT_A_ZIP

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_compression_that_lambda_does_not_know(self, method: int) -> None:
        assert refused(archive(("a", 0, b"one"), method=method)) == NOT_A_ZIP

    def test_an_encrypted_one(self) -> None:
        package = bytearray(archive(("a", 0, b"one")))
        package[package.index(b"PK\x01\x02") + 8] |= 1
        assert refused(bytes(package)) == NOT_A_ZIP


class TestWhatWouldLeaveTheTree:
    @pytest.mark.parametrize(
        "name",
        [
            "../a",
            "a/../../b",
            "a/..",
            "..",
            "/etc/passwd",
            "//etc/passwd",
            "C:/a",
            "c:\\a",
            "..\\a",
            "a\\..\\..\\b",
            "\\a",
            "\\\\server\\share\\a",
            "lib\\../a",
        ],
    )
    def test_names(self, name: str) -> None:
        assert refused(archive((name, 0, b"one"))) == NOT_A_ZIP

    def test_a_name_with_a_nul_that_hides_its_end(self) -> None:
        package = archive(("good/X../bad", 0, b"one")).replace(b"good/X../bad", b"good/\0../bad")
        assert refused(package) == NOT_A_ZIP

    @pytest.mark.parametrize(
        "target",
        [
            "..",
            "../../etc/passwd",
            "lib/../..",
            "/etc/passwd",
            "/var/task/../../etc/passwd",
            "/var/taskforce",
            "/opt/../etc/passwd",
            "/optional",
            "/tmp/a",
            "",
            "a\0b",
        ],
    )
    def test_links(self, target: str) -> None:
        assert refused(archive(("link", LINK | 0o777, target.encode()))) == NOT_A_ZIP

    def test_a_link_that_leaves_by_way_of_another(self) -> None:
        """By its text `a/b/e` is inside; after `a/b/d -> ../..` it isn't."""
        up = ("a/b/d", LINK | 0o777, b"../..")
        assert refused(archive(up, ("a/b/e", LINK | 0o777, b"d/../x"))) == NOT_A_ZIP
        inspect_archive(archive(up, ("a/b/e", LINK | 0o777, b"d/x")))

    def test_a_ring_of_links(self) -> None:
        assert refused(archive(("a", LINK | 0o777, b"b"), ("b", LINK | 0o777, b"a"))) == NOT_A_ZIP

    @pytest.mark.parametrize(
        "target", ["lib/libx.so.1", "./lib//libx.so.1", "/var/task/lib/libx.so.1", "/opt/lib/libx.so.1", "not/there"]
    )
    def test_links_inside_are_kept(self, target: str, tmp_path: Path) -> None:
        package = archive(("link", LINK | 0o777, target.encode()), ("lib/libx.so.1", 0, b"one"))
        assert unpacked(package, tmp_path / "tree")["link"] == f"-> {Path(target)}"

    @pytest.mark.parametrize("first", ["link", "file"])
    def test_nothing_is_written_through_a_link(self, first: str) -> None:
        link, file = ("a", LINK | 0o777, b"lib"), ("a/passwd", 0, b"one")
        assert refused(archive(*((link, file) if first == "link" else (file, link)))) == NOT_A_ZIP

    def test_a_file_and_a_link_of_one_name(self) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            package = archive(("a", LINK | 0o777, b"b"), ("a", 0, b"one"))
        assert refused(package) == NOT_A_ZIP

    def test_a_file_where_a_folder_is_needed(self) -> None:
        assert refused(archive(("a", 0, b"one"), ("a/b", 0, b"two"))) == NOT_A_ZIP

    @pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
    def test_devices_pipes_and_sockets(self, kind: int) -> None:
        assert refused(archive(("a", kind | 0o666, b""))) == NOT_A_ZIP


class TestBombs:
    def test_a_declared_size_over_the_limit_is_refused_without_reading(self) -> None:
        package = bytearray(archive(("a", 0, b"one")))
        struct.pack_into("<I", package, package.index(b"PK\x01\x02") + 24, 262_144_001)
        assert refused(bytes(package)) == TOO_LARGE

    def test_many_entries_that_share_one_content(self) -> None:
        """A flat bomb: 1,000 entries of the directory name the same 1 MB."""
        single = archive(("aaaa", 0, bytes(1_000_000)))
        start = single.index(b"PK\x01\x02")
        end = single.index(b"PK\x05\x06")
        entry, tail = single[start:end], bytearray(single[end:])
        entries = b"".join(entry.replace(b"aaaa", f"{number:04}".encode()) for number in range(1_000))
        struct.pack_into("<HHI", tail, 8, 1_000, 1_000, len(entries))
        assert refused(single[:start] + entries + bytes(tail)) == TOO_LARGE

    def test_a_size_that_is_declared_too_small_is_inflated_no_further(self) -> None:
        package = bytearray(archive(("a", 0, bytes(50_000_000))))
        struct.pack_into("<I", package, package.index(b"PK\x01\x02") + 24, 10)
        assert refused(bytes(package)) == NOT_A_ZIP

    def test_a_size_that_is_declared_too_large(self) -> None:
        package = bytearray(archive(("a", 0, b"one")))
        struct.pack_into("<I", package, package.index(b"PK\x01\x02") + 24, 1_000)
        assert refused(bytes(package)) == NOT_A_ZIP

    def test_too_many_entries_are_refused_before_they_are_read(self, either: Callable[[bytes], bytes | Path]) -> None:
        package = b"PK\x01\x02" * 200_001 + archive(("a", 0, b"one"))
        with pytest.raises(InvalidParameterValue, match=NOT_A_ZIP):
            inspect_archive(either(package))

    def test_short_names_that_imply_thousands_of_folders(self) -> None:
        assert refused(archive(("a/" * 101, 0, b""))) == NOT_A_ZIP
        inspect_archive(archive(("a/" * 100, 0, b"")))

    def test_implied_folders_count_as_entries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(code_archive, "MAX_ENTRIES", 100)
        assert refused(archive(*((f"{number}/a/a/a", 0, b"") for number in range(50)))) == NOT_A_ZIP

    def test_names_that_no_file_system_takes(self) -> None:
        assert refused(archive(("x" * 256, 0, b""))) == NOT_A_ZIP
        assert refused(archive(("/".join(["x" * 200] * 20), 0, b""))) == NOT_A_ZIP

    def test_links_that_take_forever_to_follow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(code_archive, "_MAX_LINK_STEPS", 10_000)
        links = [(f"l{number}", LINK | 0o777, b"./" * 1_000 + b"x") for number in range(20)]
        assert refused(archive(*links)) == NOT_A_ZIP
        inspect_archive(archive(*links[:5]))

    def test_a_link_as_long_as_a_file(self) -> None:
        assert refused(archive(("link", LINK | 0o777, b"x" * 4_096))) == NOT_A_ZIP

    def test_the_limit_itself_is_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(code_archive, "CODE_SIZE_UNZIPPED", 8)
        inspect_archive(archive(("a", 0, b"1234"), ("b", 0, b"5678")))
        with pytest.raises(InvalidParameterValue, match="smaller than 8 bytes"):
            inspect_archive(archive(("a", 0, b"1234"), ("b", 0, b"56789")))


NAMES = st.one_of(
    st.lists(st.sampled_from(["a", "b", "..", ".", "", "C:", "c"]), min_size=1, max_size=5).map("/".join),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=10),
)
KINDS = st.sampled_from([0, FILE | 0o644, FILE | 0o000, FOLDER | 0o755, LINK | 0o777, stat.S_IFIFO | 0o644])
ENTRIES = st.lists(st.tuples(NAMES, KINDS, NAMES.map(str.encode)), min_size=1, max_size=8)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(entries=ENTRIES)
def test_whatever_is_unpacked_stays_in_the_tree_and_leads_nowhere_else(
    entries: list[Entry], tmp_path_factory: pytest.TempPathFactory
) -> None:
    package = archive(*entries)
    tree = tmp_path_factory.mktemp("property").resolve() / "tree"
    try:
        unpacked_lenient(package, tree)
    except InvalidParameterValue:
        return
    assert list(tree.parent.iterdir()) == [tree]
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = Path(folder, name)
            target = str(path.readlink()) if path.is_symlink() else ""
            if not target.startswith("/var/task"):
                assert path.resolve().is_relative_to(tree)


def unpacked_lenient(package: bytes, tree: Path) -> None:
    inspect_archive(package)
    tree.mkdir()
    unpack_archive(package, tree)  # whatever passed the inspection can be unpacked


VALID = archive(
    ("app.py", FILE | 0o644, b"def handler(event, context): return event\n" * 3),
    ("lib/", FOLDER | 0o755, b""),
    ("lib/link", LINK | 0o777, b"../app.py"),
    ("ü", 0, b""),
)


@settings(deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, len(VALID)),
)
def test_damage_of_any_kind_is_the_callers_error(changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(VALID)
    for position, value in changes:
        damaged[position] = value
    for package in (bytes(damaged), bytes(damaged[:cut])):
        try:
            info = inspect_archive(package)
        except InvalidParameterValue as error:
            assert error.message in {NOT_A_ZIP, EMPTY, TOO_LARGE}  # noqa: PT017 - either is fine
        else:
            assert info.entries >= 1


def test_damage_in_a_file_on_disk_is_the_callers_error_too(tmp_path: Path) -> None:
    """A directory before the file's beginning is a negative seek, which a file answers with EINVAL."""
    package = bytearray(VALID)
    struct.pack_into("<I", package, package.index(b"PK\x05\x06") + 16, 0x7FFFFFF0)
    path = tmp_path / "package.zip"
    path.write_bytes(package)
    with pytest.raises(InvalidParameterValue, match=NOT_A_ZIP):
        inspect_archive(path)
