"""`lambent dev --watch`: folders are functions from the start."""

import json
import re
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.lambent_server import LambentServer, wait_until_active
from tests.watch.conftest import Folder

pytestmark = pytest.mark.root

SOURCE = "def handler(event, context):\n    return {text!r}\n"


def started(server: LambentServer, text: str) -> Any:
    """A client in the account and region that the command works in, once it has said this."""
    server.start()
    wait_for(server, text)
    return server.client(region="us-east-1")


def wait_for(server: LambentServer, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in server.said():
        assert time.monotonic() < deadline, server.said()
        time.sleep(0.01)


def signing(server: LambentServer) -> Any:
    """A client with the root key that a first start shows."""
    found = re.search(r"AWS_ACCESS_KEY_ID=(\S+)\s+AWS_SECRET_ACCESS_KEY=(\S+)", server.said())
    assert found is not None
    return boto3.Session().client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=found[1],
        aws_secret_access_key=found[2],
    )


def invoke(client: Any, name: str) -> Any:
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())


def test_watched_folders_are_functions_and_keep_their_settings(own_lambent: LambentServer, tmp_path: Path) -> None:
    first, second = Folder(tmp_path / "my.api"), Folder(tmp_path / "src")
    first.save("app.py", SOURCE.format(text="api"))
    second.save("lambda_function.py", SOURCE.format(text="other").replace("handler", "lambda_handler"))
    own_lambent.flags += ["--watch", str(first.path), "--watch", f"other={second.path}"]
    client = started(own_lambent, f"other  python3.13  lambda_function.lambda_handler  {second.path}")
    assert [invoke(client, name) for name in ("my-api", "other")] == ["api", "other"]
    first.save("app.py", SOURCE.format(text="saved"))
    assert invoke(client, "my-api") == "saved"
    client.update_function_configuration(FunctionName="my-api", MemorySize=256)
    wait_until_active(client, "my-api")
    own_lambent.stop()
    first.save("app.py", SOURCE.format(text="saved meanwhile"))
    moved = Folder(tmp_path / "moved")
    moved.save("lambda_function.py", SOURCE.format(text="moved").replace("handler", "lambda_handler"))
    own_lambent.flags[-1] = f"other={moved.path}"
    client = started(own_lambent, f"other  python3.13  lambda_function.lambda_handler  {moved.path}")
    assert [invoke(client, name) for name in ("my-api", "other")] == ["saved meanwhile", "moved"]
    assert client.get_function_configuration(FunctionName="my-api")["MemorySize"] == 256


def test_a_folder_without_a_handler_is_said_and_the_server_runs(own_lambent: LambentServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    own_lambent.flags += ["--watch", str(tmp_path / "empty"), "--watch", str(tmp_path / "none")]
    client = started(own_lambent, f"lambent: --watch: none: there is no folder {tmp_path / 'none'}")
    assert f"lambent: --watch: empty: no handler was found in {tmp_path / 'empty'}" in own_lambent.said()
    assert "Watched:" not in own_lambent.said(), "nothing is"
    assert client.list_functions()["Functions"] == []


def test_a_team_server_runs_no_folders(own_lambent: LambentServer, tmp_path: Path) -> None:
    """Neither new ones, nor those that a `lambent dev` has left in the data directory."""
    folder = Folder(tmp_path / "hello")
    folder.save("app.py", SOURCE.format(text="hello"))
    own_lambent.flags += ["--watch", str(folder.path)]
    client = started(own_lambent, "hello  python3.13  app.handler")
    assert invoke(client, "hello") == "hello"
    own_lambent.stop()
    own_lambent.posture, own_lambent.flags, own_lambent.port = "serve", [], 0
    own_lambent.start()
    client = signing(own_lambent)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Only under lambent dev"):
        client.create_function(
            FunctionName="f",
            Code={"S3Bucket": "hot-reload", "S3Key": str(folder.path)},
            Role="arn:aws:iam::000000000000:role/r",
            Runtime="python3.13",
            Handler="app.handler",
        )
    with pytest.raises(client.exceptions.InvalidZipFileException, match="Only under lambent dev"):
        client.invoke(FunctionName="hello")
