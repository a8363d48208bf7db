"""The root key: the credentials that `lambent serve` makes at its first start, and shows once.

It is kept in the data directory, readable by its owner only. It is written aside, synced, and then linked to its name:
so the file is either whole or absent, and of two servers that start at once the second one reads the first one's key.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from lambent.gateway.authentication import DEFAULT_ACCOUNT

_FILE_NAME = "root-key.json"


class RootKeyUnusableError(Exception):
    """The file of the root key is there but can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RootKey:
    """An access key that may do everything in one account. It is a `CredentialStore` with that one entry.

    Attributes:
        access_key_id: 20 characters, as AWS's.
        secret_access_key: 40 characters, as AWS's.
        account: 12 digits.
    """

    access_key_id: str
    secret_access_key: str
    account: str

    def __repr__(self) -> str:
        return f"RootKey({self.access_key_id!r})"  # a secret has no place in a log

    def secret_for(self, access_key: str) -> tuple[str, str] | None:
        """(secret access key, account) if it is this key."""
        return (self.secret_access_key, self.account) if access_key == self.access_key_id else None

    @classmethod
    def load_or_create(cls, directory: Path, *, account: str = DEFAULT_ACCOUNT) -> tuple[RootKey, bool]:
        """Read the root key of a data directory, or make it.

        Args:
            directory: the data directory; it must exist.
            account: of a new key.

        Returns:
            The key, and whether it was created just now.

        Raises:
            RootKeyUnusableError: the file is damaged, or others may read it.
            OSError: the directory can't be read or written.
        """
        path = directory / _FILE_NAME
        if path.exists():
            return cls._load(path), False
        key = cls(
            access_key_id="AKIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
            secret_access_key=base64.b64encode(secrets.token_bytes(30)).decode(),
            account=account,
        )
        if not key._write(path):
            return cls._load(path), False
        return key, True

    @classmethod
    def _load(cls, path: Path) -> RootKey:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise RootKeyUnusableError(f"Others may read {path}, the root key. Run: chmod 600 {path}")
        try:
            values = json.loads(path.read_bytes())
            return cls(
                access_key_id=str(values["access_key_id"]),
                secret_access_key=str(values["secret_access_key"]),
                account=str(values["account"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RootKeyUnusableError(
                f"{path} is not a root key. Restore it, or delete it to get a new key at the next start."
            ) from error

    def _write(self, path: Path) -> bool:
        """Put the key at `path`; false if another server was faster."""
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        # The mode is set at creation: there is no moment at which others could open the file.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(self), file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        _sync_directory(path.parent)
        return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
