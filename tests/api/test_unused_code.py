"""Packages and trees that no function has any more are gone after the next start of the server."""

import hashlib
import time
from pathlib import Path

import pytest

from tests.api.calls import create, package, settle
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

WAIT_SECONDS = 20


def stored(server: LambentServer) -> set[str]:
    """Digests of what is in the data directory."""
    paths = [*server.data_directory.glob("packages/??/*"), *server.data_directory.glob("code/*")]
    return {path.name for path in paths if is_digest(path)}


def is_digest(path: Path) -> bool:
    return len(path.name) == 64


def test_a_restart_deletes_what_nobody_refers_to_and_keeps_the_rest(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    kept, old, gone = package("def handler(e, c): return 1"), package("def handler(e, c): return 2"), package("gone")
    create(client, "kept", Code={"ZipFile": old})
    settle(client, "kept")
    client.publish_version(FunctionName="kept")
    client.update_function_code(FunctionName="kept", ZipFile=kept)
    settle(client, "kept")
    create(client, "gone", Code={"ZipFile": gone})
    settle(client, "gone")
    client.delete_function(FunctionName="gone")
    kept_digests = {hashlib.sha256(one).hexdigest() for one in (kept, old)}
    assert stored(own_lambent) == kept_digests | {hashlib.sha256(gone).hexdigest()}
    assert own_lambent.stop() == 0

    client = own_lambent.start().client()
    deadline = time.monotonic() + WAIT_SECONDS
    while stored(own_lambent) != kept_digests:
        assert time.monotonic() < deadline, "unused code is still there"
        time.sleep(0.01)
    for qualifier, answer in (("$LATEST", b"1"), ("1", b"2")):
        assert client.invoke(FunctionName="kept", Qualifier=qualifier)["Payload"].read() == answer
    # The sweep is over; uploading the same code again is like uploading it for the first time.
    create(client, "again", Code={"ZipFile": gone})
    assert settle(client, "again")["State"] == "Active"
