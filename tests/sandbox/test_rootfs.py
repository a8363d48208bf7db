"""The root file system's steps are plain data."""

from pathlib import Path

import pytest

from lambent.sandbox.rootfs import RootPlan, steps


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for directory in ("usr/bin", "usr/local/secret", "usr/share/zoneinfo", "etc/ssl/certs", "lib64", "home/somebody"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr/share/zoneinfo/UTC").touch()
    (tmp_path / "etc/shadow").touch()
    (tmp_path / "etc/passwd").touch()
    return tmp_path


def plan(host: Path) -> RootPlan:
    return RootPlan(
        language={"": host / "opt/python"},
        masked=["/var/lang/lib/python3.13/site-packages"],
        runtime_mounts={"lambent_runtime": host / "client"},
        resolv_conf="nameserver 10.0.0.1\n",
    )


def test_only_listed_parts_of_the_host_are_bound_and_all_read_only_without_set_user_id(host: Path) -> None:
    bound = {str(step[1]): step for step in steps(plan(host), host=host) if step[0] == "bind"}
    sources = {source.removeprefix(str(host)) for source in bound}
    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")}
    assert sources == {"/usr", "/lib64", "/opt/python", "/client", "/etc/ssl/certs"} | devices
    for source, step in bound.items():
        flags = int(step[3])
        assert flags & 2, f"{source} keeps set-user-id"
        if "/dev/" not in source:
            assert flags & 1, f"{source} is writable"
            assert flags & 4, f"{source} keeps devices"


def test_what_is_particular_to_this_host_looks_empty(host: Path) -> None:
    masked = [step[1] for step in steps(plan(host), host=host) if step[0] == "bind_empty"]
    assert masked == ["/usr/local", "/var/lang/lib/python3.13/site-packages"]


def test_users_are_those_of_the_sandbox_not_of_the_host(host: Path) -> None:
    files = {str(step[1]): str(step[2]) for step in steps(plan(host), host=host) if step[0] == "file"}
    assert "sbx_user1051:x:993:990" in files["/etc/passwd"]
    assert files["/etc/resolv.conf"] == "nameserver 10.0.0.1\n"


def test_links_of_a_merged_usr_stay_links(host: Path) -> None:
    assert ["symlink", "usr/bin", "/bin"] in steps(plan(host), host=host)


def test_debian_s_shell_is_covered_by_bash(host: Path) -> None:
    (host / "usr/bin/dash").touch()
    (host / "usr/bin/sh").symlink_to("dash")
    assert not [step for step in steps(plan(host), host=host) if "/usr/bin/dash" in step]
    (host / "usr/bin/bash").touch()
    covers = [step for step in steps(plan(host), host=host) if "/usr/bin/dash" in step]
    assert covers == [["bind", str(host / "usr/bin/bash"), "/usr/bin/dash", 7]]


def test_a_shell_that_is_other_programs_too_stays(host: Path) -> None:
    (host / "usr/bin/bash").touch()
    (host / "usr/bin/busybox").touch()
    (host / "usr/bin/sh").symlink_to("busybox")
    assert not [step for step in steps(plan(host), host=host) if "bash" in str(step[1])]


def test_the_tree_is_sealed_last(host: Path) -> None:
    assert steps(plan(host), host=host)[-1] == ["seal", ""]
