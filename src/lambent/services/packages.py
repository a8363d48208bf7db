"""Deployment packages and layers' archives: from what a request names to code that is checked and stored.

A package is checked when it arrives, so that a broken one is the caller's error and not a failed function. It is
stored by its digest before the function's row is committed: a row never names code that isn't there.

Source: api-errors.md §5, quotas.md §3.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from lambent.core.concurrency import AccountLimits
from lambent.core.errors import InvalidParameterValue, RequestEntityTooLarge
from lambent.core.function import Code, FunctionConfiguration
from lambent.core.versions import frozen
from lambent.services.folders import FOLDER_BUCKET, Folders


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in S3: bucket, key and, if not the newest, its version."""

    bucket: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """Where a request says its code is; None is "not sent"."""

    zip_file: bytes | None = None
    s3_bucket: str | None = None
    s3_key: str | None = None
    s3_object_version: str | None = None

    def source(self) -> bytes | S3Object:
        """The one source that is named.

        Raises:
            InvalidParameterValue: none, or more than one. Source of the texts: observed.
        """
        if self.zip_file is not None:
            if self.s3_bucket or self.s3_key or self.s3_object_version:
                raise InvalidParameterValue(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile."
                )
            return self.zip_file
        if self.s3_bucket is None or self.s3_key is None:
            raise InvalidParameterValue("Please provide a source for function code.")
        return S3Object(self.s3_bucket, self.s3_key, self.s3_object_version)


@dataclass(frozen=True, slots=True)
class Package:
    """An archive that was fetched and checked, and isn't kept yet; or a folder, which is empty as a package."""

    content: bytes
    unpacked_bytes: int
    folder: Code | None = None

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return len(self.content)


class CodeSource(Protocol):
    """S3, as far as code is concerned."""

    async def fetch(self, bucket: str, key: str, version: str | None) -> bytes:
        """The object's content. Raises InvalidParameterValue, in AWS's words, for what isn't there."""


class Unpacked(Protocol):
    """What a package comes to when it is unpacked."""

    @property
    def unpacked_bytes(self) -> int:
        """Of all files together."""


class CodeStore(Protocol):
    """Where packages are kept by digest."""

    async def check(self, package: bytes) -> Unpacked:
        """Raises InvalidParameterValue for what is no zip, is empty, or is too large when unpacked."""

    async def put(self, package: bytes) -> str:
        """Keep a package; its digest (hex). On disk when this returns."""

    async def read(self, sha256: str) -> bytes:
        """The package of a digest, as it was uploaded. Raises FileNotFoundError when there is none."""

    async def unpacked_bytes(self, sha256: str) -> int:
        """The unpacked size of a package that is kept. Raises FileNotFoundError when there is none."""


class Packages:
    """Fetches, checks and keeps deployment packages."""

    def __init__(self, *, source: CodeSource, folders: Folders, store: CodeStore, limits: AccountLimits) -> None:
        self._source = source
        self._folders = folders
        self._store = store
        self._limits = limits

    async def fetch(self, request: PackageRequest) -> Package:
        """The package that a request names, checked.

        Raises:
            InvalidParameterValue: no source, nothing there, or no usable zip.
            RequestEntityTooLarge: an inline package of more than 50 MiB; from S3 only the unpacked size counts.
        """
        source = request.source()
        if isinstance(source, S3Object) and source.bucket == FOLDER_BUCKET:
            if source.version is not None:
                raise InvalidParameterValue("A folder has no versions; please leave out S3ObjectVersion.")
            return Package(b"", 0, self._folders.code(source.key))
        if isinstance(source, S3Object):
            content = await self._source.fetch(source.bucket, source.key, source.version)
        else:
            content = source
            if len(content) > self._limits.code_size_zipped:
                raise RequestEntityTooLarge(f"Zipped size must be smaller than {self._limits.code_size_zipped} bytes")
        return Package(content, (await self._store.check(content)).unpacked_bytes)

    async def keep(self, package: Package) -> Code:
        """Store a checked package; on disk when this returns. A folder stays where it is."""
        if package.folder is not None:
            return package.folder
        return Code(sha256=await self._store.put(package.content), size=package.size)

    async def unpacked_bytes(self, code: Code) -> int:
        """The unpacked size of a package that was kept. Raises FileNotFoundError when there is none any more."""
        if code.folder:
            return 0  # as AWS's limit on it isn't for what one works on
        return await self._store.unpacked_bytes(code.sha256)

    async def frozen(self, latest: FunctionConfiguration) -> FunctionConfiguration:
        """What a version is made of: `$LATEST`, but with a package of what is now in its folder, if it has one.

        Raises:
            InvalidParameterValue: the folder isn't there, is empty, or too large.
        """
        if not latest.code.folder:
            return latest
        content = await self._folders.package(latest.code)
        unpacked = await self._store.check(content)
        return frozen(latest, await self.keep(Package(content, unpacked.unpacked_bytes)))

    async def read(self, sha256: str) -> bytes:
        """A package that was kept, as it was uploaded. Raises FileNotFoundError when there is none any more."""
        return await self._store.read(sha256)


def described(package: Package) -> Code:
    """What a package would be known as if it were kept."""
    if package.folder is not None:
        return package.folder
    return Code(sha256=hashlib.sha256(package.content).hexdigest(), size=package.size)
