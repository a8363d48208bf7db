"""The sandboxes of this host: which kind it can have, and what makes them."""

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from lambent.sandbox import user_namespace
from lambent.sandbox.cgroup import CgroupMounts, CgroupTree, find_mounts, usable_mounts
from lambent.sandbox.choice import FIRST_UID, choose, means
from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.network.bridge import Attachment, Bridge
from lambent.sandbox.network.dns import HostResolvers
from lambent.sandbox.network.inside import Entrance, ThreadAside, by_this_thread, listen_inside, may_come_back
from lambent.sandbox.network.plan import NetworkMode
from lambent.sandbox.pool import PoolSettings, SandboxPool
from lambent.sandbox.process.pool import ProcessPool
from lambent.sandbox.promises import Means, warnings
from lambent.sandbox.reaper import reap
from lambent.sandbox.zygote import ZygotePlan
from lambent.settings import Posture, Settings
from lambent.startup import CannotStart

RUNTIME_API_PORT = 9001

Pool = SandboxPool | ProcessPool

logger = logging.getLogger(__name__)


class SandboxHost:
    """What this host offers to a server's sandboxes, as the settings choose.

    Attributes:
        means: which kind of sandbox it is, and what of it there is.
    """

    def __init__(self, settings: Settings, posture: Posture) -> None:
        """Find out, and enter a user namespace if that is the way.

        Raises:
            CannotStart: what the settings ask for can't be had.
        """
        self._settings = settings
        self._posture = posture
        try:
            choice = choose(settings.sandbox, fall_back=posture == "dev")
            if choice.way == "user namespace":
                user_namespace.enter()
            self._cgroup_mounts = _cgroup_mounts()
            self.means: Means = means(choice, self._cgroup_mounts)
        except (SandboxUnavailable, OSError) as error:
            raise CannotStart(f"{error}; lambent doctor says what there can be, --sandbox chooses it") from error
        for line in warnings(self.means):
            logger.warning(line)

    @property
    def confined(self) -> bool:
        """Whether environments have root file systems of their own."""
        return self.means.kind == "namespaces"

    @property
    def network_mode(self) -> NetworkMode:
        """What functions reach."""
        return NetworkMode.EGRESS_AND_HOST_LOOPBACK if self._posture == "dev" else NetworkMode.EGRESS

    async def pool(
        self,
        stack: contextlib.AsyncExitStack,
        *,
        data_directory: Path,
        port: int,
        plan_for: Callable[[str], Awaitable[ZygotePlan]],
    ) -> Pool:
        """All sandboxes of the server; stopped with the stack.

        Raises:
            CannotStart: with the one line that says why.
        """
        directory = data_directory / "sandboxes"
        directory.mkdir(exist_ok=True)
        made: Pool
        if self.confined:
            made = await self._namespaces(stack, data_directory, directory, port, plan_for)
        else:
            made = ProcessPool(directory=directory / "processes", plan_for=plan_for, server_port=port)
        stack.push_async_callback(made.stop)
        return made

    async def _namespaces(
        self,
        stack: contextlib.AsyncExitStack,
        data_directory: Path,
        directory: Path,
        port: int,
        plan_for: Callable[[str], Awaitable[ZygotePlan]],
    ) -> SandboxPool:
        cgroups = CgroupTree(self._cgroup_mounts, _instance(data_directory))
        await asyncio.to_thread(_prepare_cgroups, cgroups)
        enter = _network_entrance(stack)
        bridge = Bridge(asyncio.get_running_loop(), self.network_mode, HostResolvers(), enter=enter)
        return SandboxPool(
            settings=PoolSettings(
                stock=self._settings.blank_pool_size,
                cpu_quota=self._posture == "serve",
                uid_base=FIRST_UID if self.means.own_uids else None,
                tmp_on_disk=self.means.loop_devices,
            ),
            directory=directory,
            cgroups=cgroups,
            network=_EnvironmentNetwork(bridge, port, enter),
            plan_for=plan_for,
        )


class _EnvironmentNetwork:
    """What each environment's network namespace gets from this server."""

    def __init__(self, bridge: Bridge, port: int, enter: Entrance) -> None:
        self._bridge = bridge
        self._port = port
        self._enter = enter

    def attach(self, netns_fd: int) -> Attachment:
        return self._bridge.attach(netns_fd)

    def listen(self, netns_fd: int) -> list[socket.socket]:
        ports = (RUNTIME_API_PORT, self._port)
        return [listen_inside(netns_fd, "127.0.0.1", port, enter=self._enter) for port in ports]


def _network_entrance(stack: contextlib.AsyncExitStack) -> Entrance:
    if may_come_back():
        return by_this_thread
    aside = ThreadAside()
    stack.callback(aside.close)
    return aside


def _instance(data_directory: Path) -> str:
    """A data directory's name in shared places such as cgroups: a reaper must find its own, and only those."""
    return hashlib.sha256(os.fsencode(data_directory.resolve())).hexdigest()[:16]


def _cgroup_mounts() -> CgroupMounts:
    if sys.platform != "linux":
        return CgroupMounts({}, None, frozenset())
    return usable_mounts(find_mounts())


def _prepare_cgroups(cgroups: CgroupTree) -> None:
    try:
        cgroups.prepare()
        left = reap(cgroups)
    except OSError as error:
        raise CannotStart(f"control groups can't be made: {error}; see lambent doctor") from error
    if left:
        logger.info("Removed what a killed server of this data directory had left: %d groups.", left)
