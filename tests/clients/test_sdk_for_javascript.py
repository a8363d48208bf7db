"""The AWS SDK for JavaScript, version 3, unchanged but for the endpoint."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.test_aws_cli import SOURCE
from tests.lambent_server import REGION, LambentServer, zip_of

pytestmark = pytest.mark.root


@pytest.mark.timeout(420)
def test_create_wait_invoke_fail_accept_and_delete(
    sdk_for_javascript: Path, lambent: LambentServer, account: str, tmp_path: Path
) -> None:
    # A module finds packages beside itself, so it is put where the SDK is, under a name of its own.
    program = sdk_for_javascript / f"{account}.mjs"
    shutil.copy(Path(__file__).with_name("sdk_for_javascript.mjs"), program)
    (tmp_path / "function.zip").write_bytes(zip_of({"app.py": SOURCE}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {
        "AWS_ENDPOINT_URL": lambent.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "PACKAGE": str(tmp_path / "function.zip"),
    }
    ended = subprocess.run(
        ["node", str(program)], env=kept | environment, capture_output=True, text=True, timeout=90, check=False
    )
    program.unlink()
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)

    log = seen.pop("log")
    assert "START RequestId: " in log
    assert "called with {'name': 'Zoë'}" in log
    assert "REPORT RequestId: " in log
    arn = f"arn:aws:lambda:{REGION}:{account}:function:from-javascript"
    assert seen == {
        "created": "Pending",
        "waiter": "SUCCESS",
        "answer": {"hello": "Zoë"},
        "status": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
        "errorMessage": "who are you?",
        "event": 202,
        "dryRun": 204,
        "missing": {
            "name": "ResourceNotFoundException",
            "status": 404,
            "message": f"Function not found: {arn}",
        },
    }
