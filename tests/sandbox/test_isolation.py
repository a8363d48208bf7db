"""A function sees and changes nothing beyond its execution environment; each promise is tried from inside one."""

import os
import secrets
import socket
import stat
import subprocess

import pytest

from tests.lambent_server import LambentServer, stat_fields
from tests.sandbox.inside import Path, ctypes, names, refusal, signal
from tests.sandbox.probe import Probe, host_processes, host_uid

KILLED = "Runtime.ExitError: Runtime exited with error: signal: killed"

# --- files ---


def write_beside(directory: str) -> str:
    return refusal(lambda: os.close(os.open(directory + "/intruder", os.O_CREAT | os.O_WRONLY)))


@pytest.mark.parametrize(
    "directory", ["/", "/var/task", "/opt", "/usr/bin", "/etc", "/var/runtime", "/var/lang", "/dev"]
)
def test_the_root_is_read_only(probe: Probe, directory: str) -> None:
    assert probe.run(write_beside, directory) == "EROFS"


def change_the_code() -> dict[str, str]:
    return {
        "delete": refusal(os.unlink, "/var/task/inside.py"),
        "mode": refusal(os.chmod, "/var/task/inside.py", 0o777),
        "owner": refusal(os.chown, "/var/task", 993, 990),
        "rename": refusal(os.rename, "/var/task/inside.py", "/var/task/outside.py"),
        "open": refusal(lambda: os.open("/var/task/inside.py", os.O_WRONLY)),
        "time": refusal(os.utime, "/var/task/inside.py"),
    }


def test_the_code_cannot_be_changed(probe: Probe) -> None:
    assert set(probe.run(change_the_code).values()) <= {"EROFS", "EACCES", "EPERM"}


def see(path: str) -> str:
    return refusal(os.lstat, path)


def test_no_file_of_the_host_is_there(probe: Probe, lambent: LambentServer) -> None:
    hidden = ["/root", "/home", "/run", "/sys", "/boot", "/var/log", "/var/lib", "/etc/shadow", "/usr/local/bin"]
    hidden += ["/dev/shm", "/dev/loop0", "/dev/mem", "/dev/kmsg", "/dev/net", "/dev/fuse", "/dev/kvm", "/dev/ptmx"]
    for path in [*hidden, str(lambent.data_directory), str(Path.cwd())]:
        assert probe.run(see, path) == "ENOENT", path


def look_through_init() -> dict[str, str]:
    return {
        "root": refusal(names, "/proc/1/root"),
        "cwd": refusal(names, "/proc/1/cwd"),
        "fd": refusal(names, "/proc/1/fd"),
        "fd of the control socket": refusal(os.open, "/proc/1/fd/4", os.O_RDWR),
        "environ": refusal(lambda: Path("/proc/1/environ").read_bytes()),
        "mem": refusal(os.open, "/proc/1/mem", os.O_RDWR),
        "maps": refusal(lambda: Path("/proc/1/maps").read_text()),
        "namespace": refusal(os.open, "/proc/1/ns/mnt", os.O_RDONLY),
        "map_files": refusal(names, "/proc/1/map_files"),
    }


def test_init_shows_nothing_of_itself(probe: Probe) -> None:
    assert set(probe.run(look_through_init).values()) <= {"EACCES", "EPERM"}


def mount_options() -> dict[str, list[str]]:
    with Path("/proc/self/mounts").open() as file:
        return {line.split()[1]: line.split()[3].split(",") for line in file}


def test_set_user_id_and_devices_work_nowhere_and_only_tmp_can_be_written(probe: Probe) -> None:
    mounts = probe.run(mount_options)
    assert not [path for path, options in mounts.items() if "nosuid" not in options]
    single = ("/dev/", "/proc/")  # single devices, and files that /dev/null lies on
    assert not [path for path, options in mounts.items() if "nodev" not in options and not path.startswith(single)]
    written = {path for path, options in mounts.items() if "rw" in options and not path.startswith(single)}
    assert written == {"/tmp", "/proc"}


def make_devices() -> dict[str, str]:
    return {
        "block": refusal(os.mknod, "/tmp/disk", 0o666 | stat.S_IFBLK, os.makedev(7, 0)),
        "character": refusal(os.mknod, "/tmp/mem", 0o666 | stat.S_IFCHR, os.makedev(1, 1)),
    }


def test_device_nodes_cannot_be_made(probe: Probe) -> None:
    assert probe.run(make_devices) == {"block": "EPERM", "character": "EPERM"}


def write_kernel_settings() -> dict[str, str]:
    settings = [
        "sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/kernel/hostname", "sys/vm/drop_caches",
        "sys/kernel/ns_last_pid", "sys/net/ipv4/ip_forward", "sys/fs/file-max", "sysrq-trigger", "1/oom_score_adj",
    ]  # fmt: skip

    def write(name: str) -> None:
        with Path("/proc/" + name).open("w") as file:
            file.write("1")

    return {name: refusal(write, name) for name in settings}


def test_no_setting_of_the_kernel_can_be_written(probe: Probe) -> None:
    assert set(probe.run(write_kernel_settings).values()) <= {"EACCES", "EPERM", "EROFS", "ENOENT"}


def read_what_tells_of_the_host() -> dict[str, int]:
    sizes = {}
    for name in ("cmdline", "interrupts", "kallsyms", "keys"):
        with Path("/proc/" + name).open("rb") as file:
            sizes[name] = len(file.read())
    return sizes


def test_proc_is_silent_about_the_host_where_it_can_be(probe: Probe) -> None:
    assert not any(probe.run(read_what_tells_of_the_host).values())


def control_groups() -> list[str]:
    with Path("/proc/self/cgroup").open() as file:
        return [line.rstrip().split(":", 2)[2] for line in file] + [name for name in names("/") if name == "sys"]


def test_no_control_group_is_in_sight(probe: Probe) -> None:
    assert set(probe.run(control_groups)) == {"/"}


# --- identity ---


def identity() -> dict[str, object]:
    with Path("/proc/self/status").open() as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {"uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(), **status}


def test_it_is_the_user_that_aws_has_without_any_right(probe: Probe) -> None:
    seen = probe.run(identity)
    assert seen["uids"] == [993] * 3
    assert seen["gids"] == [990] * 3
    assert seen["groups"] == []
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen[name], 16) == 0, name
    assert seen["NoNewPrivs"] == "1"
    assert seen["Seccomp"] == "2"


def become_somebody() -> dict[str, str]:
    return {
        "root": refusal(os.setuid, 0),
        "group": refusal(os.setgid, 0),
        "groups": refusal(os.setgroups, [0]),
        "owner": refusal(os.fchown, os.open("/tmp/mine", os.O_CREAT | os.O_RDWR), 0, 0),
    }


def test_it_can_become_nobody_else(probe: Probe) -> None:
    assert set(probe.run(become_somebody).values()) <= {"EPERM", "EINVAL"}


def test_each_environment_has_a_user_of_its_own_on_the_host(
    probe: Probe, neighbour: Probe, lambent: LambentServer
) -> None:
    uids = {probe.run(host_uid), neighbour.run(host_uid)}
    assert len(uids) == 2
    assert all(uid > 100_000 for uid in uids)
    for one in (probe, neighbour):
        (pid,) = host_processes(lambent, one.run(host_uid))
        assert stat_fields(pid)[0] != "Z"


def run_set_user_id_program() -> list[str]:
    programs = [path for path in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount") if Path(path).exists()]
    marked = [path for path in programs if Path(path).stat().st_mode & stat.S_ISUID]
    seen = []
    for path in marked:
        # Started, it waits for a password or has ended already; both show who it was.
        process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with Path(f"/proc/{process.pid}/status").open() as status:
            seen += [line for line in status if line.startswith("Uid:")]
        process.kill()
        process.communicate()
    return seen


def test_set_user_id_programs_have_no_effect(probe: Probe) -> None:
    seen = probe.run(run_set_user_id_program)
    assert all(line.split()[1:] == ["993"] * 4 for line in seen), seen


# --- processes ---


def other_processes() -> list[int]:
    return [int(name) for name in names("/proc") if name.isdigit() and int(name) != os.getpid()]


def test_no_process_of_the_host_or_of_a_neighbour_is_in_sight(probe: Probe, neighbour: Probe) -> None:
    assert probe.run(other_processes) == [1]
    assert neighbour.run(other_processes) == [1]


def signal_init() -> list[str]:
    return [refusal(os.kill, 1, number) for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, 0)]


def test_init_cannot_be_signalled(probe: Probe) -> None:
    assert probe.run(signal_init) == ["EPERM"] * 4


def write_over_shared_memory(address: int) -> str:
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(address)
        memory.write(b"EVIL")
    return ctypes.string_at(address, 4).decode("latin-1")


def first_library() -> int:
    with Path("/proc/self/maps").open() as maps:
        line = next(line for line in maps if "/libc" in line and " 00000000 " in line)
    return int(line.partition("-")[0], 16)


def read_memory(address: int) -> str:
    return ctypes.string_at(address, 4).decode("latin-1")


def test_pages_shared_with_the_zygote_are_copied_when_they_are_written(probe: Probe, neighbour: Probe) -> None:
    address = probe.run(first_library)
    assert neighbour.run(first_library) == address, "forked from one process"
    assert probe.run(write_over_shared_memory, address) == "EVIL"
    assert neighbour.run(read_memory, address) == "\x7fELF"


# --- environment ---


def all_environment_variables() -> list[str]:
    names = list(os.environ)
    with Path("/proc/self/environ").open("rb") as file:
        names += [pair.partition(b"=")[0].decode() for pair in file.read().split(b"\0") if pair]
    return names


def test_no_environment_variable_of_the_host_is_inherited(probe: Probe) -> None:
    known = {"PATH", "LANG", "LC_CTYPE", "TZ", "PWD", "SHLVL", "LD_LIBRARY_PATH", "PYTHONPATH"}
    assert not set(probe.run(all_environment_variables)) & (set(os.environ) - known)


# --- sockets ---


def call_abstract_socket(name: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        return refusal(connection.connect, "\0" + name)


def test_abstract_sockets_of_the_host_cannot_be_reached(probe: Probe) -> None:
    name = f"lambent-{secrets.token_hex(4)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        assert probe.run(call_abstract_socket, name) == "ECONNREFUSED"


def names_of_shared_memory() -> list[object]:
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.shmget(4711, 4096, 0o1666)
    with Path("/proc/sysvipc/shm").open() as table:
        return [made >= 0, len(table.readlines()) - 1]


def test_shared_memory_is_each_environments_own(probe: Probe, neighbour: Probe) -> None:
    assert probe.run(names_of_shared_memory) == [True, 1]
    assert neighbour.run(names_of_shared_memory) == [True, 1]


# --- what it may do to its own runtime ---


def os_pid() -> int:
    return os.getpid()


def write_to_frames(data: str) -> None:
    os.write(3, bytes.fromhex(data))
    signal.pause()


@pytest.mark.parametrize(
    "frame",
    ["ff" * 64, "00000000 7f 000000", "00000003 11 000000 414243", "00000003 14 000000 414243"],
    ids=["noise", "unknown", "unfinished fields", "log without a head"],
)
def test_who_abuses_its_socket_to_the_server_loses_its_own_process_only(
    probe: Probe, neighbour: Probe, frame: str
) -> None:
    """Only the environment that speaks nonsense is reset; both go on."""
    before = neighbour.run(os_pid)
    assert probe.crash(write_to_frames, frame) == KILLED
    assert probe.run(os_pid) > 1
    assert neighbour.run(os_pid) == before
