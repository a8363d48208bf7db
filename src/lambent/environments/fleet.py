"""All execution environments of this host: who is idle, who waits for one, who must go.

Environments are grouped by function version and revision, and by tenant where a function has tenants, so that none
serves two of them. An admitted invocation takes the idle environment of its group that was used last, else a new one is
started for it; if another becomes free first, the invocation goes there. So there is never an invocation waiting for
which no environment is being started. The host's memory is a third limit beside the account's and the function's: when
it is used up, idle environments are ended, the least valuable first, and where there are none the invocation waits for
`capacity_wait_seconds` and is then refused.

Provisioned environments of a group are started ahead of its invocations, which go to them first. They are neither
evicted nor ended for being idle, and one that ends is replaced.

The path of a warm invocation, `invoke`, is synchronous: one dict look-up and one list pop before the environment's
own.
"""

import asyncio
import collections
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Protocol

from lambent.clock import Clock
from lambent.core.admission import ThrottleReason
from lambent.core.errors import ApiError, ServiceFault, TooManyRequests
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation
from lambent.core.provisioned import INIT_FAILURE, Allocation, Demand
from lambent.core.report import InitializationType
from lambent.core.scope import Scope
from lambent.environments.environment import EnvironmentSandbox, ExecutionEnvironment
from lambent.environments.groups import Group, Member, OnEnded, OnRefused, Pending
from lambent.environments.host_memory import HostMemory, MemoryRequest
from lambent.environments.variables import interpreter_flags, needs_fresh_interpreter
from lambent.sandbox.errors import SandboxFailed, SandboxUnavailable
from lambent.sandbox.owner_maps import OwnedFolder

_LONGEST_SWEEP_SECONDS = 5.0
_SHORTEST_SWEEP_SECONDS = 0.1
_FULL_LOGGED_SECONDS = 10.0
_PROVISIONED_AT_ONCE = 4
"""Environments that are made ahead at the same time: those that invocations wait for come between."""

logger = logging.getLogger(__name__)


class FunctionSandbox(EnvironmentSandbox, Protocol):
    """A sandbox from before it is any function's; `lambent.sandbox.sandbox.Sandbox` is one."""

    @property
    def endpoint(self) -> socket.socket:
        """Listening inside the sandbox at Lambent's own address, non-blocking."""

    def specialise(self, memory_mb: int, trees: Sequence[tuple[str, Path | OwnedFolder]]) -> None:
        """Make it a function's, with its memory and its code; raises SandboxFailed."""

    def localise(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """A function's variables with the paths and addresses that are right inside; after `specialise`."""


class Sandboxes(Protocol):
    """Where blank sandboxes come from; `lambent.sandbox.pool.SandboxPool` is one."""

    async def acquire(self, runtime: str, tmp_mb: int, *, fresh: bool, flags: tuple[str, ...]) -> FunctionSandbox:
        """A sandbox that nobody has used; raises SandboxUnavailable or SandboxFailed.

        Args:
            fresh: its program must see the function's variables when it starts.
            flags: of its program's command line.
        """


class EnvironmentFactory(Protocol):
    """Makes an environment's shell around a sandbox (the composition root knows the other parts)."""

    def __call__(
        self,
        target: FunctionTarget,
        sandbox: FunctionSandbox,
        *,
        on_idle: Callable[[ExecutionEnvironment], None],
        on_ended: Callable[[ExecutionEnvironment], None],
        initialization: InitializationType,
    ) -> ExecutionEnvironment:
        """An environment that has not begun its Init yet."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """Limits of this host.

    Attributes:
        memory_capacity_mb: sum of MemorySize over all environments.
        idle_timeout_seconds: an environment idle for longer is shut down.
        capacity_wait_seconds: how long an invocation waits for the host to have room before it is throttled.
    """

    memory_capacity_mb: int
    idle_timeout_seconds: float
    capacity_wait_seconds: float


class Fleet:
    """Owner of every execution environment; called from the event loop's thread only."""

    def __init__(
        self,
        *,
        settings: FleetSettings,
        clock: Clock,
        sandboxes: Sandboxes,
        create: EnvironmentFactory,
        code_trees: Callable[[FunctionTarget], Awaitable[Sequence[tuple[str, Path | OwnedFolder]]]],
    ) -> None:
        """No environment yet.

        Args:
            code_trees: (path inside, directory on the host) of what a target's environment sees.
        """
        self._settings = settings
        self._clock = clock
        self._sandboxes = sandboxes
        self._create = create
        self._code_trees = code_trees
        self._groups: dict[tuple[str, str, str], Group] = {}
        self._members: dict[ExecutionEnvironment, Member] = {}
        self._memory = HostMemory(settings.memory_capacity_mb, evict=self._evict_one)
        self._inflation = 0.0
        self._full_logged = -inf
        self._provisioning = asyncio.Semaphore(_PROVISIONED_AT_ONCE)
        self._provisioned_requests: set[MemoryRequest] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()  # an environment has; for `stop`
        self._stopping = False

    # --- invocations ---

    def invoke(
        self, target: FunctionTarget, invocation: Invocation, *, on_refused: OnRefused, on_ended: OnEnded
    ) -> None:
        """Deliver an admitted invocation to an environment of its target.

        Either invocation.on_result or on_refused (the invocation never ran) is called, once; on_ended is called once,
        with either, when the invocation no longer occupies an environment. on_refused is given an ApiError, or what a
        bug of ours raised.
        """
        key = (target.revision, target.version, invocation.tenant_id)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(target, invocation.tenant_id)
        free = group.ready or group.idle
        if free:
            self._deliver(free.pop(), invocation, on_refused, on_ended)
            return
        group.pending.append(Pending(invocation, on_refused, on_ended))
        if self._stopping:
            self._refuse(group, _stopping())
        elif group.starting < len(group.pending):
            group.starting += 1
            self._spawn(self._start_environment(group))

    def _deliver(self, member: Member, invocation: Invocation, on_refused: OnRefused, on_ended: OnEnded) -> None:
        member.uses += 1
        member.on_ended = on_ended
        try:
            member.environment.invoke(invocation)
        except Exception as error:  # noqa: BLE001 - a bug, which the caller's gateway logs; its slot must not be lost
            member.on_ended = None
            on_refused(error)
            on_ended()
            self._shut_down(member)

    def _refuse(self, group: Group, error: Exception) -> None:
        """Tell the invocations for which no environment is being started any more, the oldest first."""
        while len(group.pending) > group.starting:
            pending = group.pending.popleft()
            pending.on_refused(error)
            pending.on_ended()
        self._forget_if_empty(group)

    # --- starting an environment ---

    async def _start_environment(self, group: Group) -> None:
        """Bring one more environment of a group up to the begin of its Init."""
        try:
            if not await self._reserve(group):
                return
            environment = await self._create_environment(group.target)
        except Exception as error:  # noqa: BLE001 - the invocations that wait must be told, whatever it is
            group.starting -= 1
            self._refuse(group, error)
            return
        group.starting -= 1
        group.members += 1
        member = self._members[environment] = Member(environment, group, self._clock.monotonic())
        self._next(member)

    async def _reserve(self, group: Group) -> bool:
        """Take an environment's memory of the host's.

        Returns:
            false when it isn't wanted any more, because the invocation that it was for went elsewhere.

        Raises:
            TooManyRequests: there was none for `capacity_wait_seconds`.
        """
        memory_mb = group.target.memory_mb
        if memory_mb > self._memory.capacity_mb:
            raise self._full(group)
        request = self._memory.request(memory_mb, first=not group.members and group.starting == 1)
        granted = request.granted
        if not granted.done():
            group.requests[request] = None
            await asyncio.wait((granted,), timeout=self._settings.capacity_wait_seconds)
            group.requests.pop(request, None)
            if self._memory.withdraw(request):
                raise self._full(group)
        return granted.result()

    def _full(self, group: Group) -> TooManyRequests:
        now = self._clock.monotonic()
        if now - self._full_logged >= _FULL_LOGGED_SECONDS:
            self._full_logged = now
            target = group.target
            logger.warning(
                "The memory capacity of %d MB is used up: invocations are throttled.",
                self._memory.capacity_mb,
                extra={"function": target.function_name, "memory_mb": target.memory_mb},
            )
        return TooManyRequests(reason=ThrottleReason.CONCURRENT_INVOCATION_LIMIT)

    async def _create_environment(
        self, target: FunctionTarget, initialization: InitializationType = InitializationType.ON_DEMAND
    ) -> ExecutionEnvironment:
        """An environment whose Init has begun; its memory, which is taken already, is given back if this fails.

        Raises:
            ServiceFault: there is none, for the reason that the message says.
        """
        sandbox: FunctionSandbox | None = None
        try:
            trees = await self._code_trees(target)
            fresh = needs_fresh_interpreter(target.environment)
            flags = interpreter_flags(target)
            sandbox = await self._sandboxes.acquire(
                target.runtime, target.ephemeral_storage_mb, fresh=fresh, flags=flags
            )
            sandbox.specialise(target.memory_mb, trees)
            environment = self._create(
                target, sandbox, on_idle=self._on_idle, on_ended=self._on_ended, initialization=initialization
            )
            environment.start()
        except Exception as error:
            self._spawn(self._discard(sandbox, target.memory_mb))
            if not isinstance(error, SandboxFailed | SandboxUnavailable):
                raise
            logger.warning("No environment for %s: %s", target.function_name, error)
            raise ServiceFault(f"An execution environment could not be started: {error}") from error
        return environment

    async def _discard(self, sandbox: FunctionSandbox | None, memory_mb: int) -> None:
        self._memory.leaving(memory_mb)
        try:
            if sandbox is not None:
                await sandbox.destroy()
        finally:
            self._memory.left(memory_mb)

    # --- what environments say ---

    def _on_idle(self, environment: ExecutionEnvironment) -> None:
        """An invocation is over and its environment free again; or the Init of a provisioned one is."""
        member = self._members[environment]
        on_ended, member.on_ended = member.on_ended, None
        if on_ended is not None:
            on_ended()
        if member.uses == 1:
            member.cost_seconds = self._clock.monotonic() - member.started
        if member.provisioned:
            self._next_provisioned(member)
        else:
            self._next(member)

    def _next(self, member: Member) -> None:
        """Give a free environment what waits, or let it wait."""
        group = member.group
        if group.pending and not self._should_yield(member):
            pending = group.pending.popleft()
            self._start_one_less(group)
            self._deliver(member, pending.invocation, pending.on_refused, pending.on_ended)
        elif group.pending or group.retired or self._stopping:
            self._shut_down(member)
        else:
            self._keep(member)

    def _should_yield(self, member: Member) -> bool:
        """Whether a function must end an environment that it could use, so that another gets its first.

        What waits for this one has environments being started for it. A new environment serves what it was started for.
        """
        return member.uses > 0 and member.group.members > 1 and self._memory.first_are_short

    def _start_one_less(self, group: Group) -> None:
        """An invocation was served, so that one start, if it still waits for memory, isn't needed any more."""
        if group.requests and group.starting > len(group.pending):
            self._withdraw_one(group)

    def _withdraw_one(self, group: Group) -> None:
        request, _ = group.requests.popitem()
        if self._memory.withdraw(request):
            group.starting -= 1

    def _keep(self, member: Member) -> None:
        """Let an environment wait for an invocation: one whose Init may still run behind those that are ready."""
        group = member.group
        member.idle_since = self._clock.monotonic()
        member.priority = self._inflation + member.uses * member.cost_seconds / group.target.memory_mb
        if member.uses:
            group.idle.append(member)
        else:
            group.idle.insert(0, member)
        if self._memory.contended:
            self._memory.balance()

    def _on_ended(self, environment: ExecutionEnvironment) -> None:
        """An environment is over, its processes gone."""
        member = self._members.pop(environment)
        group = member.group
        if member in group.idle:
            group.idle.remove(member)
        if member.provisioned and not member.leaving:
            self._lost(member)
        self._mark_leaving(member)
        group.members -= 1
        on_ended, member.on_ended = member.on_ended, None
        if on_ended is not None:
            on_ended()
        self._fill(group)
        self._forget_if_empty(group)
        self._spawn(self._after_end(member))
        self._ended.set()

    async def _after_end(self, member: Member) -> None:
        try:
            await member.environment.wait_closed()
        finally:
            self._memory.left(member.group.target.memory_mb)

    def _forget_if_empty(self, group: Group) -> None:
        if not (group.members or group.pending or group.starting or group.provision.asked_for):
            self._groups.pop((*_key(group.target), group.tenant_id), None)

    # --- provisioned concurrency ---

    def provision(self, scope: Scope, function_name: str, demands: Sequence[tuple[FunctionTarget, Demand]]) -> None:
        """Have so many environments of each of these targets initialised ahead, and of no other of the function's."""
        for target, _ in demands:
            self._groups.setdefault((*_key(target), ""), Group(target, ""))
        asked = {_key(target): demand for target, demand in demands}
        for group in list(self._groups.values()):
            target = group.target
            if target.function_name == function_name and target.scope == scope and not group.tenant_id:
                group.provision.ask(asked.get(_key(target), Demand()), initialised=group.initialised)
                self._fill(group)
                self._forget_if_empty(group)

    def allocation(self, target: FunctionTarget) -> Allocation:
        """What there is of the environments that are initialised ahead."""
        group = self._groups.get((*_key(target), ""))
        return Allocation() if group is None else group.provision.allocation(group.initialised)

    def _wanted(self, group: Group) -> int:
        return 0 if group.retired or self._stopping else group.provision.wanted

    def _fill(self, group: Group) -> None:
        """End what is there too much of what is provisioned, the idle first, and start what is lacking.

        What is busy ends after its work.
        """
        provision, wanted = group.provision, self._wanted(group)
        while len(group.provisioned) > wanted and group.ready:
            self._shut_down(group.ready.pop())
        for member in [member for member in group.provisioned if not member.initialised]:
            if len(group.provisioned) > wanted:
                self._shut_down(member)
        if not wanted:
            return
        for _ in range(provision.lacking(len(group.provisioned))):
            provision.starting += 1
            self._spawn(self._start_provisioned(group))

    async def _start_provisioned(self, group: Group) -> None:
        """Bring one more environment up to the begin of its Init, if it is still wanted when its turn comes."""
        environment = None
        try:
            async with self._provisioning:
                if len(group.provisioned) < self._wanted(group) and await self._reserve_provisioned(group):
                    environment = await self._create_environment(
                        group.target, InitializationType.PROVISIONED_CONCURRENCY
                    )
        except Exception as error:  # noqa: BLE001 - the config says why, whatever it is
            self._pause(group, str(error))
        group.provision.starting -= 1
        if environment is not None:
            group.members += 1
            member = Member(environment, group, self._clock.monotonic(), provisioned=True)
            self._members[environment] = member
            group.provisioned.add(member)
        self._fill(group)
        self._forget_if_empty(group)

    async def _reserve_provisioned(self, group: Group) -> bool:
        """Take an environment's memory of the host's; false where the fleet stops meanwhile.

        Raises:
            ServiceFault: there was none for `capacity_wait_seconds`.
        """
        memory_mb = group.target.memory_mb
        if memory_mb <= self._memory.capacity_mb:
            request = self._memory.request(memory_mb, first=False)
            self._provisioned_requests.add(request)
            if not request.granted.done():
                await asyncio.wait((request.granted,), timeout=self._settings.capacity_wait_seconds)
            self._provisioned_requests.discard(request)
            if not self._memory.withdraw(request):
                return request.granted.result()
        raise ServiceFault(f"The memory capacity of {self._memory.capacity_mb} MB is used up.")

    def _next_provisioned(self, member: Member) -> None:
        """What becomes of a provisioned environment that is free; one in which something went wrong is replaced."""
        group = member.group
        if not member.environment.ready:
            self._shut_down(member)
            return
        if member.initialised:
            group.provision.served()
        else:
            member.initialised = True
            group.provision.initialised(group.initialised)
        if len(group.provisioned) > self._wanted(group):
            self._shut_down(member)
        elif group.pending:
            pending = group.pending.popleft()
            self._start_one_less(group)
            self._deliver(member, pending.invocation, pending.on_refused, pending.on_ended)
        else:
            group.ready.append(member)

    def _lost(self, member: Member) -> None:
        """A provisioned environment has ended without being told to."""
        group = member.group
        if member in group.ready:
            group.ready.remove(member)
        if not member.uses:
            self._pause(group, INIT_FAILURE)

    def _pause(self, group: Group, reason: str) -> None:
        """One couldn't be had: none is started for a while, or none at all."""
        pause_seconds = group.provision.lost(reason)
        if group.provision.asked_for:
            logger.warning(
                "A provisioned environment of %s could not be had: %s",
                group.target.function_name,
                reason,
                extra={"function": group.target.function_name, "version": group.target.version},
            )
        if pause_seconds and not group.provision.paused:
            group.provision.paused = True
            asyncio.get_running_loop().call_later(pause_seconds, self._resume, group)

    def _resume(self, group: Group) -> None:
        group.provision.paused = False
        self._fill(group)

    # --- ending environments ---

    def _shut_down(self, member: Member) -> None:
        self._mark_leaving(member)
        member.environment.shutdown()

    def _mark_leaving(self, member: Member) -> None:
        if not member.leaving:
            member.leaving = True
            member.group.provisioned.discard(member)
            self._memory.leaving(member.group.target.memory_mb)

    def _evict_one(self) -> bool:
        """Shut down the idle environment that is worth least."""
        idle = (member for group in self._groups.values() for member in group.idle)
        victim = min(idle, key=lambda member: member.priority, default=None)
        if victim is None:
            return False
        self._inflation = victim.priority
        victim.group.idle.remove(victim)
        self._shut_down(victim)
        return True

    def retire(self, scope: Scope, function_name: str, *, keep: Iterable[FunctionTarget]) -> None:
        """End a function's environments of all but these targets: the idle now, the busy after their work."""
        kept = {_key(target) for target in keep}
        for group in list(self._groups.values()):
            target = group.target
            if target.function_name == function_name and target.scope == scope and _key(target) not in kept:
                group.retired = True
                self._shut_down_idle(group, idle_before=inf)
                self._fill(group)

    def _shut_down_idle(self, group: Group, *, idle_before: float) -> None:
        old = [member for member in group.idle if member.idle_since < idle_before]
        group.idle = [member for member in group.idle if member.idle_since >= idle_before]
        for member in old:
            self._shut_down(member)

    async def run(self) -> None:
        """Shut down environments that have been idle for too long; until cancelled."""
        timeout = self._settings.idle_timeout_seconds
        while True:
            await asyncio.sleep(max(_SHORTEST_SWEEP_SECONDS, min(_LONGEST_SWEEP_SECONDS, timeout)))
            self.end_idle()

    def end_idle(self) -> None:
        """Shut down environments that have been idle for too long by now."""
        idle_before = self._clock.monotonic() - self._settings.idle_timeout_seconds
        for group in list(self._groups.values()):
            self._shut_down_idle(group, idle_before=idle_before)

    def counts(self) -> dict[str, int]:
        """Environments by state, for `doctor` and tests."""
        idle = sum(len(group.idle) + len(group.ready) for group in self._groups.values())
        return {"environments": len(self._members), "idle": idle, "memory_mb": self._memory.in_use_mb}

    async def stop(self) -> None:
        """End every environment; invocations still running are cut off, those still waiting refused."""
        self._stopping = True
        for request in list(self._provisioned_requests):
            self._memory.withdraw(request)
        for group in list(self._groups.values()):
            group.idle.clear()
            group.ready.clear()
            group.provision.ask(Demand(), initialised=0)
            while group.requests:
                self._withdraw_one(group)
            waiting, group.pending = group.pending, collections.deque()
            for pending in waiting:
                pending.on_refused(_stopping())
                pending.on_ended()
            self._forget_if_empty(group)
        for member in list(self._members.values()):
            self._shut_down(member)
        while self._members or self._tasks:
            if self._members:
                self._ended.clear()
                await self._ended.wait()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="fleet")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(target: FunctionTarget) -> tuple[str, str]:
    """What an environment serves, for one tenant; a version may have been published from `$LATEST` as it is now."""
    return target.revision, target.version


def _stopping() -> ApiError:
    return ServiceFault("Lambent is stopping.")
