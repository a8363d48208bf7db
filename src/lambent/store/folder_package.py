"""A deployment package made of a folder, for PublishVersion: what the function runs now, frozen."""

import io
import os
import stat
import zipfile
from pathlib import Path

from lambent.core.concurrency import CODE_SIZE_UNZIPPED
from lambent.core.errors import InvalidParameterValue
from lambent.store.folder_watch import is_ignored, leads_outside

_DATE = (1980, 1, 1, 0, 0, 0)


def zip_folder(folder: Path) -> bytes:
    """The folder as a zip file; the same content is the same package.

    Everybody may read what is in it, as functions must. Links that lead out of the folder are left out, as they lead
    nowhere in a function; so is what functions don't run (`is_ignored`).

    Raises:
        InvalidParameterValue: there is nothing in it, or more than a function may have.
        OSError: it can't be read.
    """
    folder = folder.resolve()
    buffer = io.BytesIO()
    total = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in _files(folder):
            info = path.lstat()
            total += info.st_size
            if total > CODE_SIZE_UNZIPPED:
                raise InvalidParameterValue(f"Unzipped size must be smaller than {CODE_SIZE_UNZIPPED} bytes")
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if stat.S_ISLNK(info.st_mode):
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(entry, str(path.readlink()))
            else:
                executable = 0o111 if info.st_mode & 0o100 else 0
                entry.external_attr = (stat.S_IFREG | 0o644 | executable) << 16
                archive.writestr(entry, path.read_bytes())
    if not total:
        raise InvalidParameterValue(f"The folder {folder} is empty.")
    return buffer.getvalue()


def _files(folder: Path) -> list[Path]:
    found = []
    for directory, names, files in os.walk(folder):
        links = [name for name in names if Path(directory, name).is_symlink()]
        names[:] = [name for name in names if not is_ignored(name) and name not in links]
        for name in [*files, *links]:
            path = Path(directory, name)
            mode = path.lstat().st_mode
            usable = stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and not leads_outside(path, folder))
            if usable and not is_ignored(name):
                found.append(path)
    return sorted(found)
