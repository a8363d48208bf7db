"""An execution environment around a sandbox: its variables, its code, its log stream, its INIT."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from lambent.clock import Clock
from lambent.core.function import FunctionTarget
from lambent.core.report import InitializationType
from lambent.environments.byte_code import ByteCode
from lambent.environments.environment import ExecutionEnvironment
from lambent.environments.fleet import FunctionSandbox
from lambent.environments.variables import Credentials, interpreter_flags, needs_fresh_interpreter, runtime_environment
from lambent.gateway.http_server import HttpServer
from lambent.gateway.inside import InsideEndpoint
from lambent.ids import IdMaker
from lambent.observe.log_names import log_stream_name
from lambent.observe.log_store import LogStore
from lambent.observe.metrics import InvocationMetrics
from lambent.sandbox.owner_maps import OwnedFolder
from lambent.services.folders import Folders
from lambent.store.code_store import CodeStore
from lambent.wire.frames import encode_init

Tree = tuple[str, Path | OwnedFolder]


class EnvironmentFactory:
    """Makes environments for the fleet.

    Attributes:
        server: what answers functions at AWS_ENDPOINT_URL; there before the first environment is made.
    """

    server: HttpServer

    def __init__(
        self,
        *,
        clock: Clock,
        ids: IdMaker,
        logs: LogStore,
        metrics: InvocationMetrics,
        port: int,
        with_credentials: bool,
        freeze_after_ms: float,
        stream_bytes_per_second: int,
    ) -> None:
        """Args: with_credentials: whether functions can sign calls of their own."""
        self._clock = clock
        self._ids = ids
        self._logs = logs
        self._metrics = metrics
        self._port = port
        self._with_credentials = with_credentials
        self._freeze_after_ms = freeze_after_ms
        self._stream_bytes_per_second = stream_bytes_per_second

    def __call__(
        self,
        target: FunctionTarget,
        sandbox: FunctionSandbox,
        *,
        on_idle: Callable[[ExecutionEnvironment], None],
        on_ended: Callable[[ExecutionEnvironment], None],
        initialization: InitializationType = InitializationType.ON_DEMAND,
    ) -> ExecutionEnvironment:
        """One environment in a sandbox that is its target's already."""
        loop = asyncio.get_running_loop()
        inside = InsideEndpoint(loop, self.server, sandbox.endpoint)

        def ended(environment: ExecutionEnvironment) -> None:
            inside.close()
            on_ended(environment)

        stream = log_stream_name(
            created_ms=self._clock.now_ms(),
            version=target.version,
            prefix=target.log_stream_prefix,
            unique=self._ids.token(32),
        )
        environment = runtime_environment(
            target,
            log_stream=stream,
            endpoint_url=f"http://127.0.0.1:{self._port}",
            credentials=_credentials(target) if self._with_credentials else None,
            initialization=initialization,
        )
        return ExecutionEnvironment(
            target=target,
            sandbox=sandbox,
            clock=self._clock,
            loop=loop,
            log_stream=self._logs.stream(target.scope, target.log_group, stream),
            init_frame=encode_init(
                environment=sandbox.localise(environment),
                handler=target.handler,
                exec_interpreter=needs_fresh_interpreter(target.environment),
                flags=interpreter_flags(target),
            ),
            on_idle=on_idle,
            on_ended=ended,
            metrics=self._metrics.of(target),
            freeze_after_ms=self._freeze_after_ms,
            stream_bytes_per_second=self._stream_bytes_per_second,
            initialization=initialization,
        )


class CodeMounts:
    """What of the host an environment sees as its code.

    Attributes:
        folders: those of functions whose code is one; there before the first environment is made.
    """

    folders: Folders

    def __init__(self, code: CodeStore, byte_code: ByteCode) -> None:
        self._code = code
        self._byte_code = byte_code

    async def __call__(self, target: FunctionTarget) -> list[Tree]:
        """(path inside, directory on the host) of the package, the layers and their byte code."""
        trees: list[Tree] = [("/var/task", await self._task(target))]
        if target.layers:
            stacked = self._code.stacked_tree(target.layers)
            if not stacked.is_dir():
                await self._code.stack(target.layers)
            trees.append(("/opt", stacked))
        package = "" if target.code_folder else target.code_sha256
        return [*trees, *self._byte_code.mounts(target.runtime, package, target.layers)]

    async def _task(self, target: FunctionTarget) -> Path | OwnedFolder:
        if target.code_folder:
            return OwnedFolder(self.folders.directory(target))
        tree = self._code.tree(target.code_sha256)
        if not tree.is_dir():  # thrown away at a restart of the machine
            await self._code.unpack(target.code_sha256)
        return tree


def _credentials(target: FunctionTarget) -> Credentials:
    """What functions sign with under `dev`, where any credentials will do and a 12-digit key is the account."""
    return Credentials(target.scope.account, "lambent", "lambent")
