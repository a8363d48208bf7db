"""The walls of a user namespace are those of root, and are tried by the very tests; then what is different."""

import os
import signal
import time
from pathlib import Path

from tests.lambent_server import LambentServer
from tests.ordinary_user.ordinary import GID, UID
from tests.sandbox.inside import names, refusal
from tests.sandbox.probe import Probe, host_processes, host_uid
from tests.sandbox.test_isolation import (
    look_through_init,
    test_abstract_sockets_of_the_host_cannot_be_reached,
    test_device_nodes_cannot_be_made,
    test_it_can_become_nobody_else,
    test_it_is_the_user_that_aws_has_without_any_right,
    test_no_control_group_is_in_sight,
    test_no_environment_variable_of_the_host_is_inherited,
    test_no_file_of_the_host_is_there,
    test_no_process_of_the_host_or_of_a_neighbour_is_in_sight,
    test_pages_shared_with_the_zygote_are_copied_when_they_are_written,
    test_proc_is_silent_about_the_host_where_it_can_be,
    test_set_user_id_and_devices_work_nowhere_and_only_tmp_can_be_written,
    test_set_user_id_programs_have_no_effect,
    test_shared_memory_is_each_environments_own,
    test_the_code_cannot_be_changed,
    test_the_root_is_read_only,
    test_who_abuses_its_socket_to_the_server_loses_its_own_process_only,
    write_kernel_settings,
)
from tests.sandbox.test_kernel_surface import (
    test_calls_of_another_architecture_end_the_process,
    test_only_ordinary_sockets_can_be_made,
    test_pairs_of_sockets_are_unix,
    test_what_could_lead_out_is_refused,
)
from tests.sandbox.test_limits import (
    test_a_fork_bomb_ends_with_its_invocation_and_nobody_else_notices,
    test_a_process_has_1024_descriptors,
    test_limits_cannot_be_raised,
    test_tmp_outlives_a_timeout_and_is_nobody_elses,
)
from tests.sandbox.test_reach import (
    host_port,
    test_a_port_that_the_function_listens_on_itself_is_its_own,
    test_no_environment_reaches_a_port_of_another,
    test_on_the_host_the_server_listens_at_its_one_port_only,
    test_the_runtime_api_listens_inside,
    test_what_listens_on_the_hosts_loopback_is_there_at_the_same_port,
)

__all__ = [
    "host_port",
    "test_a_fork_bomb_ends_with_its_invocation_and_nobody_else_notices",
    "test_a_port_that_the_function_listens_on_itself_is_its_own",
    "test_a_process_has_1024_descriptors",
    "test_abstract_sockets_of_the_host_cannot_be_reached",
    "test_calls_of_another_architecture_end_the_process",
    "test_device_nodes_cannot_be_made",
    "test_it_can_become_nobody_else",
    "test_it_is_the_user_that_aws_has_without_any_right",
    "test_limits_cannot_be_raised",
    "test_no_control_group_is_in_sight",
    "test_no_environment_reaches_a_port_of_another",
    "test_no_environment_variable_of_the_host_is_inherited",
    "test_no_file_of_the_host_is_there",
    "test_no_process_of_the_host_or_of_a_neighbour_is_in_sight",
    "test_on_the_host_the_server_listens_at_its_one_port_only",
    "test_only_ordinary_sockets_can_be_made",
    "test_pages_shared_with_the_zygote_are_copied_when_they_are_written",
    "test_pairs_of_sockets_are_unix",
    "test_proc_is_silent_about_the_host_where_it_can_be",
    "test_set_user_id_and_devices_work_nowhere_and_only_tmp_can_be_written",
    "test_set_user_id_programs_have_no_effect",
    "test_shared_memory_is_each_environments_own",
    "test_the_code_cannot_be_changed",
    "test_the_root_is_read_only",
    "test_the_runtime_api_listens_inside",
    "test_tmp_outlives_a_timeout_and_is_nobody_elses",
    "test_what_could_lead_out_is_refused",
    "test_what_listens_on_the_hosts_loopback_is_there_at_the_same_port",
    "test_who_abuses_its_socket_to_the_server_loses_its_own_process_only",
]


def test_on_the_host_every_environment_is_the_user_who_started_lambent(
    probe: Probe, neighbour: Probe, lambent: LambentServer
) -> None:
    assert probe.run(host_uid) == neighbour.run(host_uid)
    assert Path(f"/proc/{lambent.pid}").stat().st_uid == UID
    for pid in host_processes(lambent, UID):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        assert {f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}", f"Gid:\t{GID}\t{GID}\t{GID}\t{GID}"} <= set(lines)


def test_of_init_only_the_number_of_its_descriptors_can_be_seen(probe: Probe) -> None:
    seen = probe.run(look_through_init)
    assert seen.pop("fd") == "allowed"
    assert set(seen.values()) <= {"EACCES", "EPERM", "ENOENT"}
    assert probe.run(names, "/proc/1/fd") == ["0", "1", "2"], "its leash"


def test_of_the_kernels_settings_only_inits_own_chance_to_be_killed_can_be_written(probe: Probe) -> None:
    """It is the same user's process; who has init killed ends their own environment."""
    seen = probe.run(write_kernel_settings)
    assert seen.pop("1/oom_score_adj") == "allowed"
    assert set(seen.values()) <= {"EACCES", "EPERM", "EROFS", "ENOENT"}


def test_signals_to_init_have_no_effect(probe: Probe) -> None:
    def signal_init() -> list[str]:
        return [refusal(os.kill, 1, number) for number in range(1, signal.NSIG)]

    def here() -> int:
        return os.getpid()

    probe.run(signal_init)
    assert probe.run(here) > 1


def test_nobody_survives_a_reset_by_killing_who_ends_it(probe: Probe) -> None:
    """All processes of an environment are the same user's on the host: one may kill the zygote's, too."""

    def leave_a_killer() -> None:
        if os.fork() == 0:
            while os.getppid() != 1:
                time.sleep(0.001)
            until = time.monotonic() + 1
            while time.monotonic() < until:
                if refusal(os.kill, -1, signal.SIGKILL) == "allowed":
                    break
            time.sleep(1000)
        os._exit(1)

    def others() -> list[str]:
        return [name for name in names("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]

    for _ in range(5):
        probe.outcome(leave_a_killer)
        assert probe.run(others) == []


def test_tmp_has_its_exact_size_in_memory(probe: Probe) -> None:
    def fill() -> dict[str, object]:
        state = os.statvfs("/tmp")
        with Path("/tmp/all").open("wb") as file:
            most = refusal(os.posix_fallocate, file.fileno(), 0, 511 << 20)
            more = refusal(os.posix_fallocate, file.fileno(), 0, 513 << 20)
        Path("/tmp/all").unlink()
        return {"size": state.f_blocks * state.f_frsize, "most": most, "more": more}

    assert probe.run(fill) == {"size": 512 << 20, "most": "allowed", "more": "ENOSPC"}


def test_each_environment_has_about_1024_threads_of_its_own(probe: Probe, neighbour: Probe) -> None:
    """The processes of the user's namespace above it are counted with them: init, and what locks itself down."""

    def count_while(seconds: float) -> int:
        import threading  # noqa: PLC0415
        import time  # noqa: PLC0415

        done = threading.Event()
        threads = []
        threading.stack_size(65536)
        try:
            while True:
                thread = threading.Thread(target=done.wait, daemon=True)
                thread.start()
                threads.append(thread)
        except RuntimeError:
            time.sleep(seconds)
        most = threading.active_count()
        done.set()
        for thread in threads:
            thread.join()
        return most

    assert probe.run(count_while, 0) == 1024
    assert neighbour.run(count_while, 0) == 1024
