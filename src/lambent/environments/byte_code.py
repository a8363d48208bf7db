"""Byte code for deployment packages and layers in Python, so that a cold start need not compile what it imports.

The source is its author's to choose, so it is compiled where its author's functions run: in a sandbox of the function's
runtime, which is given nothing but the source to read and answers with the byte code. One is compiled at a time, with a
small share of the processors. Whatever fails leaves modules without byte code, which changes nothing but time.

An activation waits for it a little; what takes longer goes on behind it and is found by whoever imports it later.
"""

import asyncio
import base64
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from lambent.core.invocation import Invocation, InvocationResult
from lambent.core.layers import stack_digest
from lambent.environments.fleet import FunctionSandbox
from lambent.environments.variables import interpreter_environment
from lambent.runtimes.python.interpreters import Interpreter
from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.store.byte_code import ByteCodeFolder, Module, python_modules
from lambent.store.code_store import CodeStore
from lambent.store.errors import StoreError
from lambent.wire.frames import NEXT, RESPONSE, FrameError, FrameParser, encode_init, encode_invoke, parse_fields

MOUNT_POINTS = {"/var/task": "/var/runtime/byte-code/task", "/opt": "/var/runtime/byte-code/opt"}
"""Where inside the byte code is of what is mounted where."""

WORTHWHILE_BYTES = 16 * 1024
"""Of source, in all modules: less is compiled within 4 ms by whoever imports it."""

_WAIT_SECONDS = 2.0
_LIMIT_SECONDS = 60.0
_MEMORY_MB = 512
_BATCH_BYTES = 256 * 1024  # of source; its byte code in Base64 has to fit into one answer of 6 MB
_READ_BYTES = 1024 * 1024
_HANDLER = "lambent_runtime.compiler.handler"

logger = logging.getLogger(__name__)

Acquire = Callable[[str], Awaitable[FunctionSandbox]]


class ByteCode:
    """Makes the byte code of what functions have, and says what to mount."""

    def __init__(
        self,
        *,
        store: CodeStore,
        acquire: Acquire,
        interpreter: Callable[[str], Interpreter | None],
        worthwhile_bytes: int = WORTHWHILE_BYTES,
    ) -> None:
        """Nothing is made yet.

        Args:
            acquire: a blank sandbox of a runtime.
            interpreter: what runs a runtime, if that has byte code.
            worthwhile_bytes: packages with less source get none.
        """
        self._store = store
        self._acquire = acquire
        self._interpreter = interpreter
        self._worthwhile_bytes = worthwhile_bytes
        self._slot = asyncio.Semaphore(1)
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._settled: set[Path] = set()

    async def prepare(self, runtime: str, package: str, layers: Sequence[str]) -> None:
        """Have the byte code made, and wait for it for two seconds at most; never fails.

        Args:
            package: the digest of one that is unpacked; "" where the code is a folder.
            layers: digests of layers that are stacked.
        """
        tasks = []
        for one in self._wanted(runtime, package, layers):
            self._settled.discard(self._folder(*one[1:]).path)  # the code may have been deleted and put again
            task = self._begin(*one)
            assert task is not None  # nothing of it is settled
            tasks.append(task)
        if tasks:
            await asyncio.wait(tasks, timeout=_WAIT_SECONDS)

    def mounts(self, runtime: str, package: str, layers: Sequence[str]) -> list[tuple[str, Path]]:
        """The folders that there are, as (path inside, directory on the host); begins what is missing.

        Args: as `prepare`.
        """
        found = []
        for _, interpreter, place, key in self._wanted(runtime, package, layers):
            self._begin(runtime, interpreter, place, key)
            folder = self._folder(interpreter, place, key)
            if folder.is_there:
                found.append((MOUNT_POINTS[place], folder.path))
        return found

    async def stop(self) -> None:
        """End what is under way; it is gone on with when somebody wants it again."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wanted(self, runtime: str, package: str, layers: Sequence[str]) -> Iterator[tuple[str, Interpreter, str, str]]:
        interpreter = self._interpreter(runtime)
        if interpreter is None:
            return
        if package:
            yield runtime, interpreter, "/var/task", package
        if layers:
            yield runtime, interpreter, "/opt", stack_digest(layers)

    def _folder(self, interpreter: Interpreter, place: str, key: str) -> ByteCodeFolder:
        return self._store.byte_code(key, f"{Path(place).name}-{interpreter.version}")

    def _begin(self, runtime: str, interpreter: Interpreter, place: str, key: str) -> asyncio.Task[None] | None:
        """Have one folder made; None if that is over."""
        folder = self._folder(interpreter, place, key)
        if folder.path in self._settled:
            return None
        task = self._making.get(folder.path)
        if task is None:
            work = self._make(runtime, folder, self._store.tree(key), place)
            task = asyncio.get_running_loop().create_task(work, name=f"byte code {key}")
            self._making[folder.path] = task
        return task

    async def _make(self, runtime: str, folder: ByteCodeFolder, tree: Path, place: str) -> None:
        try:
            await self._make_files(runtime, folder, tree, place)
        except (SandboxFailed, SandboxUnavailable, StoreError, OSError) as error:
            logger.warning("A package stays without byte code, or without all of it: %s", str(error) or "it takes long")
        finally:
            self._settled.add(folder.path)
            del self._making[folder.path]

    async def _make_files(self, runtime: str, folder: ByteCodeFolder, tree: Path, place: str) -> None:
        if folder.is_finished:
            return
        modules = await asyncio.to_thread(python_modules, tree)
        if sum(module.size for module in modules) < self._worthwhile_bytes:
            return
        async with self._slot:
            missing = await asyncio.to_thread(folder.begin, modules)
            compiler = _Compiler(await self._acquire(runtime), runtime, place)
            try:
                async with asyncio.timeout(_LIMIT_SECONDS):
                    await compiler.open(tree)
                    for batch in _batches(missing):
                        made = await compiler.compile([module.path for module in batch])
                        if made is None:
                            break
                        await asyncio.to_thread(_add, folder, batch, made)
            finally:
                await compiler.close()
            await asyncio.to_thread(folder.finish)


class _Compiler:
    """A sandbox that compiles; see lambent_runtime.compiler."""

    def __init__(self, sandbox: FunctionSandbox, runtime: str, place: str) -> None:
        self._sandbox = sandbox
        self._runtime = runtime
        self._place = place
        self._directory = MOUNT_POINTS[place]
        self._parser = FrameParser()
        self._ours = False

    async def open(self, tree: Path) -> None:
        """Give it the source to read, where nothing is imported from."""
        sandbox = self._sandbox
        sandbox.specialise(_MEMORY_MB, [(self._directory, tree)])
        self._ours = True
        environment = interpreter_environment(self._runtime)
        environment |= {"_HANDLER": _HANDLER, "AWS_EXECUTION_ENV": f"AWS_Lambda_{self._runtime}"}
        await self._send(
            encode_init(environment=sandbox.localise(environment), handler=_HANDLER, exec_interpreter=False)
        )
        await self._receive()

    async def compile(self, modules: Sequence[str]) -> list[str | None] | None:
        """Byte code of some modules, in Base64 and in their order; None if the sandbox has broken down over them."""
        event = {"directory": self._directory, "place": self._place, "modules": modules}
        invocation = Invocation(
            request_id="compile",
            payload=json.dumps(event).encode(),
            invoked_function_arn="",
            trace_id="",
            client_context="",
            cognito_identity="",
            tenant_id="",
            content_type="application/json",
            log_tail=False,
            on_result=_nobody_waits,
        )
        try:
            await self._send(encode_invoke(invocation, deadline_ms=0) + invocation.payload)
            payload = await self._receive()
            return None if payload is None else await asyncio.to_thread(_answer, payload, len(modules))
        except (OSError, FrameError, ValueError):
            return None

    async def close(self) -> None:
        """End it, and wait until nothing is left of it."""
        if self._ours:
            self._sandbox.process.channel.close()
            os.close(self._sandbox.process.output)
        await self._sandbox.destroy()

    async def _send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sandbox.process.channel, data)

    async def _receive(self) -> bytes | None:
        """Until it asks for the next event; what it answered to the last one, None if that was no answer."""
        payload = None
        while True:
            data = await asyncio.get_running_loop().sock_recv(self._sandbox.process.channel, _READ_BYTES)
            if not data:
                raise ConnectionResetError
            for kind, body in self._parser.feed(data):
                if kind == RESPONSE:
                    payload = parse_fields(body, 2)[2]
                elif kind == NEXT:
                    return payload


def _batches(modules: Sequence[Module]) -> Iterator[list[Module]]:
    """The large ones alone and last: where one is too much for the sandbox, the others have been compiled."""
    batch: list[Module] = []
    size = 0
    for module in sorted(modules, key=lambda module: module.size > _BATCH_BYTES):
        if batch and size + module.size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(module)
        size += module.size
    if batch:
        yield batch


def _answer(payload: bytes, count: int) -> list[str | None]:
    """What the sandbox says, which may be anything."""
    answer = json.loads(payload)
    if not isinstance(answer, list) or len(answer) != count:
        raise ValueError("not an answer")
    return [made if isinstance(made, str) else None for made in answer]


def _add(folder: ByteCodeFolder, modules: Sequence[Module], made: Sequence[str | None]) -> None:
    for module, encoded in zip(modules, made, strict=True):
        if encoded is not None:
            with contextlib.suppress(ValueError):
                folder.add(module, base64.b64decode(encoded, validate=True))


def _nobody_waits(_: InvocationResult) -> None:
    """An invocation of the server's own has no caller."""
