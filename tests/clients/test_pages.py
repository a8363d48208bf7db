"""What the README and the tutorial tell to type does what they say."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.invoke.caller import Caller
from tests.invoke.logs import lines_of, wait_for
from tests.invoke.test_layers import NODE
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_ENDPOINT = "http://127.0.0.1:4566"


def blocks(page: str, language: str, *, heading: str = "# ") -> list[str]:
    """The code blocks of one language below a heading, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for found, code in BLOCK.findall(text[text.index(heading) :]) if found == language]


@pytest.fixture(scope="module")
def lambent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambentServer]:
    """A server of this module's own: the pages move its clock."""
    server = LambentServer(tmp_path_factory.mktemp("pages") / "data").start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []


@pytest.fixture
def environment(lambent: LambentServer, tmp_path: Path) -> dict[str, str]:
    """A new user's, with this interpreter's programs first on the PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAMBENT_"))}
    return kept | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LAMBENT_DATA_DIRECTORY": str(lambent.data_directory),
    }


@pytest.fixture(autouse=True)
def cleaned(lambent: LambentServer) -> Iterator[None]:
    """The pages use accounts that everybody may use."""
    yield
    for account in ("000000000000", "111122223333"):
        client = lambent.client(account=account, region="us-east-1")
        for function in client.list_functions()["Functions"]:
            client.delete_function(FunctionName=function["FunctionName"])


def run(command: list[str], text: str, lambent: LambentServer, environment: dict[str, str], folder: Path) -> str:
    assert PRINTED_ENDPOINT in text
    ended = subprocess.run(
        command,
        input=text.replace(PRINTED_ENDPOINT, lambent.url),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_the_tour_of_the_readme(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    start, *tour = blocks("README.md", "sh", heading="## A tour of five minutes")
    assert start == "make install\n.venv/bin/lambent dev\n"
    said = run(["bash", "-euo", "pipefail"], "\n".join(tour), lambent, environment, tmp_path)
    assert '{"hello": "Ada", "count": 1, "memory": "128"}' in said
    assert '{"hello": "Ada", "count": 2, "memory": "128"}' in said
    assert '{"hello": "world", "count": 1, "memory": "512"}' in said
    assert "called with {'name': 'Ada'}" in said
    assert "ok, version 1, " in said
    assert '"hello":"world"' in said


def test_the_tutorial(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    function, *program = blocks("docs/tutorial/first-function.md", "python")
    (tmp_path / "app.py").write_text(function, encoding="utf-8")
    run([sys.executable, "-W", "error", "-"], "\n".join(program), lambent, environment, tmp_path)
    _, logs = blocks("docs/tutorial/first-function.md", "sh")
    shown = subprocess.run(
        ["bash", "-euc", logs.replace(".venv/bin/", "")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert '{"greeting": "Ada"}' in shown
    assert "REPORT RequestId: " in shown


def test_the_example_test_suite(tmp_path: Path) -> None:
    examples = ROOT / "examples"
    options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(examples)]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(examples / "pytest")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 passed" in ended.stdout


def test_the_page_on_versions_and_aliases(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    steps = "\n".join(blocks("docs/how-to/versions-and-aliases.md", "sh"))
    said = run(["bash", "-euo", "pipefail"], steps, lambent, environment, tmp_path)
    answers = [line for line in said.splitlines() if line in {'"old"', '"new"'}]
    assert answers[:2] == ['"old"', '"old"']
    assert answers[-2:] == ['"new"', '"old"']
    assert len(answers) == 9


def test_the_page_on_asynchronous_invocations(
    lambent: LambentServer, environment: dict[str, str], tmp_path: Path
) -> None:
    steps = "\n".join(blocks("docs/how-to/asynchronous-invocations.md", "sh"))
    said = run(["bash", "-euo", "pipefail"], steps, lambent, environment, tmp_path)
    assert '"StatusCode": 202' in said
    listed = said[said.index('"FunctionEventInvokeConfigs"') :]
    assert re.findall(r'"MaximumRetryAttempts": (\d)', listed)[:2] == ["0", "1"]
    assert "0 deliveries taken out" in said
    assert re.search(r"^failed .* mails .* ValueError: \{\}$", said, re.MULTILINE)


def test_the_page_on_event_source_mappings(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    steps = "\n".join(blocks("docs/how-to/event-source-mappings.md", "sh"))
    said = run(["bash", "-euo", "pipefail"], steps, lambent, environment, tmp_path)
    assert '"MaximumConcurrency": 2' in said
    caller = Caller(lambent.port, "000000000000", region="us-east-1")
    wait_for(lambda: lines_of(lambent, caller, "orders", beginning="ORDER") == ['{"total": 12}'])
    client = lambent.client(region="us-east-1")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=mapping["UUID"])


def test_the_page_on_tenants(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    steps = "\n".join(blocks("docs/how-to/tenants.md", "sh"))
    said = run(["bash", "-euo", "pipefail"], steps, lambent, environment, tmp_path)
    assert said.index('["green"]') < said.index('["blue", "blue"]')


@pytest.mark.skipif(NODE is None, reason="this machine has no Node.js that functions can have")
def test_the_page_on_function_urls(lambent: LambentServer, environment: dict[str, str], tmp_path: Path) -> None:
    steps = "\n".join(blocks("docs/how-to/function-urls.md", "sh")).replace("nodejs22.x", str(NODE))
    said = run(["bash", "-euo", "pipefail"], steps, lambent, environment, tmp_path)
    assert re.search(rf"http://[0-9a-z]{{32}}\.lambda-url\.us-east-1\.localhost:{lambent.port}/\n", said)
    answer = '{"path":"/teas/green","query":{"size":"2"},"cookies":%s}'
    assert answer % '["ordered=tea"]' + answer % "null" in said
    assert "HTTP/1.1 303 See Other" in said
    assert "Set-Cookie: ordered=tea; HttpOnly" in said
    assert "Access-Control-Allow-Origin: https://shop.example" in said
    assert '{"Message":"Forbidden"}{"path":"/","query":null,"cookies":null}' in said
    assert said.count("one after the other") == 2
    assert said.endswith("one after the other")
