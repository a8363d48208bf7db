"""The /tmp of an execution environment: exactly as big as configured, on disk, not in the function's memory.

Each is a sparse ext4 image on a loop device. The image file never has a name (O_TMPFILE), the loop device lets go
of it when the last user is gone (LO_FLAGS_AUTOCLEAR), the mount is detached until init attaches it: when
the last process and descriptor of the environment are gone, so is everything else, also after SIGKILL.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.mounts import mount_device

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
_LO_FLAGS_DIRECT_IO = 16
_MEGABYTE = 1024 * 1024
_BLOCK = 4096
_INODE_RATIO = 32768
_TRIES = 16


@dataclass(frozen=True, slots=True)
class _Template:
    """A freshly made file system: its length and the few parts of it that aren't zero."""

    length: int
    extents: tuple[tuple[int, bytes], ...]


class TmpInMemory:
    """Makes /tmp file systems where loop devices can't be had: of the exact size, but in the machine's memory."""

    def create(self, size_mb: int) -> int:
        """A detached mount of an empty file system that takes size_mb MiB of data; the caller closes it.

        Raises:
            SandboxFailed: this user may not mount.
        """
        size = size_mb * _MEGABYTE
        options: dict[str, str | None] = {"size": str(size), "nr_inodes": str(size // _INODE_RATIO), "mode": "1777"}
        try:
            return mount_device("tmpfs", "lambent", options)
        except OSError as error:
            raise SandboxFailed(f"an environment's /tmp of {size_mb} MB: {error}") from error


class TmpStorage:
    """Makes /tmp file systems; safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        """Args: directory: on the file system that is to hold the images."""
        self._directory = directory
        self._templates: dict[int, _Template] = {}

    def create(self, size_mb: int) -> int:
        """A detached mount of an empty file system that takes size_mb MiB of data; the caller closes it.

        Raises:
            SandboxFailed: no loop device or no room for the image.
        """
        template = self._templates.get(size_mb)
        if template is None:
            template = self._templates[size_mb] = self._make_template(size_mb)
        try:
            image = os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(image, template.length)
                for offset, data in template.extents:
                    os.pwrite(image, data, offset)
                device, device_fd = _attach_loop_device(image)
            finally:
                os.close(image)
            try:
                return mount_device("ext4", device, {"discard": None})
            finally:
                os.close(device_fd)
        except OSError as error:
            raise SandboxFailed(f"an environment's /tmp of {size_mb} MB: {error}") from error

    def _make_template(self, size_mb: int) -> _Template:
        program = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if program is None:
            raise SandboxFailed("an environment's /tmp: mkfs.ext4 is missing (package e2fsprogs)")
        wanted = size_mb * _MEGABYTE
        length = wanted
        while True:
            # ext4 keeps some room for itself (inode tables, reserved clusters): measured, then added.
            template, available = self._format(program, length)
            if available >= wanted:
                return template
            length += -(-(wanted - available) // _BLOCK) * _BLOCK

    def _format(self, program: str, length: int) -> tuple[_Template, int]:
        """Make a file system of length bytes; answers it and the bytes a function can write."""
        with tempfile.NamedTemporaryFile(dir=self._directory, prefix="tmp-template-") as file:
            file.truncate(length)
            command = [
                program, "-q", "-F", "-m", "0", "-b", str(_BLOCK), "-i", str(_INODE_RATIO),
                "-O", "^has_journal,^resize_inode,^huge_file,uninit_bg",
                "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", file.name,
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SandboxFailed(f"an environment's /tmp: mkfs.ext4: {done.stderr.strip()}")
            device, device_fd = _attach_loop_device(file.fileno())
            try:
                mounted = mount_device("ext4", device, {})
            finally:
                os.close(device_fd)
            try:
                available = _prepare_root(mounted)
            finally:
                os.close(mounted)
            return _Template(length, tuple(_extents(file.fileno(), length))), available


def _prepare_root(mounted: int) -> int:
    """Give the new root directory the mode of /tmp and nothing in it; answers the bytes available."""
    root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mounted)
    try:
        os.rmdir("lost+found", dir_fd=root)
        os.fchmod(root, 0o1777)
        os.fsync(root)
        state = os.fstatvfs(root)
        return state.f_bavail * state.f_frsize
    finally:
        os.close(root)


def _extents(fd: int, length: int) -> list[tuple[int, bytes]]:
    os.fsync(fd)
    extents = []
    position = 0
    while position < length:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            break
        position = os.lseek(fd, start, os.SEEK_HOLE)
        for block in range(start, position, 65536):
            data = os.pread(fd, min(65536, position - block), block)
            if data.strip(b"\0"):
                extents.append((block, data))
    return extents


def _attach_loop_device(image: int) -> tuple[str, int]:
    """Bind image to a free loop device; several may race for one, so it is tried again."""
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for attempt in range(_TRIES):
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            device = f"/dev/loop{number}"
            fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            # struct loop_config: fd, block size, struct loop_info64, 8 × u64 reserved
            flags = _LO_FLAGS_AUTOCLEAR | (_LO_FLAGS_DIRECT_IO if attempt < _TRIES // 2 else 0)
            info = struct.pack("=5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, 0, 0, 0, flags, b"", b"", b"", 0, 0)
            try:
                fcntl.ioctl(fd, _LOOP_CONFIGURE, struct.pack("=II", image, 4096) + info + bytes(64))
            except OSError:
                os.close(fd)
                if attempt == _TRIES - 1:
                    raise
                continue
            return device, fd
    finally:
        os.close(control)
    raise AssertionError("unreachable")
