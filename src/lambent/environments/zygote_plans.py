"""What a runtime's zygote is made of: the interpreter of the host, our client, the SDK, AWS's limits.

A Python function is forked from its own interpreter. For every other runtime the zygote, and the init in each
environment, run on the Python that runs Lambent; it is visible to the zygote only while it loads (`RootPlan.scaffold`).
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from lambent.environments.byte_code import MOUNT_POINTS as BYTE_CODE_PLACES
from lambent.environments.variables import interpreter_environment
from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.nodejs import command_line
from lambent.runtimes.nodejs.interpreters import NodeInterpreter
from lambent.runtimes.providers import Runtimes
from lambent.runtimes.python.byte_code import Mount, PackageCopies
from lambent.runtimes.python.interpreters import Interpreter
from lambent.runtimes.python.sdk import SdkUnavailable, sdk_mounts
from lambent.sandbox.errors import SandboxUnavailable
from lambent.sandbox.network.plan import RESOLV_CONF, NetworkMode, network_steps
from lambent.sandbox.rootfs import RootPlan
from lambent.sandbox.seccomp_filter import compile_default_policy
from lambent.sandbox.zygote import ZygotePlan, client_directory

_UNLIMITED = -1
# Source: runtime-api.md section 8 (recorded); processes are limited by the documented figure, not the observed 742.
_LIMITS = (
    ("NOFILE", 1024, 1024),
    ("NPROC", 1024, 1024),
    ("MEMLOCK", 65536, 65536),
    ("STACK", 8 * 1024 * 1024, _UNLIMITED),
    *((name, _UNLIMITED, _UNLIMITED) for name in ("AS", "CPU", "DATA", "FSIZE", "RSS")),
    # AWS has 10 GiB. One byte means no core dump at all, not even to a program that the host has for them and that
    # would run there as root (core(5)).
    ("CORE", 1, 1),
)

_NODE_CLIENT = Path(str(resources.files("lambent.runtimes.nodejs").joinpath("client")))
# Directories that are empty in the root file system, or a function's only later.
_OWN_CLIENT, _OWN_PREFIX = "/opt", "/mnt"
# Source: runtime-api.md section 8; /var/runtime/bootstrap is a container image's only.
_BOOTSTRAP = {"kind": "bootstrap", "candidates": ["/var/task/bootstrap", "/opt/bootstrap"]}

logger = logging.getLogger(__name__)


class ZygotePlans:
    """Makes the plans; one object for all runtimes."""

    def __init__(
        self,
        *,
        runtimes: Runtimes,
        python_sdk: str,
        sdk_cache: Path,
        copies: PackageCopies,
        network: NetworkMode,
        confined: bool = True,
        keep_proc: bool = False,
    ) -> None:
        """No plan yet.

        Args:
            confined: the plans are for namespaces, which also have a seccomp filter.
            keep_proc: of `RootPlan`.
        """
        self._keep_proc = keep_proc
        self._runtimes = runtimes
        self._python_sdk = python_sdk
        self._sdk_cache = sdk_cache
        self._copies = copies
        self._network = network
        self._seccomp: bytes | None = None if confined else b""

    async def plan_for(self, runtime: str) -> ZygotePlan:
        """The plan of a runtime's zygote.

        Raises:
            SandboxUnavailable: this machine doesn't have that runtime, or not the SDK it is to offer.
        """
        try:
            return await asyncio.to_thread(self._plan, runtime)
        except (RuntimeMissing, SdkUnavailable) as error:
            raise SandboxUnavailable(str(error)) from error

    def _plan(self, runtime: str) -> ZygotePlan:
        if self._seccomp is None:
            self._seccomp = compile_default_policy()
        found = self._runtimes.find(runtime)
        if isinstance(found, Interpreter):
            return self._python(found)
        if isinstance(found, NodeInterpreter):
            return self._node(found)
        return self._supervised(runtime, RootPlan({}, RESOLV_CONF, {}), _BOOTSTRAP)

    def _python(self, interpreter: Interpreter) -> ZygotePlan:
        version = interpreter.identifier.removeprefix("python")
        return self._made(
            interpreter.identifier,
            program=f"/var/lang/bin/python{version}",
            client="/var/runtime",
            root=RootPlan(
                runtime_mounts={name: path for path, name in [*self._client(), *self._sdk(interpreter)]},
                resolv_conf=RESOLV_CONF,
                language={"": interpreter.base_prefix},
                masked=_site_directories(version),
                mount_points=sorted(BYTE_CODE_PLACES.values()),
                scaffold=dict.fromkeys(("/opt", "/var/task"), self._library_folder()),
            ),
            environment=interpreter_environment(interpreter.identifier),
            start={"kind": "fork"},
        )

    def _node(self, node: NodeInterpreter) -> ZygotePlan:
        mounts = {"lambent": _NODE_CLIENT}
        sdk = self._runtimes.node_sdk
        if sdk is not None:
            mounts["node_modules"] = sdk
        if self._runtimes.node_sdk_note is not None:
            logger.warning(self._runtimes.node_sdk_note)
        command = [command_line.PROGRAM, command_line.SCRIPT]
        stem = {"command": [*command, "--stem"], "environment": interpreter_environment(node.identifier)}
        return self._supervised(
            node.identifier,
            RootPlan(mounts, RESOLV_CONF, {"bin/node": node.executable}),
            {"kind": "interpreter", "command": command, "stem": stem},
        )

    def _supervised(self, runtime: str, root: RootPlan, start: Mapping[str, Any]) -> ZygotePlan:
        """The plan of a runtime that isn't Python."""
        program, prefix = _own_interpreter()
        scaffold = {_OWN_CLIENT: client_directory()}
        if prefix is not None:
            scaffold[_OWN_PREFIX] = prefix
        return self._made(
            runtime,
            program=program,
            client=_OWN_CLIENT,
            root=replace(root, scaffold=scaffold),
            environment={"LD_LIBRARY_PATH": f"{_OWN_PREFIX}/lib", "LC_CTYPE": "C.UTF-8"},
            start=start,
        )

    def _made(
        self,
        runtime: str,
        *,
        program: str,
        client: str,
        root: RootPlan,
        environment: Mapping[str, str],
        start: Mapping[str, Any],
    ) -> ZygotePlan:
        assert self._seccomp is not None
        return ZygotePlan(
            runtime=runtime,
            interpreter=program,
            client=client,
            root=replace(root, keep_proc=self._keep_proc),
            environment=environment,
            start=start,
            limits=_LIMITS,
            network=network_steps(self._network),
            seccomp=self._seccomp,
            tell_processes=self._keep_proc,
        )

    def _library_folder(self) -> Path:
        """What /opt and /var/task look like to a zygote that starts: a folder `lib`, and nothing in it.

        The C library asks once whether a folder of LD_LIBRARY_PATH is there, and never again looks into one that
        wasn't; a fork knows what its zygote was told.
        """
        folder = self._sdk_cache.with_name("libraries")
        (folder / "lib").mkdir(parents=True, exist_ok=True)
        return folder

    def _client(self) -> Sequence[Mount]:
        return self._copies.of_folder("client", client_directory() / "lambent_runtime")

    def _sdk(self, interpreter: Interpreter) -> Sequence[Mount]:
        plan = sdk_mounts(interpreter, self._python_sdk, self._sdk_cache, self._copies)
        if plan.note is not None:
            logger.warning(plan.note)
        return plan.mounts


def _own_interpreter() -> tuple[str, Path | None]:
    """Where the Python that runs Lambent is inside, and what of the host must be mounted for that."""
    program = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):  # in the root file system of every runtime
        return str(program), None
    return f"{_OWN_PREFIX}/{program.relative_to(prefix.resolve())}", prefix


def _site_directories(version: str) -> list[str]:
    """Where the host's own packages are, which a function must not see."""
    return [
        f"/var/lang/lib/python{version}/site-packages",
        "/var/lang/lib/python3/dist-packages",
        "/var/lang/local",
    ]
