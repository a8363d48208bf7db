"""Byte code is made by sandboxes, which may say anything or nothing: what fails costs a function time, never more."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from lambent.environments.byte_code import ByteCode
from lambent.environments.fleet import FunctionSandbox
from lambent.runtimes.python.interpreters import Interpreter
from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.sandbox import RuntimeProcess
from lambent.store.blobs import BlobStore
from lambent.store.code_store import CodeStore
from lambent.store.code_trees import CodeTrees
from lambent.wire.frames import HEADER, INIT, INVOKE, NEXT, RESPONSE
from tests.lambent_server import zip_of

INTERPRETER = Interpreter("python3.13", "3.13.0", Path("/python"), Path("/"), Path("/"), None)
NEXT_FRAME = HEADER.pack(0, NEXT)

Answer = Callable[[Any], bytes]


def made(event: Any) -> bytes:
    return response([base64.b64encode(f"code of {name}".encode()).decode() for name in event["modules"]])


def response(answer: object) -> bytes:
    body = b"compile\0application/json\0" + json.dumps(answer).encode()
    return HEADER.pack(len(body), RESPONSE) + body + NEXT_FRAME


class FakeSandbox:
    """Its process answers each event with some bytes, and goes away where these are none."""

    def __init__(self, answer: Answer) -> None:
        ours, self._theirs = socket.socketpair()
        ours.setblocking(False)
        self._theirs.setblocking(False)
        read, write = os.pipe()
        os.close(write)
        self.process = RuntimeProcess(ours, read)
        self.trees: Sequence[tuple[str, Path]] = ()
        self.destroyed = False
        self._running = asyncio.get_running_loop().create_task(self._run(answer))

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, Path]]) -> None:
        self.trees = trees

    def localise(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        return environment

    async def destroy(self) -> None:
        self._running.cancel()
        self._theirs.close()
        self.destroyed = True

    async def _run(self, answer: Answer) -> None:
        loop = asyncio.get_running_loop()
        while True:
            head = await loop.sock_recv(self._theirs, HEADER.size)
            length, kind = HEADER.unpack(head)
            body = b""
            while len(body) < length:
                body += await loop.sock_recv(self._theirs, length - len(body))
            assert kind in {INIT, INVOKE}
            said = NEXT_FRAME if kind == INIT else answer(json.loads(body.split(b"\0", 8)[8]))
            if not said:
                self._theirs.close()
                return
            await loop.sock_sendall(self._theirs, said)


class House:
    """A store with one package, and byte code for it from sandboxes that answer in one way."""

    def __init__(self, store: CodeStore, digest: str, answer: Answer) -> None:
        self.store = store
        self.digest = digest
        self.answer = answer
        self.sandboxes: list[FakeSandbox] = []
        self.acquire: Callable[[str], Awaitable[FunctionSandbox]] = self._acquire
        self.byte_code = self.again()

    def again(self) -> ByteCode:
        """As after a restart of the server."""
        self.byte_code = ByteCode(
            store=self.store,
            acquire=lambda runtime: self.acquire(runtime),  # noqa: PLW0108  # tests replace it
            interpreter={"python3.13": INTERPRETER}.get,
            worthwhile_bytes=10,
        )
        return self.byte_code

    async def prepare(self) -> None:
        await self.byte_code.prepare("python3.13", self.digest, [])

    def files(self) -> dict[str, str]:
        """What there is, by path."""
        folder = self.store.byte_code(self.digest, "task-3.13.0").path
        return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.pyc")}

    @property
    def finished(self) -> bool:
        return self.store.byte_code(self.digest, "task-3.13.0").is_finished

    async def _acquire(self, runtime: str) -> FunctionSandbox:
        sandbox = FakeSandbox(self.answer)
        self.sandboxes.append(sandbox)
        return cast("FunctionSandbox", sandbox)


@asynccontextmanager
async def house(tmp_path: Path, answer: Answer, files: Mapping[str, str]) -> AsyncIterator[House]:
    for name in ("packages", "code"):
        (tmp_path / name).mkdir()
    store = CodeStore(BlobStore(tmp_path / "packages"), CodeTrees(tmp_path / "code"))
    digest = await store.put(zip_of(files))
    await store.unpack(digest)
    made = House(store, digest, answer)
    yield made
    await made.byte_code.stop()
    assert all(sandbox.destroyed for sandbox in made.sandboxes)
    store.close()


FILES = {"app.py": "x = 1234567890\n", "package/module.py": "", "data": "."}
CODE = {"app.pyc": "code of app.py", "package/module.pyc": "code of package/module.py"}


async def test_each_module_gets_what_the_sandbox_made_of_it(tmp_path: Path) -> None:
    async with house(tmp_path, made, FILES) as one:
        assert one.byte_code.mounts("python3.13", "", []) == []
        await one.prepare()
        assert one.files() == CODE
        inside, folder = one.byte_code.mounts("python3.13", one.digest, [])[0]
        assert (inside, folder.name) == ("/var/runtime/byte-code/task", "task-3.13.0")
        assert one.sandboxes[0].trees == [(inside, one.store.tree(one.digest))], "nothing is imported from there"


async def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    async with house(tmp_path, made, FILES) as one:
        await one.prepare()
        await one.again().prepare("python3.13", one.digest, [])
        assert one.finished
        assert len(one.sandboxes) == 1


async def test_other_runtimes_and_small_packages_have_none(tmp_path: Path) -> None:
    async with house(tmp_path, made, {"app.py": "x = 1\n"}) as one:
        await one.prepare()
        await one.byte_code.prepare("nodejs22.x", one.digest, [])
        assert one.sandboxes == []
        assert one.byte_code.mounts("python3.13", one.digest, []) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda event: b"",
        lambda event: NEXT_FRAME,
        lambda event: b"\xff" * 64,
        lambda event: response({"app.py": "eA=="}),
        lambda event: response(["eA=="]),
        lambda event: response([None, "not Base64"]),
        lambda event: response([1, [2]]),
    ],
)
async def test_what_a_broken_sandbox_says_is_dropped(tmp_path: Path, answer: Answer) -> None:
    async with house(tmp_path, answer, FILES) as one:
        await one.prepare()
        assert one.files() == {}
        assert one.finished, "it would break again"


async def test_a_module_that_is_too_much_costs_no_other_its_byte_code(tmp_path: Path) -> None:
    def answer(event: Any) -> bytes:
        return b"" if "huge.py" in event["modules"] else made(event)

    async with house(tmp_path, answer, {**FILES, "huge.py": "#" * 300_000}) as one:
        await one.prepare()
        assert one.files() == CODE


@pytest.mark.parametrize("error", [SandboxUnavailable("no python"), SandboxFailed("no cgroup")])
async def test_without_a_sandbox_there_is_none_until_the_next_try(tmp_path: Path, error: Exception) -> None:
    async def fail(runtime: str) -> FunctionSandbox:
        raise error

    async with house(tmp_path, made, FILES) as one:
        working, one.acquire = one.acquire, fail
        await one.prepare()
        assert one.files() == {}
        one.acquire = working
        await one.prepare()
        assert one.files() == CODE


async def test_a_stop_ends_what_is_under_way_and_the_next_server_goes_on(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def never(runtime: str) -> FunctionSandbox:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with house(tmp_path, made, FILES) as one:
        working, one.acquire = one.acquire, never
        waiting = asyncio.get_running_loop().create_task(one.prepare())
        await asked.wait()
        await one.byte_code.stop()
        await waiting
        one.acquire = working
        byte_code = one.again()
        byte_code.mounts("python3.13", one.digest, [])  # a cold start doesn't wait
        await byte_code.prepare("python3.13", one.digest, [])
        assert one.files() == CODE


async def test_code_that_was_deleted_and_put_again_is_compiled_again(tmp_path: Path) -> None:
    async with house(tmp_path, made, FILES) as one:
        await one.prepare()
        stored = await one.store.stored()
        await one.store.delete(one.digest, last_put=stored[one.digest])
        assert await one.store.put(zip_of(FILES)) == one.digest
        await one.store.unpack(one.digest)
        assert one.files() == {}
        await one.prepare()
        assert one.files() == CODE
