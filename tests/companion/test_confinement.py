"""What moto could be made to do to the host, and can't."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.companion.launcher import confinement
from tests.companion.conftest import Account

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")

TRY = """
import errno, json, os, signal, socket, sys
from pathlib import Path
from lambent.companion.launcher import confinement
if sys.argv[1] == "another":
    confinement._samples = lambda: []
    confinement._needed = lambda: [Path("/usr")]
before = open(sys.argv[2])
missing = confinement.confine()

def tried(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    return "done"

def connect(family, address):
    with socket.socket(family) as made:
        made.connect(address)

listener = socket.create_server(("127.0.0.1", 0))
os.write(1, json.dumps({
    "missing": missing,
    "users": list(os.getresuid()) + list(os.getresgid()) + os.getgroups(),
    "status": before.read(),
    "own": tried(lambda: open("own", "w").close()),
    "read": tried(lambda: open("/etc/shadow")),
    "list": tried(lambda: os.listdir("/")),
    "above": tried(lambda: os.listdir("..")),
    "write": tried(lambda: open("/usr/pwned", "w")),
    "execute": tried(lambda: os.execv("/bin/true", ["true"])) if os.fork() == 0 else "parent",
    "signal": tried(lambda: os.kill(os.getppid(), 0)),
    "docker": tried(lambda: connect(socket.AF_UNIX, "/var/run/docker.sock")),
    "metadata": tried(lambda: connect(socket.AF_INET, ("169.254.169.254", 80))),
    "name": tried(lambda: connect(socket.AF_INET, ("metadata.google.internal", 80))),
    "disguise": tried(lambda: connect(socket.AF_INET6, ("::ffff:169.254.169.254", 80))),
    "sendto": tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("169.254.169.254", 53))),
    "here": tried(lambda: connect(socket.AF_INET, listener.getsockname())),
}).encode() + b"\\n")
os._exit(0)
"""


def tried(folder: Path, user: str) -> list[dict[str, Any]]:
    """What each process says that has tried; the one that was to execute something says so, too."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", TRY, user, "/proc/self/status"],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("user", ["same", pytest.param("another", marks=pytest.mark.root)])
def test_a_confined_process_has_its_folder_and_the_internet(tmp_path: Path, user: str) -> None:
    tmp_path.chmod(0o700)
    said = tried(tmp_path / "folder", user)
    assert len(said) == 2
    for one in said:
        assert not [text for text in one["missing"] if text.startswith("files")]
        assert one["own"] == one["here"] == "done"
        assert one["execute"] in {"parent", "EACCES"}
        for refused in ("read", "list", "above", "write"):
            assert one[refused] == "EACCES", refused
        for refused in ("docker", "metadata", "disguise", "sendto"):
            assert one[refused] == "PermissionError", refused
        assert one["name"] in {"PermissionError", "gaierror"}, "refused, or not even found"
        assert one["signal"] in {"EPERM", "done"}
        if user == "another":
            assert one["users"] == [confinement.USER] * 6
    assert {one["execute"] for one in said} == {"parent", "EACCES"}


@pytest.mark.root
def test_the_companion_is_confined(aws: Account) -> None:
    aws.bucket("starts-it")
    statuses = [
        Path(f"/proc/{pid}/status").read_text()
        for pid in aws.server.processes()
        if b"lambent.companion.launcher" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert statuses
    for status in statuses:
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == int(fields["CapAmb"], 16) == 0
        assert fields["NoNewPrivs"] == "1"


def test_what_does_not_fit_into_memory_goes_to_its_own_folder(aws: Account) -> None:
    s3 = aws.client("s3")
    bucket = aws.bucket("large")
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(30_000_000))
    assert len(s3.get_object(Bucket=bucket, Key="large")["Body"].read()) == 30_000_000


def test_files_of_the_host_are_no_part_of_an_api(aws: Account, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"description": "mine"}')
    gateway = aws.client("apigateway")
    api = gateway.create_rest_api(name="api")["id"]
    for reference in (secret.as_uri(), "file:///etc/hostname"):
        document = {
            "openapi": "3.0.1",
            "info": {"title": "a", "version": "1"},
            "paths": {"/a": {"get": {"responses": {"200": {"$ref": reference}}}}},
        }
        with pytest.raises(ClientError) as refused:
            gateway.put_rest_api(restApiId=api, mode="overwrite", failOnWarnings=True, body=json.dumps(document))
        assert "mine" not in str(refused.value)


def test_the_credentials_of_a_machine_are_not_fetched(aws: Account) -> None:
    """A topic's subscription is the shortest way; it fails at once instead of after a connection's timeout."""
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    begun = time.monotonic()
    for address in ("169.254.169.254", "[::ffff:169.254.169.254]", "0.0.0.0"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://{address}/")
    with pytest.raises(ClientError, match=r"connect to 169\.254\.169\.254"):
        sns.publish(TopicArn=topic, Message="x")
    assert time.monotonic() - begun < 30


def test_motos_own_pages_are_not_there(aws: Account) -> None:
    aws.bucket("any")
    for path in ("/moto-api", "/moto-api/", "//moto-api/reset", "/%6doto-api/reset"):
        assert _get(aws, path) == 501


def _get(aws: Account, path: str) -> int:
    credential = f"{aws.number}/20261121/eu-west-1/s3/aws4_request"
    command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--path-as-is", aws.server.url + path]
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
    command += ["-H", f"Authorization: {authorization}", "-H", "X-Amz-Date: 20261121T000000Z"]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)
