"""Two servers in one process: nothing is shared but the process."""

import asyncio
import contextlib
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambent.app import Server, serving
from lambent.settings import load
from tests.lambent_server import REGION, create_function

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a server in this process left to the garbage collector is seen here, not in whichever test comes next."""
    yield
    gc.collect()


def client_of(server: Server) -> Any:
    return boto3.Session().client(
        "lambda",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def answer_of(server: Server, function: str) -> object:
    return json.load(client_of(server).invoke(FunctionName=function)["Payload"])


def names(server: Server) -> list[str]:
    return [function["FunctionName"] for function in client_of(server).list_functions()["Functions"]]


async def test_they_share_no_state_and_one_may_stop_while_the_other_runs(tmp_path: Path) -> None:
    first_settings, second_settings = (
        load("dev", flags={"port": "0", "data_directory": str(tmp_path / name)}, environ={}) for name in "ab"
    )
    before = _children()
    source = "def handler(event, context):\n    return {!r}\n"
    async with serving(first_settings, posture="dev") as first:
        async with serving(second_settings, posture="dev") as second:
            for server, answer in ((first, "first"), (second, "second")):
                await asyncio.to_thread(create_function, client_of(server), "same", source.format(answer))
            await asyncio.to_thread(create_function, client_of(second), "other", source.format("other"))
            assert await asyncio.to_thread(answer_of, first, "same") == "first"
            assert await asyncio.to_thread(answer_of, second, "same") == "second"
            assert await asyncio.to_thread(names, first) == ["same"]
            assert await asyncio.to_thread(names, second) == ["other", "same"]
            limit = {"FunctionName": "same", "ReservedConcurrentExecutions": 0}
            await asyncio.to_thread(lambda: client_of(second).put_function_concurrency(**limit))
            assert await asyncio.to_thread(answer_of, first, "same") == "first"
        assert await asyncio.to_thread(answer_of, first, "same") == "first"
    assert _children() == before


async def test_a_server_that_has_stopped_leaves_no_descriptor_open(tmp_path: Path) -> None:
    gc.collect()
    before = _descriptors()
    settings = load("dev", flags={"port": "0", "data_directory": str(tmp_path / "data")}, environ={})
    async with serving(settings, posture="dev") as server:
        await asyncio.to_thread(
            create_function, client_of(server), "one", "def handler(event, context):\n    return 1\n"
        )
        assert await asyncio.to_thread(answer_of, server, "one") == 1
    left = _descriptors() - before
    for _ in range(100):  # what threads of the test's own clients hold goes when they do
        if not left:
            break
        await asyncio.sleep(0.05)
        gc.collect()
        left = _descriptors() - before
    assert not left


def _descriptors() -> set[tuple[str, str]]:
    """What is open, by number and what it is."""
    found: set[tuple[str, str]] = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add((path.name, str(path.readlink())))
    return found


def _children() -> set[str]:
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}
