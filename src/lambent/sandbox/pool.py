"""Keeps blank environments ready, so that a cold start never waits for namespaces, cgroups or a fork.

Blanks are built on demand and ahead of it: what is wanted per kind of blank is the stock to hold plus the callers that
wait. A built blank goes to the caller that has waited longest, else into stock. A kind is a runtime and, where blanks
are stems, the flags of its interpreter's command line.
"""

import asyncio
import collections
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from lambent.sandbox.cgroup import Cgroup, CgroupTree, remove_groups, remove_when_empty
from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.group_by_signals import GroupBySignals
from lambent.sandbox.sandbox import Sandbox, open_process_ends
from lambent.sandbox.tmp_storage import TmpInMemory, TmpStorage
from lambent.sandbox.zygote import Zygote, ZygotePlan

DEFAULT_TMP_MB = 512
# What a builder waits for is mostly the disk and the kernel (a loop device and its mount: 8 ms, of them 0.8 of
# processor time), so there are more than processors.
_BUILDERS = 8
_SOCKET_BUFFER_BYTES = 1 << 18
# A blank takes 10 ms of processor time to make, which the cold start that took one would have to share.
_REPLENISH_AFTER_SECONDS = 0.02
# Stems kept ready of one kind, and the number of kinds for which they are kept.
_STEMS, _STEM_KINDS = 2, 4

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Network(Protocol):
    """What the pool needs of the host's side of an environment's network."""

    def attach(self, netns_fd: int) -> "NetworkAttachment":
        """Serve the namespace (egress, host loopback)."""

    def listen(self, netns_fd: int) -> Sequence[socket.socket]:
        """The listeners inside: Runtime API first, then Lambent's own port."""


class NetworkAttachment(Protocol):
    """The host's side of one environment's network."""

    def close(self) -> None:
        """Let go of the namespace."""


@dataclass(slots=True)
class PoolSettings:
    """How many blanks, and for whom."""

    stock: int
    """Blanks kept ready per runtime in use; fewer where each is an interpreter of its own."""
    cpu_quota: bool
    """Whether CPU is a quota (as on AWS) or a share."""
    uid_base: int | None
    """First of the 65,536 host uids given to environments; without, they all have this process's own."""
    tmp_on_disk: bool = True
    """Whether loop devices can be had for /tmp; else it is in memory."""


class _Kind(NamedTuple):
    """What blanks are alike in."""

    runtime: str
    stem: tuple[str, ...] | None
    """The flags of its program's command line, where that is started in advance."""


@dataclass(slots=True)
class _RuntimeZygote:
    zygote: Zygote | None = None
    starting: asyncio.Task[Zygote] | None = None


@dataclass(slots=True)
class _Stock:
    size: int
    """Blanks to keep ready."""
    blanks: collections.deque[Sandbox] = field(default_factory=collections.deque)
    waiting: collections.deque[asyncio.Future[Sandbox]] = field(default_factory=collections.deque)
    building: int = 0


class SandboxPool:
    """All sandboxes of one server."""

    def __init__(
        self,
        *,
        settings: PoolSettings,
        directory: Path,
        cgroups: CgroupTree,
        network: Network,
        plan_for: Callable[[str], Awaitable[ZygotePlan]],
    ) -> None:
        """A pool without zygotes or blanks yet.

        Args:
            directory: for /tmp images and mount points, on the file system that is to hold them.
            plan_for: the plan of a runtime's zygote; raises SandboxUnavailable.
        """
        self._settings = settings
        self._directory = directory
        self._cgroups = cgroups
        self._network = network
        self._plan_for = plan_for
        self._tmp = TmpStorage(directory) if settings.tmp_on_disk else TmpInMemory()
        self._threads = ThreadPoolExecutor(_BUILDERS, thread_name_prefix="sandbox")
        self._zygotes: dict[str, _RuntimeZygote] = {}
        self._stocks: dict[_Kind, _Stock] = {}  # the one used last is the last
        self._sandboxes: set[Sandbox] = set()
        self._attachments: dict[Sandbox, NetworkAttachment] = {}
        self._uids: set[int] = set()
        self._next_uid = 0
        self._builders: set[asyncio.Task[Any]] = set()
        self._stopping = False

    async def warm(self, runtime: str, *, fresh: bool = False, flags: tuple[str, ...] = ()) -> None:
        """Start the runtime's zygote and a stock of its blanks, if that hasn't happened.

        Args:
            fresh, flags: as in `acquire`, of the function for which it is.

        Raises:
            SandboxUnavailable: the runtime can't be had on this machine.
        """
        zygote = await self._zygote(runtime)
        if zygote.has_stem and not (flags or fresh):  # whose, isn't known yet
            return
        kind = _kind(zygote, flags, fresh=fresh)
        self._replenish(kind, self._stock(kind))

    async def acquire(self, runtime: str, tmp_mb: int, *, fresh: bool, flags: tuple[str, ...]) -> Sandbox:
        """A blank environment: from stock, or built now.

        Args:
            fresh: its program must see the function's variables when it starts, so that a stem is no use.
            flags: what its program's command line must have, where that is a stem.

        Raises:
            SandboxUnavailable: the runtime can't be had on this machine.
            SandboxFailed: a step failed; it is named.
        """
        kind = _kind(await self._zygote(runtime), flags, fresh=fresh)
        if tmp_mb != DEFAULT_TMP_MB:
            work = self._build(kind, tmp_mb)
            return await asyncio.shield(self._builder(work, runtime))
        stock = self._stock(kind)
        while stock.blanks:
            blank = stock.blanks.popleft()
            if blank.alive:
                asyncio.get_running_loop().call_later(_REPLENISH_AFTER_SECONDS, self._replenish, kind, stock)
                return blank
            self._builder(blank.destroy(), runtime)
        future: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        stock.waiting.append(future)
        self._replenish(kind, stock)
        return await future

    async def stop(self) -> None:
        """End every sandbox and zygote."""
        self._stopping = True
        starting = [of.starting for of in self._zygotes.values() if of.starting is not None]
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        # Builders are waited for, not cancelled: what is half-built belongs to nobody yet.
        while self._builders:
            await asyncio.gather(*self._builders, return_exceptions=True)
        await asyncio.gather(*(sandbox.destroy() for sandbox in list(self._sandboxes)))
        for of in self._zygotes.values():
            if of.zygote is not None:
                await of.zygote.stop()
        self._threads.shutdown()
        self._cgroups.remove()

    def sandboxes(self) -> int:
        """How many there are now, blanks included."""
        return len(self._sandboxes)

    def _stock(self, kind: _Kind) -> _Stock:
        stock = self._stocks.pop(kind, None)
        if stock is None:
            size = self._settings.stock if kind.stem is None else min(self._settings.stock, _STEMS)
            stock = _Stock(size)
            self._forget_oldest_stems()
        self._stocks[kind] = stock
        return stock

    def _forget_oldest_stems(self) -> None:
        """A stem has the memory of an interpreter: they are kept for few kinds."""
        stems = [kind for kind, stock in self._stocks.items() if kind.stem is not None and not stock.waiting]
        for kind in stems[: -_STEM_KINDS + 1]:
            stock = self._stocks.pop(kind)
            stock.size = 0
            while stock.blanks:
                self._builder(stock.blanks.popleft().destroy(), kind.runtime)

    async def _zygote(self, runtime: str) -> Zygote:
        of = self._zygotes.get(runtime)
        if of is None:
            of = self._zygotes[runtime] = _RuntimeZygote()
        if of.starting is None or of.starting.done():  # while it starts it isn't known how much memory it shares
            if of.zygote is not None and of.zygote.alive:
                return of.zygote
            of.starting = asyncio.get_running_loop().create_task(
                self._start_zygote(runtime, of), name=f"zygote {runtime}"
            )
        return await asyncio.shield(of.starting)

    async def _start_zygote(self, runtime: str, of: _RuntimeZygote) -> Zygote:
        plan = await self._plan_for(runtime)
        mount_point = self._directory / "root"
        mount_point.mkdir(exist_ok=True)
        if of.zygote is not None:
            logger.warning("The zygote of %s has ended; a new one takes its place.", runtime)
            await of.zygote.stop()
        zygote = of.zygote = Zygote(plan, mount_point)
        try:
            await zygote.start()
        except BaseException:
            of.zygote = None
            await zygote.stop()
            raise
        return zygote

    def _replenish(self, kind: _Kind, stock: _Stock) -> None:
        wanted = stock.size + len(stock.waiting) - len(stock.blanks)
        while stock.building < min(wanted, _BUILDERS) and not self._stopping:
            stock.building += 1
            self._builder(self._build_for_stock(kind, stock), kind.runtime)

    def _builder(self, work: Coroutine[Any, Any, T], runtime: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=f"blank {runtime}")
        self._builders.add(task)
        task.add_done_callback(self._builders.discard)
        return task

    async def _build_for_stock(self, kind: _Kind, stock: _Stock) -> None:
        """Build until the stock is full and nobody waits; a failure goes to whoever has waited longest."""
        try:
            while len(stock.blanks) < stock.size + len(stock.waiting) and not self._stopping:
                sandbox = await self._build(kind, DEFAULT_TMP_MB)
                while stock.waiting:
                    future = stock.waiting.popleft()
                    if not future.done():
                        future.set_result(sandbox)
                        break
                else:
                    stock.blanks.append(sandbox)
        except (SandboxFailed, SandboxUnavailable) as error:
            logger.error("no blank environment for %s: %s", kind.runtime, error)  # noqa: TRY400  # it names the step
            _refuse(stock.waiting, error)
        except Exception as error:
            # A bug of ours: whoever waits must be told all the same.
            logger.exception("no blank environment for %s", kind.runtime)
            _refuse(stock.waiting, SandboxFailed(f"no blank environment for {kind.runtime}: {error!r}"))
        finally:
            stock.building -= 1
            if self._stopping:
                _refuse(stock.waiting, SandboxUnavailable("the server is stopping"))

    async def _build(self, kind: _Kind, tmp_mb: int) -> Sandbox:
        """A blank environment; a zygote that ends meanwhile is replaced, once."""
        zygote = await self._zygote(kind.runtime)
        try:
            return await self._fork(zygote, tmp_mb, kind.stem)
        except SandboxFailed:
            if zygote.alive or self._stopping:
                raise
        return await self._fork(await self._zygote(kind.runtime), tmp_mb, kind.stem)

    async def _fork(self, zygote: Zygote, tmp_mb: int, stem: tuple[str, ...] | None) -> Sandbox:
        loop = asyncio.get_running_loop()
        sandbox_id = secrets.token_hex(8)
        uid = self._take_uid()
        # What goes inside is closed here in any case, what stays only if the sandbox doesn't come to be.
        with contextlib.ExitStack() as undo, contextlib.ExitStack() as given:
            undo.callback(self._uids.discard, uid)
            tmp, cgroup, joining = await loop.run_in_executor(self._threads, self._prepare, sandbox_id, tmp_mb)
            for fd in (tmp, *joining):
                given.callback(os.close, fd)
            undo.callback(lambda: self._builder(_remove_cgroup(cgroup), zygote.runtime))
            process, ends = open_process_ends()
            given.callback(ends.close)
            undo.callback(process.channel.close)
            undo.callback(os.close, process.output)
            process.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
            leash_inside, leash = os.pipe2(os.O_CLOEXEC)
            given.callback(os.close, leash_inside)
            undo.callback(os.close, leash)
            sandbox = Sandbox(
                sandbox_id,
                uid=uid,
                leash=leash,
                cgroup=cgroup if cgroup.is_complete else GroupBySignals(cgroup, zygote.footprint_mb << 20),
                process=process,
                footprint_mb=zygote.footprint_mb,
                cpu_quota=self._settings.cpu_quota,
                on_destroyed=self._destroyed,
            )
            fds = [leash_inside, tmp, ends.channel.fileno(), ends.output, *joining]
            sandbox.spawn(zygote, fds, stem=stem)
            undo.pop_all()
        self._sandboxes.add(sandbox)
        try:
            await sandbox.wait_ready()
            self._connect(sandbox)
        except BaseException:
            await sandbox.destroy()
            raise
        return sandbox

    def _prepare(self, sandbox_id: str, tmp_mb: int) -> tuple[int, Cgroup, list[int]]:
        """What blocks: the /tmp mount, the groups, the descriptors to join them (a thread's work)."""
        with contextlib.ExitStack() as undo:
            try:
                tmp = self._tmp.create(tmp_mb)
                undo.callback(os.close, tmp)
                cgroup = self._cgroups.create(sandbox_id)
                undo.callback(remove_groups, cgroup.paths)
                undo.callback(cgroup.close)
                joining = cgroup.open_for_joining()
            except OSError as error:
                raise SandboxFailed(f"sandbox {sandbox_id}: {error}") from error
            undo.pop_all()
            return tmp, cgroup, joining

    def _connect(self, sandbox: Sandbox) -> None:
        netns = os.open(f"/proc/{sandbox.pid_1}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            sandbox.listeners = self._network.listen(netns)
            self._attachments[sandbox] = self._network.attach(netns)
        finally:
            os.close(netns)

    def _take_uid(self) -> int:
        if self._settings.uid_base is None:
            return 0
        for _ in range(65536):
            self._next_uid = (self._next_uid + 1) % 65536
            uid = self._settings.uid_base + self._next_uid
            if uid not in self._uids:
                self._uids.add(uid)
                return uid
        raise SandboxFailed("all 65,536 user ids for environments are in use")

    def _destroyed(self, sandbox: Sandbox) -> None:
        self._sandboxes.discard(sandbox)
        self._uids.discard(sandbox.uid)
        attachment = self._attachments.pop(sandbox, None)
        if attachment is not None:
            attachment.close()


def _kind(zygote: Zygote, flags: tuple[str, ...], *, fresh: bool) -> _Kind:
    return _Kind(zygote.runtime, flags if zygote.has_stem and not fresh else None)


def _refuse(waiting: collections.deque[asyncio.Future[Sandbox]], error: Exception) -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_exception(error)


async def _remove_cgroup(cgroup: Cgroup) -> None:
    """Of an environment that was not finished; its processes may need a moment to end."""
    cgroup.close()
    await remove_when_empty(cgroup.paths)
