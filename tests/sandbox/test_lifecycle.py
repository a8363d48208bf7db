"""Sandboxes begin, are frozen, are reset and end; whatever is killed, nothing is left and the rest goes on."""

import asyncio
import contextlib
import ctypes
import os
import resource
import secrets
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from lambent.sandbox.cgroup import Cgroup, CgroupTree, find_mounts
from lambent.sandbox.errors import SandboxFailed
from lambent.sandbox.pool import PoolSettings, SandboxPool
from lambent.sandbox.reaper import reap
from lambent.sandbox.rootfs import RootPlan
from lambent.sandbox.sandbox import ExitStatus, Sandbox
from lambent.sandbox.seccomp_filter import compile_default_policy
from lambent.sandbox.zygote import ZygotePlan, client_directory
from tests.lambent_server import LambentServer, create_function, descendants, stat_fields
from tests.sandbox.inside import kept, names, signal, threading
from tests.sandbox.probe import Probe, host_processes, host_uid

TIMED_OUT = "Sandbox.Timedout: Task timed out after 1.00 seconds"


@pytest.fixture
def impatient(client: Any) -> Probe:
    """A function that may take one second."""
    return Probe(client, "impatient", Timeout=1)


# --- between invocations ---


def start_a_clock() -> None:
    """A thread that notes the longest time in which it did not get to run."""
    seen = kept["clock"] = {"longest": 0.0}

    def tick() -> None:
        last = time.monotonic()
        while True:
            time.sleep(0.001)
            now = time.monotonic()
            seen["longest"] = max(seen["longest"], now - last)
            last = now

    threading.Thread(target=tick, daemon=True).start()


def longest_pause() -> float:
    while time.monotonic() < kept.setdefault("until", time.monotonic() + 0.05):
        pass  # the clock's thread has its turn
    pause: float = kept["clock"]["longest"]
    return pause


def test_an_environment_is_frozen_between_invocations(client: Any, lambent: LambentServer) -> None:
    """Background threads don't run between invocations (developer guide, "Execution environment life cycle")."""
    function = Probe(client, "clock")
    (pid,) = host_processes(lambent, function.run(host_uid))
    function.run(start_a_clock)
    mounted = find_mounts().v2
    if mounted is None:
        pytest.skip("this reads the state from the version 2 tree")
    group = mounted / Path(f"/proc/{pid}/cgroup").read_text().rpartition("0::/")[2].strip()
    until("frozen", lambda: "frozen 1" in (group / "cgroup.events").read_text())
    frozen_at = time.monotonic()
    used = stat_fields(pid)[11:13]
    until("some time has passed", lambda: time.monotonic() > frozen_at + 0.2)
    assert stat_fields(pid)[11:13] == used, "no processor time"
    thawed_at = time.monotonic()
    assert function.run(longest_pause) >= thawed_at - frozen_at


# --- resets ---


def leave_processes_and_hang() -> None:
    """One that ignores SIGTERM, one that is nobody's child any more, one in a session of its own; then no answer."""
    for how in ("ignores signals", "orphan", "daemon"):
        if os.fork() == 0:
            if how == "ignores signals":
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                    signal.signal(number, signal.SIG_IGN)
            elif os.fork() > 0:
                os._exit(0)
            elif how == "daemon":
                os.setsid()
            signal.pause()
    os.close(os.open("/tmp/started", os.O_CREAT | os.O_WRONLY))
    signal.pause()


def left() -> list[object]:
    return [names("/tmp"), [name for name in names("/proc") if name.isdigit() and int(name) not in {1, os.getpid()}]]


def test_what_a_generation_leaves_running_dies_with_its_reset(impatient: Probe) -> None:
    assert impatient.crash(leave_processes_and_hang) == TIMED_OUT
    assert impatient.run(left) == [["started"], []]


def ignore_all_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        signal.pause()


def test_a_process_that_ignores_signals_is_reset_like_any_other(impatient: Probe) -> None:
    uid = impatient.run(host_uid)
    assert impatient.crash(ignore_all_signals) == TIMED_OUT
    assert impatient.run(host_uid) == uid, "the same environment"


# --- what is killed on the host ---


def zygotes(lambent: LambentServer) -> list[int]:
    """Host pids of processes that are the server's children and speak to it by a socket: its zygotes."""
    found = []
    for pid, _ in descendants(lambent.pid):
        with contextlib.suppress(IndexError, OSError):  # it has gone meanwhile
            program = Path(f"/proc/{pid}/cmdline").read_bytes()
            if int(stat_fields(pid)[1]) == lambent.pid and b"lambent_runtime" in program:
                found.append(pid)
    return found


def pid_1_of(pid: int) -> int:
    """The host's pid of the pid 1 in a process's namespace."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    for other in Path("/proc").glob("[1-9]*"):
        with contextlib.suppress(OSError):
            inside = (other / "status").read_text().partition("NSpid:")[2].splitlines()[0].split()
            if inside[-1] == "1" and (other / "ns/pid").readlink() == namespace:
                return int(other.name)
    raise AssertionError(f"process {pid} has no pid 1")


def keep(value: str) -> None:
    kept["value"] = value


def kept_value() -> Any:
    return kept.get("value")


def test_environments_end_with_their_zygote_and_another_takes_its_place(own_lambent: LambentServer) -> None:
    own_lambent.flags = ["--blank-pool-size", "1"]
    client = own_lambent.start().client()
    function = Probe(client, "first")
    function.run(keep, "before")
    before = zygotes(own_lambent)
    uid = function.run(host_uid)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until("ended", lambda: not host_processes(own_lambent, uid))
    assert function.run(kept_value) is None, "another environment"
    for number in range(3):  # more than there were blanks in stock
        assert Probe(client, f"later-{number}").run(kept_value) is None
    assert zygotes(own_lambent)
    assert not set(zygotes(own_lambent)) & set(before)
    client.close()


def test_an_environment_whose_init_is_killed_is_replaced(client: Any, lambent: LambentServer) -> None:
    function = Probe(client, "headless")
    function.run(keep, "before")
    (pid,) = host_processes(lambent, function.run(host_uid))
    os.kill(pid_1_of(pid), signal.SIGKILL)
    until("gone", lambda: not stat_fields(pid) or stat_fields(pid)[0] == "Z")
    with contextlib.suppress(client.exceptions.ServiceException):  # it is told of the end by this very invocation
        function.outcome(kept_value)
    assert function.run(kept_value) is None, "another environment"


def test_nothing_outlives_a_server_that_is_killed(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    busy = "import os, signal\ndef handler(event, context):\n    os.fork()\n    signal.pause()\n"
    create_function(client, "busy", busy, Timeout=60)
    Probe(client, "idle").run(keep, "frozen soon")
    before = len(own_lambent.processes())
    with ThreadPoolExecutor(1) as pool:
        cut_off = pool.submit(client.invoke, FunctionName="busy", Payload=b"{}")
        until("busy", lambda: len(own_lambent.processes()) > before)
        own_lambent.kill()
        assert isinstance(cut_off.exception(), BotoCoreError)
    own_lambent.wait_until_no_process_is_left()
    own_lambent.start()
    client.close()


# --- groups of a server that was killed ---


def test_the_reaper_ends_what_still_runs_in_groups_that_were_left(tmp_path: Path) -> None:
    tree = CgroupTree(find_mounts(), f"test-{secrets.token_hex(4)}")
    tree.prepare()
    children: list[subprocess.Popen[bytes]] = []
    for sandbox_id in ("running", "frozen", "empty"):
        group = tree.create(sandbox_id)
        if sandbox_id != "empty":
            children.append(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]))
            join(group, children[-1].pid)
        if sandbox_id == "frozen":
            group.freeze()
        group.close()
    try:
        assert reap(tree) == len(find_groups(tree, 3))
        assert tree.leftovers() == []
        for child in children:
            assert child.wait(10) == -signal.SIGKILL
    finally:
        tree.remove()


def find_groups(tree: CgroupTree, environments: int) -> range:
    """As many groups as that many environments have: one in each hierarchy."""
    group = tree.create("count")
    count = len(group.paths)
    group.close()
    for path in group.paths:
        path.rmdir()
    return range(count * environments)


def join(group: Cgroup, pid: int) -> None:
    for path in group.paths:
        (path / "cgroup.procs").write_text(str(pid))


# --- steps that fail ---


class Unplugged:
    """No network: what the pool needs of one, without anything behind it."""

    def attach(self, netns_fd: int) -> "Unplugged":
        return self

    def listen(self, netns_fd: int) -> list[Any]:
        return []

    def close(self) -> None:
        """Nothing is held."""


class Plans:
    """A zygote of this very interpreter, with what a test makes wrong."""

    def __init__(self) -> None:
        self.limits: Sequence[tuple[str, int, int]] = ()
        self.network: list[Any] = []
        self.prefix = Path(sys.base_prefix)

    async def plan_for(self, runtime: str) -> ZygotePlan:
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return ZygotePlan(
            runtime=runtime,
            interpreter=f"/var/lang/bin/{version}",
            client="/var/runtime",
            root=RootPlan({"lambent_runtime": client_directory() / "lambent_runtime"}, "", {"": self.prefix}),
            environment={"LD_LIBRARY_PATH": "/var/lang/lib"},
            start={"kind": "fork"},
            limits=self.limits,
            network=self.network,
            seccomp=compile_default_policy(),
        )


@pytest.fixture
def plans() -> Plans:
    return Plans()


@pytest.fixture
async def pool(tmp_path: Path, plans: Plans) -> AsyncIterator[SandboxPool]:
    """A pool with one blank in stock; afterwards nothing of it is left."""
    tree = CgroupTree(find_mounts(), f"test-{secrets.token_hex(4)}")
    tree.prepare()
    made = SandboxPool(
        settings=PoolSettings(stock=1, cpu_quota=False, uid_base=1_900_000_000),
        directory=tmp_path,
        cgroups=tree,
        network=Unplugged(),
        plan_for=plans.plan_for,
    )
    yield made
    await made.stop()
    assert made.sandboxes() == 0
    assert tree.leftovers() == []
    assert [pid for pid, _ in descendants(os.getpid()) if is_of(tmp_path, pid)] == []


def is_of(directory: Path, pid: int) -> bool:
    return str(directory).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_process_that_cannot_be_locked_down_is_named_and_not_used(pool: SandboxPool, plans: Plans) -> None:
    plans.limits = [("NOSUCH", 1, 1)]
    with pytest.raises(SandboxFailed, match=r"AttributeError: .*RLIMIT_NOSUCH"):
        await pool.acquire("python", 512, fresh=False, flags=())


async def test_a_network_that_cannot_be_made_is_named(pool: SandboxPool, plans: Plans) -> None:
    plans.network = [["routes to nowhere", 0, "FAAAABgABQAAAAAAAAAAAA=="]]
    with pytest.raises(SandboxFailed, match="network step 'routes to nowhere'"):
        await pool.acquire("python", 512, fresh=False, flags=())


async def test_a_root_that_cannot_be_built_is_named(pool: SandboxPool, plans: Plans, tmp_path: Path) -> None:
    plans.prefix = tmp_path / "nothing"
    with pytest.raises(Exception, match=r"sandbox step bind .*nothing"):
        await pool.acquire("python", 512, fresh=False, flags=())


async def test_code_that_is_not_there_is_named_before_anything_runs(pool: SandboxPool, tmp_path: Path) -> None:
    sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    with pytest.raises(SandboxFailed, match="open_tree: No such file"):
        sandbox.specialise(128, [("/var/task", tmp_path / "nothing")])
    await sandbox.destroy()


async def test_code_that_cannot_be_mounted_ends_the_environment(
    pool: SandboxPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    ended = exit_of(sandbox)
    sandbox.specialise(128, [("/nowhere", tmp_path)])
    assert await asyncio.wait_for(ended, 10) == ExitStatus(None, signal.SIGKILL, out_of_memory=False)
    assert "move_mount: No such file or directory: '/nowhere'" in caplog.text
    with pytest.raises(SandboxFailed, match=sandbox.sandbox_id):
        await sandbox.restart()
    close_ends(sandbox)
    await sandbox.destroy()


async def test_a_blank_whose_init_was_killed_is_not_given_out(pool: SandboxPool) -> None:
    first = await pool.acquire("python", 512, fresh=False, flags=())
    await pool.warm("python")
    while not (blanks := [one for stock in pool._stocks.values() for one in stock.blanks]):
        await asyncio.sleep(0.001)
    for blank in blanks:
        os.kill(blank.pid_1, signal.SIGKILL)
    while any(blank.alive for blank in blanks):
        await asyncio.sleep(0.001)
    second = await pool.acquire("python", 512, fresh=False, flags=())
    assert second not in blanks
    assert second.alive
    await first.destroy()


async def test_a_blank_whose_process_was_killed_is_not_given_out(pool: SandboxPool, tmp_path: Path) -> None:
    """The kernel prefers it to its pid 1 when the machine has no memory left."""
    first = await pool.acquire("python", 512, fresh=False, flags=())
    await pool.warm("python")
    while not (blanks := [one for stock in pool._stocks.values() for one in stock.blanks]):
        await asyncio.sleep(0.001)
    for blank in (first, *blanks):
        os.kill(runtime_of(blank), signal.SIGKILL)
    while first.alive or any(blank.alive for blank in blanks):
        await asyncio.sleep(0.001)
    with pytest.raises(SandboxFailed, match="it has ended"):
        first.specialise(128, [("/var/task", tmp_path)])
    second = await pool.acquire("python", 512, fresh=False, flags=())
    assert second not in blanks
    assert second.alive
    await first.destroy()


def runtime_of(sandbox: Sandbox) -> int:
    """The process that isn't pid 1 of its PID namespace."""
    parent = stat_fields(sandbox.pid_1)[1]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    own = Path(f"/proc/{sandbox.pid_1}/ns/pid").readlink()
    (pid,) = {int(pid) for pid in children if Path(f"/proc/{pid}/ns/pid").readlink() == own} - {sandbox.pid_1}
    return pid


async def test_a_zygote_without_room_for_descriptors_goes_on_with_what_it_has(pool: SandboxPool) -> None:
    """Whatever it was doing when there was no more room, only the environment that it was doing it for is lost."""
    first = await pool.acquire("python", 512, fresh=False, flags=())
    ((process, zygote),) = [(of.zygote._process, of.zygote) for of in pool._zygotes.values() if of.zygote is not None]
    assert process is not None
    while any(stock.building or not stock.blanks for stock in pool._stocks.values()):
        await asyncio.sleep(0.001)
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    taken = {int(entry.name) for entry in Path(f"/proc/{process.pid}/fd").iterdir()}
    refused = 0
    for limit in range(min(set(range(len(taken) + 1)) - taken), max(taken) + 16):  # from no room at all
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            sandbox = await pool.acquire("python", 64, fresh=True, flags=())
            await sandbox.destroy()
        except SandboxFailed:
            refused += 1
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    last = await pool.acquire("python", 512, fresh=False, flags=())
    assert refused
    assert zygote.alive
    assert first.alive
    assert last.alive


async def test_pid_1_is_started_without_variables_that_name_a_functions_folders(pool: SandboxPool) -> None:
    """It is root on the host, and loads its libraries when a function's may be mounted already."""
    sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    assert Path(f"/proc/{sandbox.pid_1}/cmdline").read_bytes() == b"/var/rapid/init\0"
    assert Path(f"/proc/{sandbox.pid_1}/environ").read_bytes() == b""


async def test_pid_1_has_its_leash_and_nothing_else(pool: SandboxPool) -> None:
    """Not the control groups' files, not a function's socket nor its pipe, whose end would never be seen."""
    sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    opened = {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{sandbox.pid_1}/fd").iterdir()}
    assert set(opened) == {"0", "1", "2"}
    assert len(set(opened.values())) == 1


async def test_rights_that_a_server_passes_on_to_its_programs_end_with_the_zygote(pool: SandboxPool) -> None:
    """A service manager's ambient capabilities, or a container engine's inheritable ones."""
    with passing_on_rights():
        sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    assert rights(os.getpid(), "CapPrm"), "the server has some"
    assert not any(rights(sandbox.pid_1, name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))


def rights(pid: int, name: str) -> int:
    """One set of capabilities of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith(name))


@contextlib.contextmanager
def passing_on_rights() -> Iterator[None]:
    """Have this thread's capabilities kept by what it executes, whoever that runs as."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(24)  # capset(2), version 3
    assert libc.capget(header, sets) == 0
    words = struct.unpack("=6I", sets.raw)
    inheritable = struct.pack("=6I", words[0], words[1], words[1], words[3], words[4], words[4])
    assert libc.capset(header, inheritable) == 0
    for number in range(64):
        libc.prctl(47, 2, number, 0, 0)  # PR_CAP_AMBIENT_RAISE; there are fewer
    try:
        yield
    finally:
        assert libc.capset(header, sets.raw) == 0


async def test_a_generation_that_is_killed_while_it_is_prepared_is_no_error(
    pool: SandboxPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A function that is changed while its environment is being reset."""
    caplog.set_level("INFO")
    for _ in range(8):
        sandbox = await pool.acquire("python", 512, fresh=False, flags=())
        ended = exit_of(sandbox)
        sandbox.specialise(128, [("/var/task", tmp_path)])
        sandbox.kill()
        await asyncio.wait_for(ended, 10)
        close_ends(sandbox)
        if sandbox.alive:
            await sandbox.restart()
            ended = exit_of(sandbox)
            await asyncio.sleep(secrets.randbelow(8) / 1000)
            sandbox.kill()
            await asyncio.wait_for(ended, 10)
            close_ends(sandbox)
        await sandbox.destroy()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    ends = [text.partition(":")[0] for text in caplog.messages if "the execution environment ends" in text]
    assert len(ends) == len(set(ends)), "each is told once"


async def test_a_signal_that_the_server_ignores_is_not_ignored_inside(pool: SandboxPool) -> None:
    """A shell's "&" and nohup make a server ignore signals, and so all that it starts."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        sandbox = await pool.acquire("python", 512, fresh=False, flags=())
    finally:
        signal.signal(signal.SIGQUIT, before)
    status = Path(f"/proc/{sandbox.pid_1}/status").read_text()
    (ignored,) = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn")]
    named = {number for number in signal.valid_signals() if ignored >> number - 1 & 1}  # not the C library's own two
    assert named <= {signal.SIGCHLD, signal.SIGPIPE}


async def test_those_who_come_while_a_zygote_starts_share_its_memory_as_well(pool: SandboxPool) -> None:
    """Else the limit and Max Memory Used of the first environments were off by an interpreter."""
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pool.acquire("python", 512, fresh=False, flags=()), name="first")
        while not any(of.zygote and of.zygote.alive for of in pool._zygotes.values()):
            await asyncio.sleep(0)
        # Of another size than what is in stock, so that it is built by itself.
        second = await pool.acquire("python", 1024, fresh=False, flags=())
    assert second._footprint_mb == first.result()._footprint_mb > 0


async def test_a_zygote_that_ends_is_replaced_while_callers_wait(pool: SandboxPool) -> None:
    first = await pool.acquire("python", 512, fresh=False, flags=())
    for of in pool._zygotes.values():
        assert of.zygote is not None
        assert of.zygote._process is not None
        of.zygote._process.kill()
        while of.zygote.alive:
            await asyncio.sleep(0.001)
    others = await asyncio.gather(*(pool.acquire("python", 512, fresh=False, flags=()) for _ in range(6)))
    assert not first.alive, "its runtime process has lost its parent"
    assert all(one.alive for one in others)


def close_ends(sandbox: Sandbox) -> None:
    """What an execution environment does at its end."""
    sandbox.process.channel.close()
    os.close(sandbox.process.output)


def exit_of(sandbox: Sandbox) -> "asyncio.Future[ExitStatus]":
    future: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
    sandbox.on_exit = future.set_result
    return future


def until(what: str, reached: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait for a state of the host that can only be polled."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not {what} after {seconds} s"
        time.sleep(0.005)
