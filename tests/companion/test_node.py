"""An unmodified Node.js handler's S3 client: the SDK's defaults, with an address where a name of AWS's would be."""

import fcntl
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.companion.conftest import Account
from tests.lambent_server import ROLE, wait_until_active

_PACKAGE, _VERSION = "@aws-sdk/client-s3", "3.1162.0"
_CACHE = Path(__file__).parent.parent.parent / ".cache" / "sdk-for-javascript-s3"

HANDLER = """
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client({});

export const handler = async ({ Bucket }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "from node", Body: "written" }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "from node" }));
  return got.Body.transformToString();
};
"""

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture(scope="session")
def sdk() -> Path:
    """A node_modules folder with the S3 client."""
    if shutil.which("npm") is None:
        pytest.skip("the SDK for JavaScript needs Node.js and npm")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # the workers of a test run share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_CACHE / "node_modules" / _PACKAGE / "package.json").exists():
            command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(_CACHE)]
            installed = subprocess.run(
                [*command, f"{_PACKAGE}@{_VERSION}"], capture_output=True, text=True, timeout=300, check=False
            )
            assert installed.returncode == 0, installed.stderr
    return _CACHE / "node_modules"


def package(modules: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(zipfile.ZipInfo("index.mjs"), HANDLER)
        archive.getinfo("index.mjs").external_attr = 0o644 << 16
        for file in sorted(modules.rglob("*")):
            if file.is_file() and file.suffix in {".js", ".json", ".mjs", ".cjs"} and "dist-types" not in file.parts:
                archive.write(file, f"node_modules/{file.relative_to(modules)}")
    return buffer.getvalue()


@pytest.mark.timeout(420)
def test_the_sdk_for_javascript_in_a_function_writes_to_s3(sdk: Path, aws: Account, client: Any) -> None:
    major = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]
    code, bucket = aws.bucket("code"), aws.bucket("written")
    aws.client("s3").put_object(Bucket=code, Key="node.zip", Body=package(sdk))
    client.create_function(
        FunctionName="node",
        Runtime=f"nodejs{major}.x",
        Handler="index.handler",
        Role=ROLE,
        Timeout=30,
        Code={"S3Bucket": code, "S3Key": "node.zip"},
    )
    wait_until_active(client, "node")
    answer = client.invoke(FunctionName="node", Payload=json.dumps({"Bucket": bucket}))
    assert json.load(answer["Payload"]) == "written"
    assert aws.client("s3").get_object(Bucket=bucket, Key="from node")["Body"].read() == b"written"
