"""A user to whom the system has delegated a control group of version 2 has what is in it."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambent.sandbox.cgroup import find_mounts
from tests.lambent_server import LambentServer
from tests.ordinary_user.ordinary import GID, RUNTIME, UID, OrdinaryServer
from tests.sandbox.probe import Probe, host_processes

pytestmark = pytest.mark.root


@pytest.fixture
def delegated() -> Iterator[Path]:
    """A group of that user's."""
    tree = find_mounts().v2
    if tree is None:
        pytest.skip("no control groups of version 2 here")
    group = tree / f"lambent-test-{secrets.token_hex(4)}"
    group.mkdir()
    for file in (group, group / "cgroup.procs", group / "cgroup.subtree_control"):
        os.chown(file, UID, GID)
    yield group
    for left in sorted(group.rglob("*/"), reverse=True):
        left.rmdir()
    group.rmdir()


@pytest.fixture
def server(open_folder: Path, delegated: Path) -> Iterator[LambentServer]:
    """A server that was started in that group, as systemd does."""
    folder = open_folder / "delegated"
    folder.mkdir()
    made = OrdinaryServer(folder, flags=["--sandbox", "namespaces"])
    joining = os.open(delegated / "cgroup.procs", os.O_WRONLY)
    made.options["pass_fds"] = [joining]
    python = folder / "python-in-group"
    python.write_text(f'#!/bin/bash\necho 0 >&{joining}\nexec {joining}>&-\nexec {made.python} "$@"\n')
    python.chmod(0o755)
    made.python = python
    made.start()
    os.close(joining)
    yield made
    assert made.stop() == 0
    assert made.leftovers() == []
    assert "Traceback" not in made.said()


def test_idle_environments_are_frozen_by_the_group_and_ended_with_it(server: LambentServer, delegated: Path) -> None:
    def process() -> int:
        return os.getpid()

    probe = Probe(server.client(), "probe", Runtime=RUNTIME)
    assert probe.run(process) > 1
    assert "freeze" not in server.said()
    assert (delegated / "lambent-server" / "cgroup.procs").read_text().split()[0] == str(server.pid)
    groups = list((delegated / f"lambent-{server.instance}").glob("*/cgroup.events"))
    assert groups
    deadline = time.monotonic() + 5
    while not any("frozen 1" in group.read_text() for group in groups):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert probe.run(process) > 1
    assert set(host_processes(server, UID))
