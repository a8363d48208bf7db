"""All execution environments of this host: who is idle, who waits for one, who must go.

Environments are grouped by function revision. An admitted invocation takes the idle environment of its group that
was used last, else a new one is started for it; if another becomes free first, the invocation goes there and the new
one becomes idle. The host's own limit, memory, is a third limit beside the account's and the function's: when
it is reached, idle environments are ended, the least valuable first, and where there are none the invocation waits
for `capacity_wait_seconds` and is then refused.

The path of a warm invocation, `invoke`, is synchronous: one dict look-up and one list pop before the environment's
own.
"""

import asyncio
import collections
import logging
from collections.abc import Awaitable, Callable, Container, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lambent.clock import Clock
from lambent.core.errors import ServiceFault, TooManyRequests
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation
from lambent.core.scope import Scope
from lambent.environments.environment import ExecutionEnvironment
from lambent.sandbox.pool import SandboxPool
from lambent.sandbox.sandbox import Sandbox

_SWEEP_SECONDS = 5.0

logger = logging.getLogger(__name__)


class EnvironmentFactory(Protocol):
    """Makes an environment's shell around a sandbox (the composition root knows the other parts)."""

    def __call__(
        self,
        target: FunctionTarget,
        sandbox: Sandbox,
        *,
        on_idle: Callable[[ExecutionEnvironment], None],
        on_ended: Callable[[ExecutionEnvironment], None],
    ) -> ExecutionEnvironment:
        """An environment that has not begun its Init yet."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """Limits of this host."""

    memory_capacity_mb: int
    """Sum of MemorySize over all environments."""
    idle_timeout_seconds: float
    """An environment idle for longer is shut down."""
    capacity_wait_seconds: float
    """How long an invocation waits for the host to have room before it is throttled."""


@dataclass(slots=True, eq=False)
class _Member:
    """What the keeping of an environment is decided by (greedy-dual: frequency × cost / size)."""

    started: float
    cost_seconds: float = 0.0
    """From its start to the end of its first invocation: what losing it would cost the next caller."""
    uses: int = 0
    priority: float = 0.0
    idle_since: float = 0.0
    leaving: bool = False
    """Shut down to make room: its memory is counted on though it isn't free yet."""


@dataclass(slots=True)
class _Pending:
    invocation: Invocation
    on_refused: Callable[[Exception], None]
    on_ended: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Group:
    target: FunctionTarget
    idle: list[ExecutionEnvironment] = field(default_factory=list)
    pending: collections.deque[_Pending] = field(default_factory=collections.deque)
    members: dict[ExecutionEnvironment, _Member] = field(default_factory=dict)
    starting: int = 0
    retired: bool = False


class Fleet:
    """Owner of every execution environment; called from the event loop's thread only."""

    def __init__(
        self,
        *,
        settings: FleetSettings,
        clock: Clock,
        sandboxes: SandboxPool,
        create: EnvironmentFactory,
        code_trees: Callable[[FunctionTarget], Awaitable[Sequence[tuple[str, Path]]]],
    ) -> None:
        """Args:
        code_trees: (path inside, directory on the host) of what a target's environment sees.
        """
        self._settings = settings
        self._clock = clock
        self._sandboxes = sandboxes
        self._create = create
        self._code_trees = code_trees
        self._groups: dict[str, _Group] = {}
        self._ended_callbacks: dict[ExecutionEnvironment, Callable[[], None]] = {}
        self._memory_mb = 0
        self._leaving_mb = 0
        self._inflation = 0.0
        self._room = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def invoke(
        self,
        target: FunctionTarget,
        invocation: Invocation,
        *,
        on_refused: Callable[[Exception], None],
        on_ended: Callable[[], None],
    ) -> None:
        """Deliver an admitted invocation to an environment of its target.

        Either invocation.on_result or on_refused (ApiError: the invocation never ran) is called, once; on_ended is
        called once, after either, when the invocation no longer occupies an environment.
        """
        group = self._groups.get(target.revision)
        if group is None:
            group = self._groups[target.revision] = _Group(target)
        if group.idle:
            self._deliver(group, group.idle.pop(), invocation, on_ended)
            return
        group.pending.append(_Pending(invocation, on_refused, on_ended))
        if group.starting < len(group.pending):
            self._start(group)

    def _deliver(
        self,
        group: _Group,
        environment: ExecutionEnvironment,
        invocation: Invocation,
        on_ended: Callable[[], None],
    ) -> None:
        group.members[environment].uses += 1
        self._ended_callbacks[environment] = on_ended
        environment.invoke(invocation)

    def _start(self, group: _Group) -> None:
        group.starting += 1
        self._spawn(self._start_environment(group))

    async def _start_environment(self, group: _Group) -> None:
        """Bring one more environment of a group up to the begin of its Init."""
        target = group.target
        sandbox: Sandbox | None = None
        try:
            await self._reserve(target.memory_mb)
        except TooManyRequests as error:
            group.starting -= 1
            self._refuse(group, error)
            return
        try:
            trees = await self._code_trees(target)
            sandbox = await self._sandboxes.acquire(target.runtime, target.ephemeral_storage_mb)
            sandbox.specialise(target.memory_mb, trees)
        except Exception as error:  # whatever it is, the invocations that wait must be told
            logger.exception("no environment for %s", target.function_name)
            if sandbox is not None:
                await sandbox.destroy()
            self._release_memory(target.memory_mb)
            group.starting -= 1
            self._refuse(group, ServiceFault(f"An execution environment could not be started: {error}"))
            return
        environment = self._create(target, sandbox, on_idle=self._on_idle, on_ended=self._on_ended)
        group.members[environment] = _Member(self._clock.monotonic())
        group.starting -= 1
        environment.start()
        self._next(group, environment)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="fleet")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse(self, group: _Group, error: Exception) -> None:
        """Tell the invocations that no environment is being started for any more."""
        while len(group.pending) > group.starting:
            pending = group.pending.popleft()
            pending.on_refused(error)
            pending.on_ended()

    def _on_idle(self, environment: ExecutionEnvironment) -> None:
        """An invocation is over and its environment free again."""
        ended = self._ended_callbacks.pop(environment, None)
        if ended is not None:
            ended()
        group = self._group_of(environment)
        member = group.members[environment]
        if member.uses == 1:
            member.cost_seconds = self._clock.monotonic() - member.started
        self._next(group, environment)

    def _next(self, group: _Group, environment: ExecutionEnvironment) -> None:
        """Give a free environment what waits, or let it wait."""
        if group.pending:
            pending = group.pending.popleft()
            self._deliver(group, environment, pending.invocation, pending.on_ended)
        elif group.retired or self._stopping:
            environment.shutdown()
        else:
            member = group.members[environment]
            member.idle_since = self._clock.monotonic()
            member.priority = self._inflation + member.uses * member.cost_seconds / group.target.memory_mb
            group.idle.append(environment)

    def _on_ended(self, environment: ExecutionEnvironment) -> None:
        """An environment is over, its processes gone."""
        ended = self._ended_callbacks.pop(environment, None)
        if ended is not None:
            ended()
        group = self._group_of(environment)
        member = group.members.pop(environment)
        if environment in group.idle:
            group.idle.remove(environment)
        self._forget_if_empty(group)
        self._spawn(self._after_end(environment, member))
        if len(group.pending) > group.starting + len(group.members):
            self._start(group)

    async def _after_end(self, environment: ExecutionEnvironment, member: _Member) -> None:
        await environment.wait_closed()
        memory_mb = environment.target.memory_mb
        if member.leaving:
            self._leaving_mb -= memory_mb
        self._release_memory(memory_mb)

    def _group_of(self, environment: ExecutionEnvironment) -> _Group:
        return self._groups[environment.target.revision]

    def _forget_if_empty(self, group: _Group) -> None:
        if not (group.members or group.pending or group.starting):
            self._groups.pop(group.target.revision, None)

    def retire(self, scope: Scope, function_name: str, *, keep: Container[str]) -> None:
        """End a function's environments whose revision is not in keep: the idle now, the busy after their work."""
        for revision, group in list(self._groups.items()):
            target = group.target
            if target.function_name == function_name and target.scope == scope and revision not in keep:
                group.retired = True
                while group.idle:
                    group.idle.pop().shutdown()

    async def _reserve(self, memory_mb: int) -> None:
        """Take memory of the host's, ending idle environments for it.

        Raises:
            TooManyRequests: there was none for `capacity_wait_seconds`.
        """
        capacity = self._settings.memory_capacity_mb
        async with self._room:
            while self._memory_mb - self._leaving_mb + memory_mb > capacity and self._evict_one():
                pass
            try:
                async with asyncio.timeout(self._settings.capacity_wait_seconds):
                    await self._room.wait_for(lambda: self._memory_mb + memory_mb <= capacity)
            except TimeoutError:
                raise TooManyRequests(reason="ConcurrentInvocationLimitExceeded") from None
            self._memory_mb += memory_mb

    def _release_memory(self, memory_mb: int) -> None:
        self._memory_mb -= memory_mb
        self._spawn(self._announce_room())

    async def _announce_room(self) -> None:
        async with self._room:
            self._room.notify_all()

    def _evict_one(self) -> bool:
        """Shut down the idle environment that is worth least."""
        victim: ExecutionEnvironment | None = None
        least = 0.0
        for group in self._groups.values():
            for environment in group.idle:
                priority = group.members[environment].priority
                if victim is None or priority < least:
                    victim, least = environment, priority
        if victim is None:
            return False
        self._inflation = least
        group = self._group_of(victim)
        group.idle.remove(victim)
        group.members[victim].leaving = True
        self._leaving_mb += group.target.memory_mb
        victim.shutdown()
        return True

    async def run(self) -> None:
        """Shut down environments that have been idle for too long; until cancelled."""
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._settings.idle_timeout_seconds))
            limit = self._clock.monotonic() - self._settings.idle_timeout_seconds
            for group in list(self._groups.values()):
                old = [e for e in group.idle if group.members[e].idle_since < limit]
                for environment in old:
                    group.idle.remove(environment)
                    environment.shutdown()

    def counts(self) -> dict[str, int]:
        """Environments by state, for `doctor` and tests."""
        members = sum(len(group.members) for group in self._groups.values())
        idle = sum(len(group.idle) for group in self._groups.values())
        return {"environments": members, "idle": idle, "memory_mb": self._memory_mb}

    async def stop(self) -> None:
        """End every environment; invocations still running are cut off."""
        self._stopping = True
        for group in list(self._groups.values()):
            group.retired = True
            for environment in list(group.members):
                environment.shutdown()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
