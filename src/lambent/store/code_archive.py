"""What a valid deployment package is, and how it is unpacked.

An archive comes from an attacker until proved otherwise. Reading its directory makes a *plan*: what will be at which
path, every path inside the tree, nothing but files, folders and links that stay inside. Only a plan is ever unpacked,
into an empty folder of ours, files first and links last, so that nothing is written through a link of the archive's.

The sizes that an archive declares are only believed to refuse it. Every byte is inflated once, counted and checked
against its checksum before the package is accepted: a damaged one is the caller's error, not a failed function.

Source: api-errors.md §5 (texts), runtime-api.md §8 (modes are kept). Which entries are refused, and how many there may
be: unverified; refusing links that leave the tree may be stricter than AWS.
"""

import errno
import os
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from calendar import timegm
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path

from lambent.core.concurrency import CODE_SIZE_UNZIPPED
from lambent.core.errors import InvalidParameterValue

MAX_ENTRIES = 200_000
"""Ours: several times the largest deployments known, a tenth of what a 50 MiB archive could declare."""

_MAX_LINK_BYTES = 4_095  # PATH_MAX less the NUL
_MAX_PATH_BYTES = 3_840  # leaves room for the folder that it is unpacked into
_MAX_NAME_BYTES = 255
_MAX_DEPTH = 100  # ours: one short entry may not imply thousands of folders
_MAX_LINK_HOPS = 40  # as the kernel (MAXSYMLINKS)
_MAX_LINK_STEPS = 2_000_000  # in all links together; node_modules/.bin needs a few thousand
_CHUNK_BYTES = 1024 * 1024
_MOUNT_POINTS = ("/var/task/", "/opt/")  # of a package and of a layer; one archive can be both
_ENTRY_SIGNATURE = b"PK\x01\x02"
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_READABLE_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # others also inflate without bounds here
_FLAG_ENCRYPTED = 0x1
_FLAG_STRONG_ENCRYPTION = 0x40
_FLAG_UTF_8 = 0x800
_EXTENDED_TIMESTAMP = 0x5455

# Whatever zipfile and zlib say of a damaged archive; some damage surfaces as an error of a layer below.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
    ValueError,
    OverflowError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class ArchiveInfo:
    """What an archive comes to when it is unpacked."""

    unpacked_bytes: int
    entries: int


@dataclass(frozen=True, slots=True)
class _File:
    info: zipfile.ZipInfo
    mode: int


@dataclass(frozen=True, slots=True)
class _Link:
    target: str


@dataclass(frozen=True, slots=True)
class _Folder:
    mode: int


_Node = _File | _Link | _Folder


def inspect_archive(package: bytes | Path) -> ArchiveInfo:
    """Check a deployment package from its first to its last byte; nothing is written.

    Raises:
        InvalidParameterValue: it is no zip or a damaged one, is empty, would be too large, or has entries that can't be
            unpacked safely; in AWS's words.
    """
    with _opened(package) as archive:
        plan = _plan(archive)
        total = 0
        for node in plan.values():
            if isinstance(node, _File):
                for chunk in _content(archive, node.info):
                    total += len(chunk)
        return ArchiveInfo(unpacked_bytes=total, entries=len(archive.infolist()))


def unpacked_bytes_of(package: Path) -> int:
    """What an archive that `inspect_archive` has let through comes to when unpacked; nothing is inflated again.

    Raises:
        InvalidParameterValue: it isn't such an archive.
    """
    with _opened(package) as archive:
        return sum(node.info.file_size for node in _plan(archive).values() if isinstance(node, _File))


def unpack_archive(package: bytes | Path, directory: Path) -> None:
    """Unpack a package into an empty folder; modes and times are the archive's, the owner is this process.

    Files without a mode get 0644, folders 0755. Of two entries with one name the last one counts, as with `unzip -o`.

    Raises:
        InvalidParameterValue: as `inspect_archive`; the folder may then have some of it.
        OSError: it can't be written.
    """
    with _opened(package) as archive:
        plan = _plan(archive)
        # A folder always sorts before what is in it.
        folders = sorted(path for path, node in plan.items() if isinstance(node, _Folder))
        for path in folders:
            (directory / path).mkdir(mode=0o700)
        for path, node in plan.items():
            if isinstance(node, _File):
                _write(archive, node, directory / path)
        for path, node in plan.items():
            if isinstance(node, _Link):
                (directory / path).symlink_to(node.target)
        # Last, and from the inside out: a folder that may not be written to can't be filled by an ordinary user.
        for path in reversed(folders):
            folder = plan[path]
            assert isinstance(folder, _Folder)
            (directory / path).chmod(folder.mode)


@contextmanager
def _opened(package: bytes | Path) -> Iterator[zipfile.ZipFile]:
    """The archive, its directory read and no larger than it may be; damage is the caller's error while it is open."""
    if isinstance(package, Path):
        with package.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise _empty()
            with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                _check_entry_count(content)
            with _damage_is_the_callers_error(), zipfile.ZipFile(file) as archive:
                yield archive
    else:
        if not package:
            raise _empty()
        _check_entry_count(package)
        with _damage_is_the_callers_error(), zipfile.ZipFile(BytesIO(package)) as archive:
            yield archive


@contextmanager
def _damage_is_the_callers_error() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _not_unzippable() from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a seek to before the file's beginning
            raise
        raise _not_unzippable() from error


def _check_entry_count(content: bytes | mmap) -> None:
    """Refuse too many entries before zipfile makes an object of each: half a kilobyte for 46 bytes of the caller's.

    A signature inside a file's bytes counts too, which doesn't matter at this number.
    """
    found, position = 0, content.find(_ENTRY_SIGNATURE)
    while position >= 0:
        found += 1
        if found > MAX_ENTRIES:
            raise _not_unzippable()
        position = content.find(_ENTRY_SIGNATURE, position + len(_ENTRY_SIGNATURE))


def _plan(archive: zipfile.ZipFile) -> dict[str, _Node]:
    """What will be where: paths relative to the tree, without dots or double slashes, implied folders added."""
    infos = archive.infolist()
    if not infos:
        raise _empty()
    if sum(info.file_size for info in infos) > CODE_SIZE_UNZIPPED:
        raise InvalidParameterValue(f"Unzipped size must be smaller than {CODE_SIZE_UNZIPPED} bytes")
    plan: dict[str, _Node] = {}
    for info in infos:
        path = _safe_path(info)
        if path:
            node = _node(archive, info)
            _check_kind(plan.get(path), node)
            plan[path] = node
    _add_implied_folders(plan)
    _check_links(plan)
    return plan


def _add_implied_folders(plan: dict[str, _Node]) -> None:
    for path in list(plan):
        for parent in _parents(path):
            _check_kind(plan.setdefault(parent, _Folder(0o755)), _Folder(0o755))
        if len(plan) > MAX_ENTRIES:
            raise _not_unzippable()


def _safe_path(info: zipfile.ZipInfo) -> str:
    """The entry's path in the tree; "" is the tree itself."""
    name = _name(info)
    windows = name.replace("\\", "/")
    # A backslash is an ordinary character here, and on AWS: but what would climb out on Windows isn't meant well.
    if (
        windows.startswith("/")
        or _WINDOWS_DRIVE.match(name)
        or ".." in windows.split("/")
        or "\0" in info.orig_filename
    ):
        raise _not_unzippable()
    parts = [part for part in name.split("/") if part not in {"", "."}]
    path = "/".join(parts)
    if len(parts) > _MAX_DEPTH or len(path.encode()) > _MAX_PATH_BYTES:
        raise _not_unzippable()
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise _not_unzippable()
    return path


def _name(info: zipfile.ZipInfo) -> str:
    """The name as its maker meant it: many tools write UTF-8 without saying so, and zipfile reads code page 437."""
    if not info.flag_bits & _FLAG_UTF_8:
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _node(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Node:
    if info.flag_bits & (_FLAG_ENCRYPTED | _FLAG_STRONG_ENCRYPTION) or info.compress_type not in _READABLE_METHODS:
        raise _not_unzippable()
    mode = info.external_attr >> 16
    # setuid, setgid and sticky bits mean nothing in a read-only tree without privileges.
    permissions, kind = mode & 0o777, stat.S_IFMT(mode)
    if info.is_dir() or kind == stat.S_IFDIR:
        if info.file_size:
            raise _not_unzippable()
        return _Folder(permissions if mode else 0o755)
    if kind == stat.S_IFLNK:
        return _Link(_link_target(archive, info))
    if kind not in {0, stat.S_IFREG}:
        raise _not_unzippable()  # a device, a pipe, a socket
    return _File(info, permissions if mode else 0o644)


def _link_target(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    if info.file_size > _MAX_LINK_BYTES:
        raise _not_unzippable()
    target = b"".join(_content(archive, info)).decode("utf-8")
    if not target or "\0" in target:
        raise _not_unzippable()
    return target


def _check_kind(existing: _Node | None, node: _Node) -> None:
    """One path is one kind of thing: a file can't be where a folder is needed, nor anything under a link."""
    if existing is not None and type(existing) is not type(node):
        raise _not_unzippable()


def _parents(path: str) -> Iterable[str]:
    position = path.find("/")
    while position >= 0:
        yield path[:position]
        position = path.find("/", position + 1)


def _check_links(plan: dict[str, _Node]) -> None:
    """Walk each link as the kernel would, and refuse it where a step leaves the tree; it may lead to nothing.

    Its text alone doesn't tell: after `a/here -> ..`, `a/here/..` is above the tree.
    """
    budget = _MAX_LINK_STEPS
    for path, node in plan.items():
        if isinstance(node, _Link):
            budget -= _steps_inside(plan, path, budget)


def _steps_inside(plan: dict[str, _Node], path: str, budget: int) -> int:
    """How many steps it takes to follow one link to its end."""
    place: list[str] = []
    ahead = path.split("/")[::-1]  # the next step is the last
    hops = taken = 0
    while ahead:
        taken += 1
        step = ahead.pop()
        if step == "..":
            if not place:
                raise _not_unzippable()
            place.pop()
        elif step not in {"", "."}:
            place.append(step)
            node = plan.get("/".join(place))
            if isinstance(node, _Link):
                hops += 1
                place = [] if posixpath.isabs(node.target) else place[:-1]
                ahead.extend(reversed(_target_steps(node)))
        if hops > _MAX_LINK_HOPS or taken > budget:
            raise _not_unzippable()
    return taken


def _target_steps(link: _Link) -> list[str]:
    if not posixpath.isabs(link.target):
        return link.target.split("/")
    # An absolute target is inside only by a name that the tree is going to be mounted at.
    for mount_point in _MOUNT_POINTS:
        if link.target.startswith(mount_point):
            return link.target.removeprefix(mount_point).split("/")
    raise _not_unzippable()


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The entry's bytes; fewer than declared, or with another checksum, is damage. More are never inflated."""
    with archive.open(info) as entry:
        size = 0
        while chunk := entry.read(_CHUNK_BYTES):
            size += len(chunk)
            yield chunk
    if size != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} has {size} bytes and declares {info.file_size}")


def _write(archive: zipfile.ZipFile, node: _File, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(_content(archive, node.info))
        file.flush()
        modified = _modified_seconds(node.info)
        os.utime(descriptor, (modified, modified))
        os.fchmod(descriptor, node.mode)


def _modified_seconds(info: zipfile.ZipInfo) -> int:
    """The entry's time: compiled Python files are only used if their source still has the time they were made from.

    The exact time in UTC is in an extra field that most tools write; the other one has two seconds' precision and is in
    the maker's unknown local time.
    """
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == _EXTENDED_TIMESTAMP and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return int(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + size :]
    return timegm((*info.date_time, 0, 0, 0))


def _empty() -> InvalidParameterValue:
    return InvalidParameterValue("Uploaded file must be a non-empty zip")


def _not_unzippable() -> InvalidParameterValue:
    return InvalidParameterValue("Could not unzip uploaded file. Please check your file, then try to upload again.")
