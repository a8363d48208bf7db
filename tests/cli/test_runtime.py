"""`lambent runtime`: the real thing, from PyPI and npm, found by a server that runs already."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lambent.cli import main
from lambent.runtimes.nodejs import sdk
from tests.lambent_server import LambentServer, create_function

HANDLER = """
const { S3Client } = require("@aws-sdk/client-s3");
require("@aws-sdk/lib-dynamodb");
require("@smithy/protocol-http");
exports.handler = async (event) => ({ version: process.version, client: typeof S3Client });
"""
MODULE = """
import { SQSClient } from "@aws-sdk/client-sqs";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
export const handler = async () => [typeof SQSClient, typeof getSignedUrl];
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runtimes") / "installed"


@pytest.fixture(scope="module")
def server(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """Started before anything is installed."""
    server = LambentServer(
        tmp_path_factory.mktemp("runtime") / "data", flags=["--runtimes-dir", str(directory)]
    ).start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []


@pytest.fixture(scope="module")
def refusal(server: LambentServer) -> str:
    """What CreateFunction says before."""
    with pytest.raises(ClientError) as refused:
        create_function(server.client(), "before", {"index.js": HANDLER}, Runtime="nodejs24.x", Handler="index.h")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(refused.value.response["Error"]["Message"])


@pytest.fixture(scope="module")
def installed(refusal: str, directory: Path) -> None:
    assert main(["runtime", "install", "nodejs24.x", "--runtimes-dir", str(directory)]) == 0


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("installed")
class TestInstalled:
    """One installation for all: some 30 seconds."""

    def test_a_function_is_refused_before_with_what_to_do(self, refusal: str) -> None:
        assert refusal.startswith("Runtime nodejs24.x is not available on this host: ")
        assert "lambent runtime install nodejs24.x" in refusal

    def test_a_server_that_runs_has_it_and_the_sdk_without_a_restart(self, server: LambentServer) -> None:
        client = server.client()
        create_function(
            client, "common", {"index.js": HANDLER}, Runtime="nodejs24.x", Handler="index.handler", Timeout=60
        )
        create_function(
            client, "module", {"index.mjs": MODULE}, Runtime="nodejs24.x", Handler="index.handler", Timeout=60
        )
        answer = json.load(client.invoke(FunctionName="common")["Payload"])
        assert "errorMessage" not in answer, answer
        assert answer["version"].startswith("v24.")
        assert answer["client"] == "function"
        assert json.load(client.invoke(FunctionName="module")["Payload"]) == ["function", "function"]

    def test_it_is_listed(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["runtime", "list", "--json", "--runtimes-dir", str(directory)]) == 0
        document = json.loads(capsys.readouterr().out)
        found = {entry["identifier"]: entry for entry in document["runtimes"]}["nodejs24.x"]
        assert found["state"] == "found"
        assert found["version"].startswith("24.")
        assert found["executable"] == str(directory / "nodejs24.x" / "bin" / "node")
        assert found["reason"] is None
        assert document["node_sdk"]["node_modules"] == str(directory / "aws-sdk-js" / "node_modules")
        assert document["directory"] == str(directory)

    def test_the_list_for_people_tells_the_same(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["runtime", "list", "--json", "--runtimes-dir", str(directory)]) == 0
        document = json.loads(capsys.readouterr().out)
        assert main(["runtime", "list", "--runtimes-dir", str(directory)]) == 0
        text = capsys.readouterr().out
        for entry in document["runtimes"]:
            (line,) = [line for line in text.splitlines() if line.startswith(f"{entry['identifier']} ")]
            for cell in (entry["state"], entry["version"], entry["executable"], entry["deprecated"]):
                assert cell is None or cell in line
        assert f"AWS SDK for JavaScript {document['node_sdk']['version']}" in text

    def test_others_can_read_all_of_it(self, directory: Path) -> None:
        for path in directory.rglob("*"):
            wanted = 0o055 if path.is_dir() or path.name == "node" else 0o044
            assert path.is_symlink() or path.stat().st_mode & wanted == wanted, path

    def test_packages_can_be_added_and_stay(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = set(sdk.installed_packages(directory))
        assert before == set(sdk.PACKAGES)
        assert main(["runtime", "install", "@aws-sdk/client-textract", "--runtimes-dir", str(directory)]) == 0
        assert set(sdk.installed_packages(directory)) == before | {"@aws-sdk/client-textract"}
        assert capsys.readouterr().out.startswith("aws-sdk-js  3.")


def test_what_was_installed_can_be_removed_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nodejs22.x").mkdir()
    (tmp_path / "mine").mkdir()
    directory = ["--runtimes-dir", str(tmp_path)]
    assert main(["runtime", "remove", "nodejs22.x", *directory]) == 0
    for name in ("nodejs22.x", "mine", "../x", "aws-sdk-js"):
        assert main(["runtime", "remove", name, *directory]) == 1
        assert capsys.readouterr().err == f"lambent: {name} is not installed in {tmp_path}\n"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["mine"]


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("java21", 1, "This version of Lambent doesn't run Java functions"),
        ("nodejs16.x", 1, "Lambent's Node.js client runs nodejs20.x"),
        ("provided.al2023", 1, "needs nothing"),
        ("python3.14", 1, "uv python install 3.14"),
        ("nodejs21.x", 2, "nodejs21.x can't be installed; there are nodejs20.x, "),
        ("left-pad", 2, "left-pad can't be installed; there are nodejs20.x, "),
    ],
)
def test_what_cannot_be_installed_is_said_before_anything_is(
    name: str, status: int, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "installed"
    assert main(["runtime", "install", "nodejs22.x", name, "--runtimes-dir", str(directory)]) == status
    assert text in capsys.readouterr().err
    assert not directory.exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["install"], "install needs a name, such as nodejs22.x"),
        (["remove"], "remove needs a name, such as nodejs22.x"),
        (["list", "nodejs22.x"], "list takes no names"),
        (["upgrade", "nodejs22.x"], "invalid choice: 'upgrade'"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runtime", *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line
