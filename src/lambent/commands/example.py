"""`lambent dev --example`: a first function deployed and invoked, and the lines to try next."""

import base64
import io
import json
import shlex
import time
import zipfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from lambent.commands.client import LambdaClient, RequestFailed, wait_until_settled
from lambent.commands.terminal import Terminal

FUNCTION_NAME = "hello"
_EVENT = {"name": "Lambda"}
_WARM_INVOCATIONS = 20


class Tried(NamedTuple):
    """What came of the example: its answer as text, and two durations at the client in milliseconds."""

    answer: str
    cold_ms: float
    warm_ms: float


def deploy(client: LambdaClient, runtime: str) -> None:
    """Create the example function, or bring the one of an earlier start up to date.

    Raises:
        RequestFailed: the server refuses it.
    """
    code = {"ZipFile": base64.b64encode(_deployment_package()).decode()}
    configuration: dict[str, object] = {
        "Runtime": runtime,
        "Handler": "app.handler",
        "MemorySize": 1769,
        "Timeout": 10,
        "Description": "",
    }
    role = "arn:aws:iam::000000000000:role/example"
    try:
        client.call("POST", "", {"FunctionName": FUNCTION_NAME, "Role": role, "Code": code} | configuration)
    except RequestFailed as error:
        if error.code != "ResourceConflictException":
            raise
        client.call("PUT", f"/{FUNCTION_NAME}/configuration", configuration)
        wait_until_settled(client, FUNCTION_NAME)
        client.call("PUT", f"/{FUNCTION_NAME}/code", code)
    wait_until_settled(client, FUNCTION_NAME)


def try_out(client: LambdaClient) -> Tried:
    """Invoke the example cold and some times warm; the median of the warm ones counts.

    Its very first invocation may also wait for the interpreter that all execution environments are forked from, which a
    server starts once. A change of the configuration then makes the next one an ordinary cold start.
    """
    _timed_invocation(client)
    client.call("PUT", f"/{FUNCTION_NAME}/configuration", {"Description": "What lambent dev --example deploys"})
    wait_until_settled(client, FUNCTION_NAME)
    answer, cold_ms = _timed_invocation(client)
    warm_ms = sorted(_timed_invocation(client)[1] for _ in range(_WARM_INVOCATIONS))
    return Tried(answer, cold_ms, warm_ms[len(warm_ms) // 2])


def _timed_invocation(client: LambdaClient) -> tuple[str, float]:
    """The answer, and the milliseconds it took."""
    begun = time.perf_counter()
    response = client.invoke(FUNCTION_NAME, json.dumps(_EVENT).encode())
    took_ms = (time.perf_counter() - begun) * 1000
    if "x-amz-function-error" in response.headers:
        raise RequestFailed(f"the function failed: {_failure(response.body)}; see lambent logs {FUNCTION_NAME}")
    return response.body.decode(), took_ms


def _failure(payload: bytes) -> str:
    """The one line of an error payload that says most."""
    error = json.loads(payload)
    return f"{error.get('errorType', 'error')}: {error.get('errorMessage', '')}"


def describe(terminal: Terminal, tried: Tried, *, next_lines: Sequence[str]) -> None:
    """Show what came of it, and how to go on with the tools one has."""
    terminal.line(f"  {terminal.bold(FUNCTION_NAME)} answered {tried.answer}")
    terminal.line(
        f"  cold {terminal.good(f'{tried.cold_ms:.1f} ms')}, warm {terminal.good(f'{tried.warm_ms:.2f} ms')} "
        + terminal.dim("(request to answer, at the client)")
    )
    terminal.line()
    terminal.line(terminal.bold("Try next, in another terminal"))
    for line in next_lines:
        terminal.line(f"  {line}" if line else "")
    terminal.line()


def next_lines(endpoint_url: str, region: str, data_directory: Path, *, lambent: str) -> tuple[str, ...]:
    """Commands for the AWS command line, either version, and code for boto3; each works as it stands.

    Args:
        lambent: how the reader's shell finds this program.
    """
    event = json.dumps(_EVENT)
    return (
        f"export AWS_ENDPOINT_URL={endpoint_url} AWS_DEFAULT_REGION={region}",
        "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        "",
        f"echo '{event}' > event.json",
        f"aws lambda invoke --function-name {FUNCTION_NAME} --payload fileb://event.json answer.json",
        "cat answer.json",
        "",
        "import boto3  # with the same variables",
        f"""answer = boto3.client("lambda").invoke(FunctionName="{FUNCTION_NAME}", Payload='{event}')""",
        'print(answer["Payload"].read())',
        "",
        f"{lambent} invoke {FUNCTION_NAME} --payload '{event}' --tail",
        f"{lambent} logs {FUNCTION_NAME} --follow --data-dir {shlex.quote(str(data_directory))}",
    )


def _deployment_package() -> bytes:
    buffer = io.BytesIO()
    source = resources.files("lambent").joinpath("examples", FUNCTION_NAME, "app.py").read_bytes()
    with zipfile.ZipFile(buffer, "w") as archive:
        # A fixed date: the same example has the same checksum, and is unpacked once.
        entry = zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16  # as on AWS, a function can't read what others can't
        archive.writestr(entry, source)
    return buffer.getvalue()
