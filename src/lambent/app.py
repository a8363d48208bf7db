"""The composition root: the one place where the parts of a server are made and wired, and its life from start to stop.

Nothing here has rules of its own. Several servers may run in one process, each in its own data directory.
"""

import asyncio
import contextlib
import functools
import gc
import logging
import os
import platform
import resource
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lambent.assembly.asynchronous import AsynchronousInvocations, QueueStore
from lambent.assembly.background import Background
from lambent.assembly.companion import RestOfAws
from lambent.assembly.control_plane import Collaborators, control_plane
from lambent.assembly.environments import CodeMounts, EnvironmentFactory
from lambent.assembly.sandboxes import RUNTIME_API_PORT, SandboxHost
from lambent.assembly.sources import pollers
from lambent.assembly.warming import Warming
from lambent.clock import Clock, MovableClock, SteadyClock
from lambent.core.admission import Admission
from lambent.core.concurrency import AccountLimits
from lambent.environments.byte_code import ByteCode
from lambent.environments.fleet import Fleet, FleetSettings, FunctionSandbox
from lambent.environments.zygote_plans import ZygotePlans
from lambent.gateway.api import Api
from lambent.gateway.authentication import AnyCredentials, Authenticator, VerifiedCredentials
from lambent.gateway.clock_routes import clock_routes
from lambent.gateway.code_links import CodeDownloads
from lambent.gateway.control import TOKEN_FILE, Control, Route
from lambent.gateway.credentials import RootKey, RootKeyUnusableError
from lambent.gateway.front import Front
from lambent.gateway.function_urls.handler import UrlFront
from lambent.gateway.function_urls.proxies import TrustedProxies
from lambent.gateway.host_rules import HostRules
from lambent.gateway.http_server import HttpServer
from lambent.gateway.invoke import InvokeOperation
from lambent.gateway.metrics_page import MetricsPage
from lambent.gateway.queue_routes import queue_routes
from lambent.ids import IdMaker
from lambent.observe.event_metrics import EventMetrics
from lambent.observe.log_store import LogLimits, LogStore
from lambent.observe.mapping_metrics import MappingMetrics
from lambent.observe.metrics import InvocationMetrics
from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.providers import RuntimePlaces, Runtimes
from lambent.runtimes.python.byte_code import PackageCopies
from lambent.runtimes.python.interpreters import Interpreter
from lambent.sandbox.pool import DEFAULT_TMP_MB
from lambent.services.activation import Activation
from lambent.services.catalogue_view import CatalogueView
from lambent.services.code_sweep import CodeSweep
from lambent.services.deployments import Deployments
from lambent.services.folders import Folders
from lambent.services.invoke import InvokeService
from lambent.services.packages import Packages
from lambent.services.provisioning import Provisioning
from lambent.services.runtime_rules import RuntimeRules
from lambent.services.url_view import UrlView
from lambent.settings import Posture, Settings, is_loopback
from lambent.startup import CannotStart, listen
from lambent.store.blobs import BlobStore
from lambent.store.code_store import CodeStore
from lambent.store.code_trees import CodeTrees
from lambent.store.data_directory import DataDirectory, DataDirectoryError
from lambent.store.database import Database
from lambent.store.durable_files import write_durably
from lambent.store.errors import StoreError
from lambent.store.migrations import control
from lambent.wire.http import Request
from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import load_lambda_model

_CAPACITY_WAIT_SECONDS = 5.0
_GRACE_SECONDS = 5.0
_LEAST_GRACE_SECONDS = 1.0  # for callers, when batches of queues have taken it all
_GC_THRESHOLD = 50_000  # objects made and not freed before the collector looks
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, as its announcer sees it.

    Attributes:
        root_key: the key that was made at this start, to be shown once; else None.
        runtimes: identifiers that functions can have on this machine.
        failed: set when a part that must run has ended: the server can't keep its promises and has to stop.
    """

    host: str
    port: int
    data_directory: Path
    root_key: RootKey | None
    runtimes: Sequence[str]
    failed: asyncio.Event


Ready = Callable[[Server], Awaitable[None]]


async def run(settings: Settings, *, posture: Posture, ready: Ready | None = None) -> int:
    """Run a server until SIGINT or SIGTERM; a second signal ends it without waiting for what still runs.

    Args:
        ready: awaited once, when requests are answered.

    Returns:
        The exit status: 1 if a part of the server failed.

    Raises:
        CannotStart: with the one line that says why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, stop)
    async with serving(settings, posture=posture, stop=stop) as server:
        # What a start makes lives until the end, and what a request makes ends by reference counts: collections find
        # next to nothing, and at their default frequency cost 3 % of the warm rate.
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        if ready is not None:
            await ready(server)
        await stop.wait()
        return 1 if server.failed.is_set() else 0


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(130)
    stop.set()


@contextlib.asynccontextmanager
async def serving(settings: Settings, *, posture: Posture, stop: asyncio.Event | None = None) -> AsyncIterator[Server]:
    """A server that answers requests inside the block, and has stopped after it.

    What is started first is stopped last: requests end before what they use.

    Args:
        stop: set when the server fails and the block has to end.

    Raises:
        CannotStart: with the one line that says why.
    """
    async with contextlib.AsyncExitStack() as stack:
        yield await _Assembly(settings, posture, stack, stop or asyncio.Event()).start()


class _Assembly:
    """Makes the parts, in the order in which they need each other, and registers how each is stopped."""

    def __init__(
        self, settings: Settings, posture: Posture, stack: contextlib.AsyncExitStack, stop: asyncio.Event
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._posture = posture
        self._stack = stack
        self._clock = Clock()
        self._movable_clock = MovableClock(SteadyClock())
        self._ids = IdMaker()
        self._limits = AccountLimits(concurrent_executions=settings.concurrency_limit)
        self._admission = Admission(settings.concurrency_limit)
        self._metrics = InvocationMetrics()
        self._event_metrics = EventMetrics()
        self._mapping_metrics = MappingMetrics()

    async def start(self) -> Server:
        """All of it; requests are answered when this returns."""
        _raise_descriptor_limit()
        listener = self._claim()
        self._port: int = listener.getsockname()[1]
        self._rest_of_aws = RestOfAws(self._settings, self._posture, port=self._port)
        await self._open_state()
        await self._make_environments()
        for runtime in await self._warming.expected_runtimes():  # beside all that follows
            self._background.start(self._warming.warm(runtime))
        self._make_services()
        self._make_gateway()
        await self._services.concurrency.restore()
        await self._provisioning.restore()
        await self._code_sweep.mark()
        await self._run(listener)
        return Server(
            host=self._settings.host,
            port=self._port,
            data_directory=self._data.path,
            root_key=self._root_key,
            runtimes=self._runtimes.identifiers,
            failed=self._background.failed,
        )

    def _claim(self) -> socket.socket:
        """What can be refused with one line: the address, the data directory, the port."""
        settings = self._settings
        self._host = SandboxHost(settings, self._posture)
        if settings.port == RUNTIME_API_PORT:
            raise CannotStart(
                f"port {settings.port} is the Runtime API's inside every environment; choose another with --port"
            )
        try:
            self._data = DataDirectory.open(settings.data_directory)
        except DataDirectoryError as error:
            raise CannotStart(f"{error} Choose another with --data-dir.") from error
        self._stack.callback(self._data.close)
        listener = listen(settings.host, settings.port)
        self._stack.callback(listener.close)
        return listener

    async def _open_state(self) -> None:
        """Control state, queue and logs: separate files with separate writers."""
        data = self._data
        try:
            self._database = await asyncio.to_thread(Database.open, f"sqlite:///{data.control_database}", control)
            self._stack.callback(self._database.close)
            self._queue = await QueueStore.open(data.queue_database, self._stack, now_ms=self._movable_clock.now_ms())
        except StoreError as error:
            raise CannotStart(f"the data directory {data.path} can't be used: {error}") from error
        self._code = CodeStore(BlobStore(data.packages), CodeTrees(data.code))
        self._stack.callback(self._code.close)
        self._logs = LogStore(
            data.logs,
            clock=self._clock,
            limits=LogLimits(
                retention_days=self._settings.log_retention_days,
                retention_bytes=self._settings.log_retention_bytes,
            ),
        )
        await self._logs.start()
        self._stack.push_async_callback(self._logs.stop)

    async def _make_environments(self) -> None:
        """Interpreters, sandboxes and the fleet."""
        settings = self._settings
        places = RuntimePlaces(
            cache=self._data.path,
            installed=settings.runtimes_directory,
            environment=os.environ,
            home=Path.home(),
            node_sdk=settings.node_sdk,
        )
        self._runtimes = await asyncio.to_thread(Runtimes, places)
        self._packages_inside = PackageCopies(self._data.path / "packages-inside")
        plans = ZygotePlans(
            runtimes=self._runtimes,
            python_sdk=settings.python_sdk,
            sdk_cache=self._data.path / "sdk",
            copies=self._packages_inside,
            network=self._host.network_mode,
            confined=self._host.confined,
            keep_proc=self._host.means.host_proc,
        )
        self._pool = await self._host.pool(
            self._stack, data_directory=self._data.path, port=self._port, plan_for=plans.plan_for
        )
        self._byte_code = ByteCode(store=self._code, acquire=self._acquire_compiler, interpreter=self._compiled_by)
        self._stack.push_async_callback(self._byte_code.stop)
        self._make_environment = EnvironmentFactory(
            clock=self._clock,
            ids=self._ids,
            logs=self._logs,
            metrics=self._metrics,
            port=self._port,
            with_credentials=self._posture == "dev",
            freeze_after_ms=settings.freeze_after_ms,
            stream_bytes_per_second=settings.stream_bytes_per_second,
        )
        self._code_mounts = CodeMounts(self._code, self._byte_code)
        self._fleet = Fleet(
            settings=FleetSettings(
                memory_capacity_mb=settings.memory_capacity_mb,
                idle_timeout_seconds=settings.idle_timeout_seconds,
                capacity_wait_seconds=_CAPACITY_WAIT_SECONDS,
            ),
            clock=self._movable_clock,
            sandboxes=self._pool,
            create=self._make_environment,
            code_trees=self._code_mounts,
        )
        self._movable_clock.on_moved(self._fleet.end_idle)
        self._background = Background(self._stack, self._stop)
        self._warming = Warming(
            database=self._database,
            runtimes=self._runtimes,
            pool=self._pool,
            packages_inside=self._packages_inside,
        )

    async def _acquire_compiler(self, runtime: str) -> FunctionSandbox:
        return await self._pool.acquire(runtime, DEFAULT_TMP_MB, fresh=False, flags=())

    def _compiled_by(self, runtime: str) -> Interpreter | None:
        """Python, where its environments have root file systems of their own."""
        if not self._host.confined:
            return None
        try:
            found = self._runtimes.get(runtime)
        except RuntimeMissing:  # its interpreter was there when it was created
            return None
        return found if isinstance(found, Interpreter) else None

    def _make_services(self) -> None:
        """The use cases."""
        self._folders = Folders(
            allowed=_folders_of_functions(self._settings) if self._posture == "dev" else None,
            data_directory=self._data.path,
            on_changed=lambda scope, name: deployments.changed(scope, name),  # noqa: PLW0108  # it is made below
        )
        self._stack.callback(self._folders.close)
        self._code_mounts.folders = self._folders
        view = CatalogueView(database=self._database, folders=self._folders)
        self._provisioning = Provisioning(
            database=self._database, environments=self._fleet, on_provisioned=self._admission.set_provisioned
        )
        deployments = Deployments(
            view=view, folders=self._folders, fleet=self._fleet, on_changed=self._provisioning.changed
        )
        self._activation = Activation(
            database=self._database,
            unpack=self._code.unpack,
            stack=self._code.stack,
            compile_code=self._byte_code.prepare,
            ids=self._ids,
            deployments=deployments,
            on_activated=lambda target: self._background.start(self._warming.warm_for(target)),
        )
        source = self._rest_of_aws.code_source()
        self._stack.callback(source.close)
        self._invoke = InvokeService(
            targets=view,
            admission=self._admission,
            fleet=self._fleet,
            metrics=self._metrics,
            ids=self._ids,
            clock=self._clock,
        )
        self._pollers = pollers(
            invoke=self._invoke,
            targets=view,
            rest_of_aws=self._rest_of_aws,
            metrics=self._mapping_metrics,
            ids=self._ids,
            clock=self._movable_clock,
            spawn=self._background.start,
            stack=self._stack,
        )
        probe = self._rest_of_aws.source_probe()
        self._stack.callback(probe.close)
        self._code_sweep = CodeSweep(database=self._database, store=self._code)
        self._packages = Packages(source=source, folders=self._folders, store=self._code, limits=self._limits)
        self._services = control_plane(
            Collaborators(
                database=self._database,
                deployments=deployments,
                activation=self._activation,
                packages=self._packages,
                runtimes=RuntimeRules(clock=self._clock, unavailable=self._unavailable),
                limits=self._limits,
                clock=self._clock,
                ids=self._ids,
                host_architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
                on_reserved=self._admission.set_reserved,
                provisioning=self._provisioning,
                source_probe=probe,
                sources=self._pollers,
                link_secret=_secret(self._data.path / "link-secret"),
                block_public_policies=self._settings.block_public_policies,
            )
        )
        self._asynchronous = AsynchronousInvocations(
            settings=self._settings,
            store=self._queue,
            database=self._database,
            view=view,
            invoke=self._invoke,
            admission=self._admission,
            rest_of_aws=self._rest_of_aws,
            metrics=self._event_metrics,
            ids=self._ids,
            clock=self._movable_clock,
            stack=self._stack,
        )
        self._url_view = UrlView(database=self._database, view=view)

    async def _unavailable(self, runtime: str) -> str | None:
        """Why this machine can't run a runtime, if it can't."""
        try:
            await asyncio.to_thread(self._runtimes.find, runtime)
        except RuntimeMissing as error:
            return str(error)
        return None

    def _make_gateway(self) -> None:
        """From the socket to the use cases."""
        settings = self._settings
        codec = RestJsonCodec(load_lambda_model())
        downloads = CodeDownloads(links=self._services.code_links, packages=self._packages)
        authenticator = self._authenticator()
        urls = urlsplit(settings.url_domain)
        front = Front(
            host_rules=HostRules(
                hosts=settings.allowed_hosts,
                origins=settings.allowed_origins,
                url_domain=urls.hostname or "",
                # Who listens for other machines is addressed by numbers, too; names stay to be configured.
                any_address=not is_loopback(settings.host),
            ),
            authenticator=authenticator,
            invoke=InvokeOperation(
                service=self._invoke,
                events=self._asynchronous.events,
                validate=functools.partial(_validate, codec),
                spawn=self._background.start,
                trusts_tokens=self._posture == "dev",
            ),
            api=Api(codec=codec, services=self._services, downloads=downloads, url_domain=settings.url_domain),
            urls=UrlFront(
                urls=self._url_view,
                service=self._invoke,
                authenticator=authenticator,
                spawn=self._background.start,
                ids=self._ids,
                clock=self._clock,
                https_domain=(urls.hostname or "") if urls.scheme == "https" else "",
                proxies=TrustedProxies(settings.trusted_proxies) if settings.trusted_proxies else None,
            ),
            metrics=MetricsPage(
                metrics=self._metrics,
                events=self._event_metrics,
                mappings=self._mapping_metrics,
                admission=self._admission,
                authenticator=authenticator,
            ),
            control=Control(
                token=_secret(self._data.path / TOKEN_FILE, text=True).decode(),
                authenticator=authenticator,
                verifies=self._posture == "serve",
                routes=self._control_routes(),
            ),
            ids=self._ids,
            spawn=self._background.start,
            others=self._rest_of_aws.gateway(
                codec, data_directory=self._data.path, spawn=self._background.start, stack=self._stack
            ),
        )
        loop = asyncio.get_running_loop()
        self._server = HttpServer(
            loop, front.handle, clock=self._clock, body_limit=self._rest_of_aws.body_limit, admits=front.admits
        )
        self._make_environment.server = self._server

    def _control_routes(self) -> Sequence[Route]:
        """Time is moved on a developer's machine only: other people's invocations depend on a team's."""
        routes = queue_routes(self._asynchronous.history)
        return [*routes, *clock_routes(self._movable_clock)] if self._posture == "dev" else routes

    def _authenticator(self) -> Authenticator:
        self._root_key: RootKey | None = None
        if self._posture == "dev":
            return AnyCredentials()
        try:
            key, created = RootKey.load_or_create(self._data.path)
        except RootKeyUnusableError as error:
            raise CannotStart(str(error)) from error
        self._root_key = key if created else None
        return VerifiedCredentials(key, clock=self._clock)

    async def _run(self, listener: socket.socket) -> None:
        """Start what runs by itself, then open the door."""
        if self._posture == "serve":
            await self._warming.prove_sandbox()
        for work in (
            self._activation.run(),
            self._fleet.run(),
            *self._asynchronous.work(),
            self._code_sweep.run(),
            self._services.event_source_mappings.run(),
        ):
            self._background.start(work, must_run=True)
        self._stack.push_async_callback(self._stop_serving)
        await self._server.listen(sock=listener)

    async def _stop_serving(self) -> None:
        """Every caller is answered before its connection ends: by its function, or by the end of the environments."""
        stopped = self._clock.monotonic() + _GRACE_SECONDS
        self._pollers.stop_receiving()
        # Before the door is closed: what they have done is deleted from queues that are behind it.
        await self._pollers.over(grace_seconds=_GRACE_SECONDS)
        self._server.begin_stop()
        self._rest_of_aws.begin_stop()
        left_seconds = max(stopped - self._clock.monotonic(), _LEAST_GRACE_SECONDS)
        await asyncio.gather(
            self._server.drained(timeout_seconds=left_seconds),
            self._asynchronous.stop(grace_seconds=left_seconds),
        )
        await self._fleet.stop()
        await self._server.close()


def _validate(codec: RestJsonCodec, request: Request) -> None:
    """The codec's own checks of a request that the hot path doesn't decode."""
    match = codec.match(request.method, request.path, request.query)
    assert match is not None  # the path is Invoke's
    codec.decode(match, query=request.query, headers=request.headers, body=request.body)


def _folders_of_functions(settings: Settings) -> list[Path]:
    return [*settings.folders, *(watched.folder for watched in settings.watch)]


def _secret(path: Path, *, text: bool = False) -> bytes:
    """A secret of the data directory, made at its first use: 32 bytes, or as many in hexadecimal digits."""
    if not path.exists():
        secret = secrets.token_bytes(32)
        write_durably(path, secret.hex().encode() if text else secret, mode=0o600)
    return path.read_bytes()


def _raise_descriptor_limit() -> None:
    """As many open files as this process may have: each environment takes a dozen."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
