"""Deployment packages on disk: whole, or not there."""

import hashlib
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lambent.store.blobs import BlobStore
from lambent.store.errors import StoreFull

CONTENT = b"a deployment package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def test_a_blob_is_named_for_its_bytes(blobs: BlobStore) -> None:
    assert blobs.put(CONTENT) == SHA256
    assert blobs.read(SHA256) == CONTENT
    assert blobs.path(SHA256).read_bytes() == CONTENT
    with blobs.open(SHA256) as file:
        assert file.read(8) == CONTENT[:8]


def test_the_same_bytes_are_kept_once(blobs: BlobStore, tmp_path: Path) -> None:
    blobs.put(CONTENT)
    before = blobs.path(SHA256).stat().st_ino
    blobs.put(CONTENT)
    assert blobs.path(SHA256).stat().st_ino == before
    assert files(tmp_path) == [SHA256]


def test_what_is_not_there(blobs: BlobStore) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.read(SHA256)
    with pytest.raises(FileNotFoundError):
        blobs.open(SHA256)
    blobs.delete(SHA256)


def test_a_deleted_blob_is_gone_and_can_come_back(blobs: BlobStore) -> None:
    blobs.put(CONTENT)
    blobs.delete(SHA256)
    assert not blobs.path(SHA256).exists()
    blobs.put(CONTENT)
    assert blobs.read(SHA256) == CONTENT


def test_a_full_disk_leaves_nothing_behind(blobs: BlobStore, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StoreFull):
            blobs.put(bytes(2_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []


WRITER = """
import os, sys
from pathlib import Path
from lambent.store.blobs import BlobStore
blobs = BlobStore(Path(sys.argv[1]))
while True:
    print(blobs.put(os.urandom(300_000)), flush=True)
"""


def test_after_a_sigkill_every_name_is_a_whole_blob_and_what_was_answered_is_there(tmp_path: Path) -> None:
    put = set()
    for kill in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for number, line in enumerate(writer.stdout):
                put.add(line.strip())
                if number == 20 + kill:
                    writer.send_signal(signal.SIGKILL)
    BlobStore(tmp_path)  # the next start
    names = files(tmp_path)
    assert put - set(names) == set()
    for name in names:
        assert hashlib.sha256((tmp_path / name[:2] / name).read_bytes()).hexdigest() == name
