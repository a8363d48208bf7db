"""Limits by control groups. Version 2's plan is checked against a recorded file tree: see the marks."""

import secrets
from pathlib import Path

import pytest

from lambent.sandbox.cgroup import CgroupMounts, CgroupTree, Limits, find_mounts, limit_writes, remove_groups

GIBIBYTE = 1024**3


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# Recorded from a host with cgroup v2 only (Linux 6.1): the files of a group, with their first values.
V2_GROUP = {
    "cgroup.procs": "",
    "cgroup.freeze": "0\n",
    "cgroup.kill": "",
    "memory.max": "max\n",
    "memory.swap.max": "max\n",
    "memory.peak": "3145728\n",
    "memory.stat": "anon 2097152\nfile 1048576\nkernel 65536\n",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 1\noom_kill 1\noom_group_kill 0\n",
    "cpu.weight": "100\n",
    "cpu.max": "max 100000\n",
    "pids.max": "max\n",
}


class RecordedTree(CgroupTree):
    """A tree on ordinary files: making a group makes its files, as the kernel would."""

    def make_group(self, path: Path) -> None:
        write_tree(path, V2_GROUP)


@pytest.fixture
def v2_only(tmp_path: Path) -> CgroupMounts:
    write_tree(tmp_path, {"cgroup.controllers": "cpuset cpu io memory pids\n", "cgroup.subtree_control": ""})
    mounts = tmp_path / "mounts"
    mounts.write_text(f"cgroup2 {tmp_path} cgroup2 rw,nosuid,nodev 0 0\n")
    return find_mounts(mounts)


def test_hybrid_mounts_give_v1_controllers_and_the_v2_freezer(tmp_path: Path) -> None:
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").write_text("hugetlb\n")
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
        "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n"
        "cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0\n"
        f"cgroup2 {tmp_path}/unified cgroup2 rw 0 0\n"
    )
    found = find_mounts(mounts)
    assert found.v1["cpu"] == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert found.freezes_by_v2
    assert found.missing() == []


def test_a_controller_that_no_hierarchy_offers_is_named(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n")
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert find_mounts(tmp_path / "mounts").missing() == ["memory"]


def test_one_virtual_cpu_is_a_whole_period_of_quota_on_both_versions() -> None:
    limits = Limits(memory_bytes=GIBIBYTE, cpu_share=1.0, cpu_quota=True, processes=1024)
    assert limit_writes(limits, version=1) == [
        ("memory", "memory.limit_in_bytes", "1073741824"),
        ("memory", "memory.memsw.limit_in_bytes", "1073741824"),
        ("memory", "memory.kmem.tcp.limit_in_bytes", "268435456"),
        ("cpu", "cpu.shares", "1024"),
        ("pids", "pids.max", "1024"),
        ("cpu", "cpu.cfs_period_us", "100000"),
        ("cpu", "cpu.cfs_quota_us", "100000"),
    ]
    assert limit_writes(limits, version=2) == [
        ("memory", "memory.max", "1073741824"),
        ("memory", "memory.swap.max", "0"),
        ("cpu", "cpu.weight", "100"),
        ("pids", "pids.max", "1024"),
        ("cpu", "cpu.max", "100000 100000"),
    ]


def test_without_a_quota_cpu_is_only_a_share() -> None:
    limits = Limits(memory_bytes=GIBIBYTE, cpu_share=0.07, cpu_quota=False, processes=1024)
    assert not [file for _, file, _ in limit_writes(limits, version=1) if "quota" in file]
    assert not [file for _, file, _ in limit_writes(limits, version=2) if file == "cpu.max"]


def test_v2_plan_on_a_recorded_tree(v2_only: CgroupMounts) -> None:
    """Not run on a v2-only kernel here: the files are recorded, the writes are real."""
    tree = RecordedTree(v2_only, "test")
    tree.prepare()
    assert v2_only.v2 is not None
    assert (v2_only.v2 / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    group = tree.create("one")
    directory = v2_only.v2 / "lambent-test" / "one"
    assert group.paths == [directory]
    group.limit(Limits(memory_bytes=GIBIBYTE, cpu_share=0.5, cpu_quota=True, processes=64))
    assert (directory / "memory.max").read_text() == "1073741824"
    assert (directory / "memory.swap.max").read_text() == "0"
    assert (directory / "cpu.max").read_text() == "50000 100000"
    assert (directory / "pids.max").read_text() == "64"
    group.freeze()
    assert (directory / "cgroup.freeze").read_text().startswith("1")
    group.thaw()
    assert (directory / "cgroup.freeze").read_text().startswith("0")
    group.kill()
    assert (directory / "cgroup.kill").read_text() == "1"
    assert group.memory_used_bytes() == 2097152  # anon; the peak less file and kernel pages is smaller
    assert group.out_of_memory_kills() == 1
    group.close()


@pytest.fixture
def real_tree() -> CgroupTree:
    return CgroupTree(find_mounts(), f"unit-{secrets.token_hex(4)}")


def test_groups_of_this_kernel_take_limits_and_leave_nothing(real_tree: CgroupTree) -> None:
    real_tree.prepare()
    group = real_tree.create("one")
    try:
        group.limit(Limits(memory_bytes=64 * 1024**2, cpu_share=0.1, cpu_quota=True, processes=8))
        assert group.processes() == []
        assert group.out_of_memory_kills() == 0
        assert len(real_tree.leftovers()) == len(group.paths)
    finally:
        group.close()
        assert remove_groups(group.paths) == []
        real_tree.remove()
    assert real_tree.leftovers() == []
