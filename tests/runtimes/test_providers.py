"""What this machine has of every runtime, and what is said of those it hasn't."""

import re
import sys
from datetime import date
from pathlib import Path

import pytest

from lambent.runtimes import providers
from lambent.runtimes.catalogue import RUNTIMES
from lambent.runtimes.errors import RuntimeMissing
from lambent.runtimes.nodejs.interpreters import NodeInterpreter
from lambent.runtimes.overview import overview
from lambent.runtimes.providers import Provided, RuntimePlaces, Runtimes
from lambent.runtimes.python.interpreters import Interpreter
from tests.runtimes.programs import NODE, PYTHON, program, runs

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def x86_64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.fixture
def places(tmp_path: Path) -> RuntimePlaces:
    """An empty machine, with a home in `home` and programs on PATH in `bin`."""
    (tmp_path / "cache").mkdir()
    return RuntimePlaces(
        cache=tmp_path / "cache",
        installed=tmp_path / "installed",
        environment={"PATH": str(tmp_path / "bin"), "NVM_DIR": ""},
        home=tmp_path / "home",
    )


def node(path: Path, **changes: object) -> Path:
    return program(path, NODE | changes)


def test_an_empty_machine_has_the_custom_runtimes_and_lambent_s_own_python(places: RuntimePlaces) -> None:
    runtimes = Runtimes(places)
    assert set(runtimes.identifiers) == {OWN, "provided.al2", "provided.al2023"}
    assert runtimes.get("provided.al2") == Provided("provided.al2")
    assert isinstance(runtimes.get(OWN), Interpreter)


@pytest.mark.parametrize(
    "place",
    [
        "bin/node",
        "bin/nodejs",
        "home/.nvm/versions/node/v22.11.0/bin/node",
        "installed/nodejs22.x/bin/node",
    ],
)
def test_node_is_found(places: RuntimePlaces, tmp_path: Path, place: str) -> None:
    executable = node(tmp_path / place)
    assert Runtimes(places).get("nodejs22.x") == NodeInterpreter("nodejs22.x", "22.11.0", executable)


def test_node_is_found_where_nvm_is_said_to_be(places: RuntimePlaces, tmp_path: Path) -> None:
    executable = node(tmp_path / "elsewhere" / "versions" / "node" / "v22.11.0" / "bin" / "node")
    environment = {"NVM_DIR": str(tmp_path / "elsewhere")}
    moved = RuntimePlaces(places.cache, places.installed, environment, places.home)
    assert Runtimes(moved).get("nodejs22.x") == NodeInterpreter("nodejs22.x", "22.11.0", executable)


def test_a_shim_names_the_program_behind_it(places: RuntimePlaces, tmp_path: Path) -> None:
    node(tmp_path / "bin" / "node", executable="/opt/node-22/bin/node")
    assert Runtimes(places).get("nodejs22.x") == NodeInterpreter("nodejs22.x", "22.11.0", Path("/opt/node-22/bin/node"))


def test_the_newest_release_serves_and_the_first_of_equals(places: RuntimePlaces, tmp_path: Path) -> None:
    first = node(tmp_path / "bin" / "node", version="22.20.0")
    node(places.installed / "nodejs22.x" / "bin" / "node", version="22.20.0")
    node(places.home / ".nvm" / "versions" / "node" / "v22.9.0" / "bin" / "node", version="22.9.0")
    assert Runtimes(places).get("nodejs22.x") == NodeInterpreter("nodejs22.x", "22.20.0", first)


@pytest.mark.parametrize(
    "answer",
    [
        {"arch": "arm64"},
        {"release": "io.js"},
        {"version": "22.0.0-nightly20240101"},
        {"version": "18.20.4"},
        {"version": "23.1.0"},
        {"libraries": ["/home/linuxbrew/.linuxbrew/lib/libuv.so.1"]},
        {"libraries": ["/usr/local/lib/libnode.so.127"]},
        {"libraries": None},
    ],
)
def test_what_a_sandbox_cannot_run_or_aws_does_not_have_serves_nothing(
    places: RuntimePlaces, tmp_path: Path, answer: dict[str, object]
) -> None:
    node(tmp_path / "bin" / "node", **answer)
    assert not [name for name in Runtimes(places).identifiers if name.startswith("nodejs")]


def test_an_installation_under_way_serves_nothing(places: RuntimePlaces) -> None:
    node(places.installed / ".new-1" / "bin" / "node")
    assert "nodejs22.x" not in Runtimes(places).identifiers


def test_identifiers_come_in_the_catalogue_s_order(places: RuntimePlaces, tmp_path: Path) -> None:
    node(tmp_path / "bin" / "node", version="20.1.0")
    node(places.installed / "nodejs24.x" / "bin" / "node", version="24.1.0")
    program(tmp_path / "bin" / "python3.9", PYTHON | {"version": [3, 9, 1, "final", 0]})
    identifiers = Runtimes(places).identifiers
    assert list(identifiers) == sorted(identifiers, key=list(RUNTIMES).index)
    assert {"nodejs24.x", "nodejs20.x", "python3.9"} < set(identifiers)


def test_what_was_installed_meanwhile_is_found_and_nothing_is_asked_twice(
    places: RuntimePlaces, tmp_path: Path
) -> None:
    other = node(tmp_path / "bin" / "node", version="20.1.0")
    runtimes = Runtimes(places)
    with pytest.raises(RuntimeMissing):
        runtimes.find("nodejs22.x")
    executable = node(places.installed / "nodejs22.x" / "bin" / "node")
    with pytest.raises(RuntimeMissing):
        runtimes.get("nodejs22.x")
    assert runtimes.find("nodejs22.x") == NodeInterpreter("nodejs22.x", "22.11.0", executable)
    assert runtimes.get("nodejs22.x") == runtimes.find("nodejs22.x")
    assert (runs(executable), runs(other)) == (1, 1)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("nodejs22.x", r"needs a Node\.js 22 on this machine.* Run: lambent runtime install nodejs22\.x\."),
        ("nodejs16.x", r"Lambent's Node\.js client runs nodejs20\.x, nodejs22\.x, nodejs24\.x\."),
        ("python3.8", r"Lambent's Python client runs python3\.9, "),
        ("java21", r"This version of Lambent doesn't run Java functions"),
        ("dotnet8", r"This version of Lambent doesn't run \.NET functions"),
        ("ruby3.4", r"This version of Lambent doesn't run Ruby functions"),
    ],
)
def test_what_is_missing_is_said_with_the_reason(places: RuntimePlaces, identifier: str, message: str) -> None:
    with pytest.raises(RuntimeMissing, match=message):
        Runtimes(places).get(identifier)


def test_custom_runtimes_need_linux(places: RuntimePlaces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers.sys, "platform", "darwin")  # type: ignore[attr-defined]  # its own import
    with pytest.raises(RuntimeMissing, match="needs Linux"):
        Runtimes(places).get("provided.al2023")


@pytest.mark.parametrize(
    ("machine", "architecture"), [("x86_64", "x86_64"), ("amd64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_the_host_s_architecture_in_aws_s_words(
    machine: str, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert providers.host_architecture() == architecture


class TestNodeSdk:
    def test_it_is_where_it_was_installed(self, places: RuntimePlaces) -> None:
        runtimes = Runtimes(places)
        assert runtimes.node_sdk is None
        assert re.search("not installed.* lambent runtime install aws-sdk-js", runtimes.node_sdk_note or "")
        modules = places.installed / "aws-sdk-js" / "node_modules"
        modules.mkdir(parents=True)
        installed = Runtimes(places)
        assert (installed.node_sdk, installed.node_sdk_note) == (modules, None)

    def test_none_is_none(self, places: RuntimePlaces) -> None:
        (places.installed / "aws-sdk-js" / "node_modules").mkdir(parents=True)
        runtimes = Runtimes(RuntimePlaces(places.cache, places.installed, {}, places.home, node_sdk="none"))
        assert runtimes.node_sdk is None
        assert "node_sdk is none" in (runtimes.node_sdk_note or "")


class TestOverview:
    def test_it_has_all_that_can_be_created_and_all_that_was_found(self, places: RuntimePlaces) -> None:
        day = date(2026, 11, 21)
        states = {status.identifier: status.state for status in overview(Runtimes(places), day)}
        assert set(states) == {name for name, runtime in RUNTIMES.items() if not runtime.blocks_create(day)}
        assert states["nodejs22.x"] == "installable"
        assert states["python3.9"] == "missing"
        assert states["java21"] == states["nodejs16.x"] == states["python3.8"] == "not supported"
        assert states[OWN] == states["provided.al2"] == "found"

    def test_what_is_blocked_is_listed_only_where_it_is_found(self, places: RuntimePlaces, tmp_path: Path) -> None:
        node(tmp_path / "bin" / "node", version="20.1.0")
        states = {status.identifier: status for status in overview(Runtimes(places), date(2027, 3, 3))}
        assert {name for name in states if name.startswith("nodejs")} == {"nodejs20.x", "nodejs22.x", "nodejs24.x"}
        found = states["nodejs20.x"]
        assert (found.state, found.version, found.reason) == ("found", "20.1.0", "")
        assert found.executable == tmp_path / "bin" / "node"
        assert "python3.9" not in states
