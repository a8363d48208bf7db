"""What a runtime's zygote is made of: the interpreter of the host, our client, the SDK, AWS's limits."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from lambent.environments.variables import interpreter_environment
from lambent.runtimes.python.byte_code import Mount, PackageCopies
from lambent.runtimes.python.interpreters import Interpreter, InterpreterMissing, Interpreters
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

logger = logging.getLogger(__name__)


class ZygotePlans:
    """Makes the plans; one object for all runtimes."""

    def __init__(
        self,
        *,
        interpreters: Interpreters,
        python_sdk: str,
        sdk_cache: Path,
        copies: PackageCopies,
        network: NetworkMode,
    ) -> None:
        self._interpreters = interpreters
        self._python_sdk = python_sdk
        self._sdk_cache = sdk_cache
        self._copies = copies
        self._network = network
        self._seccomp: bytes | None = None

    async def plan_for(self, runtime: str) -> ZygotePlan:
        """The plan of a runtime's zygote.

        Raises:
            SandboxUnavailable: this machine doesn't have that runtime, or not the SDK it is to offer.
        """
        try:
            return await asyncio.to_thread(self._plan, runtime)
        except (InterpreterMissing, SdkUnavailable) as error:
            raise SandboxUnavailable(str(error)) from error

    def _plan(self, runtime: str) -> ZygotePlan:
        interpreter = self._interpreters.get(runtime)
        if self._seccomp is None:
            self._seccomp = compile_default_policy()
        name = runtime.removeprefix("python")
        return ZygotePlan(
            runtime=runtime,
            interpreter=f"/var/lang/bin/python{name}",
            root=RootPlan(
                language_prefix=interpreter.base_prefix,
                masked=_site_directories(name),
                runtime_mounts={name: path for path, name in [*self._client(), *self._sdk(interpreter)]},
                resolv_conf=RESOLV_CONF,
            ),
            environment=interpreter_environment(),
            limits=_LIMITS,
            network=network_steps(self._network),
            seccomp=self._seccomp,
        )

    def _client(self) -> Sequence[Mount]:
        return self._copies.of_folder("client", client_directory() / "lambent_runtime")

    def _sdk(self, interpreter: Interpreter) -> Sequence[Mount]:
        plan = sdk_mounts(interpreter, self._python_sdk, self._sdk_cache, self._copies)
        if plan.note is not None:
            logger.warning(plan.note)
        return plan.mounts


def _site_directories(version: str) -> list[str]:
    """Where the host's own packages are, which a function must not see."""
    return [
        f"/var/lang/lib/python{version}/site-packages",
        "/var/lang/lib/python3/dist-packages",
        "/var/lang/local",
    ]
