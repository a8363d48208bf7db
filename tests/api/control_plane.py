"""A control plane in this process, for what a server of its own can't be asked over the wire.

Activations can be held, which in a real server last some milliseconds; a collaborator can be broken, to see what a bug
comes to; and the in-memory view of what can be invoked can be looked into. All else is tested on the real server.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from lambent.assembly.control_plane import Collaborators, control_plane
from lambent.clock import Clock
from lambent.core.concurrency import AccountLimits
from lambent.core.errors import InvalidParameterValue
from lambent.core.function import FunctionTarget
from lambent.core.mappings.mapping import EventSourceMapping
from lambent.core.mappings.sources import EventSource
from lambent.core.provisioned import Allocation, Demand
from lambent.core.scope import Scope
from lambent.gateway.api import Api
from lambent.gateway.authentication import AnyCredentials
from lambent.gateway.body_limits import body_limit
from lambent.gateway.code_links import CODE_PATH_PREFIX, CodeDownloads
from lambent.gateway.http_server import HttpServer, Respond
from lambent.ids import IdMaker
from lambent.services.activation import Activation
from lambent.services.catalogue_view import CatalogueView
from lambent.services.deployments import Deployments
from lambent.services.folders import Folders
from lambent.services.packages import Packages
from lambent.services.provisioning import Provisioning
from lambent.services.runtime_rules import RuntimeRules
from lambent.store.blobs import BlobStore
from lambent.store.code_store import CodeStore
from lambent.store.code_trees import CodeTrees
from lambent.store.database import Database
from lambent.store.migrations import control
from lambent.wire.http import Request, Sender
from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import load_lambda_model

RUNTIMES_OF_THE_HOST = {"python3.9", "python3.11", "python3.12", "python3.13"}


class NoBuckets:
    """S3, with nothing in it."""

    async def fetch(self, bucket: str, key: str, version: str | None) -> bytes:
        raise InvalidParameterValue(f"There is no {bucket}/{key}, version {version}.")


class AnySource:
    """Every event source is there."""

    async def check(self, source: EventSource, *, function_timeout_seconds: int) -> None:
        """Nothing is wrong with it."""


class NoSources:
    """Reads no event source."""

    def follow(self, mapping: EventSourceMapping, *, reads: bool) -> None:
        """It isn't read."""


class NoFleet:
    """Nothing runs here."""

    def retire(self, scope: Scope, name: str, *, keep: Sequence[FunctionTarget]) -> None:
        """There is nothing to end."""

    def provision(self, scope: Scope, function_name: str, demands: Sequence[tuple[FunctionTarget, Demand]]) -> None:
        """Nothing is started."""

    def allocation(self, target: FunctionTarget) -> Allocation:
        """So there is nothing."""
        return Allocation()


class CalendarClock(Clock):
    """The real time, or the beginning of a day that a test sets."""

    def __init__(self) -> None:
        self.day: date | None = None

    def now_ms(self) -> int:
        if self.day is None:
            return super().now_ms()
        return int(datetime.combine(self.day, time(), UTC).timestamp() * 1000)


class ControlPlane:
    """A server of the control plane in a thread of its own; `start` again after `stop` is a restart."""

    def __init__(self, directory: Path, *, limits: AccountLimits | None = None) -> None:
        self._limits = limits or AccountLimits()
        self.reserved: dict[tuple[Scope, str], int | None] = {}
        self.url = ""
        self.calendar = CalendarClock()
        self._directory = directory
        self._database_url = f"sqlite:///{directory / 'control.db'}"
        self._started = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread()
        self._loop: asyncio.AbstractEventLoop
        self._gate: asyncio.Event

    def start(self) -> None:
        self._started.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._started.wait(30), "the server didn't start"

    def stop(self) -> None:
        self._stop()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server didn't stop"

    @contextlib.contextmanager
    def activation_held(self) -> Iterator[None]:
        """Versions stay Pending, updates InProgress, until the block ends."""
        self.hold_activation()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._gate.set)

    def hold_activation(self) -> None:
        """Activate nothing more until the next start."""
        self.run(self._close_gate())

    @contextlib.contextmanager
    def on(self, day: str) -> Iterator[None]:
        """Runtimes are as they are on that day, until the block ends."""
        self.calendar.day = date.fromisoformat(day)
        try:
            yield
        finally:
            self.calendar.day = None

    @contextlib.contextmanager
    def mappings_held(self) -> Iterator[None]:
        """Event source mappings stay in transition, until the block ends."""
        self.run(self._hold_mappings())
        try:
            yield
        finally:
            self.run(self._settle_mappings())

    def lose_code(self, sha256: str) -> None:
        """A package vanishes from the disk."""
        (self._directory / "blobs" / sha256[:2] / sha256).unlink()

    def run(self, work: Any) -> Any:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _hold_mappings(self) -> None:
        self._settling.cancel()
        await asyncio.wait([self._settling])

    async def _settle_mappings(self) -> None:
        self._settling = self._tasks.create_task(self._mappings.run(), name="mappings")

    async def _close_gate(self) -> None:
        self._gate.clear()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._gate = asyncio.Event()
        self._gate.set()
        stopping = asyncio.Event()
        self._stop = lambda: self._loop.call_soon_threadsafe(stopping.set)
        for folder in ("blobs", "trees"):
            (self._directory / folder).mkdir(exist_ok=True)
        self._code = CodeStore(BlobStore(self._directory / "blobs"), CodeTrees(self._directory / "trees"))
        self.database = Database.open(self._database_url, control)
        clock, ids, limits = Clock(), IdMaker(), self._limits
        folders = Folders(allowed=None, data_directory=Path("/nowhere"), on_changed=lambda scope, name: None)
        self.view = CatalogueView(database=self.database, folders=folders)
        packages = Packages(source=NoBuckets(), folders=folders, store=self._code, limits=limits)
        provisioning = Provisioning(
            database=self.database, environments=NoFleet(), on_provisioned=lambda scope, name, provisioned: None
        )
        deployments = Deployments(view=self.view, folders=folders, fleet=NoFleet(), on_changed=provisioning.changed)
        activation = Activation(
            database=self.database,
            unpack=self._unpack,
            stack=self._code.stack,
            compile_code=_nothing_runs_here,
            ids=ids,
            deployments=deployments,
            on_activated=lambda target: None,
        )
        services = control_plane(
            Collaborators(
                database=self.database,
                deployments=deployments,
                activation=activation,
                packages=packages,
                runtimes=RuntimeRules(clock=self.calendar, unavailable=_unavailable),
                limits=limits,
                clock=clock,
                ids=ids,
                host_architecture="x86_64",
                on_reserved=self._on_reserved,
                provisioning=provisioning,
                source_probe=AnySource(),
                sources=NoSources(),
                link_secret=b"s" * 32,
            )
        )
        await services.concurrency.restore()
        api = Api(
            codec=RestJsonCodec(load_lambda_model()),
            services=services,
            downloads=CodeDownloads(links=services.code_links, packages=packages),
        )
        authenticator = AnyCredentials()
        try:
            async with asyncio.TaskGroup() as tasks:

                def handle(request: Request, respond: Respond) -> None:
                    anonymous = request.path.startswith(CODE_PATH_PREFIX)
                    caller = None if anonymous else authenticator.authenticate(request)

                    async def answer() -> None:
                        respond(*await api.handle(request, caller, ids.uuid()))

                    tasks.create_task(answer(), name="request")

                server = HttpServer(
                    self._loop, handle, clock=clock, body_limit=body_limit, admits=lambda request: Sender.KNOWN
                )
                listener = await server.listen(host="127.0.0.1")
                self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
                activating = tasks.create_task(activation.run(), name="activation")
                self._mappings = services.event_source_mappings
                self._tasks = tasks
                await self._settle_mappings()
                self._started.set()
                await stopping.wait()
                await server.stop(grace_seconds=1)
                activating.cancel()
                self._settling.cancel()
        finally:
            self.database.close()
            self._code.close()

    async def _unpack(self, sha256: str) -> None:
        await self._gate.wait()
        await self._code.unpack(sha256)

    def _on_reserved(self, scope: Scope, name: str, reserved: int | None) -> None:
        self.reserved[scope, name] = reserved


async def _nothing_runs_here(runtime: str, package: str, layers: Sequence[str]) -> None:
    """No byte code."""


async def _unavailable(identifier: str) -> str | None:
    return None if identifier in RUNTIMES_OF_THE_HOST else "no such interpreter was found"
