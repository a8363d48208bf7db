"""`lambent doctor`: each check by itself, then the whole on this machine."""

import json
from pathlib import Path

import pytest

from lambent import doctor
from lambent.cli import main
from lambent.core.honesty import KEPT_NOT_IN_FORCE
from lambent.runtimes.catalogue import RUNTIMES
from lambent.runtimes.overview import RuntimeStatus, State
from lambent.sandbox.cgroup import CgroupMounts
from lambent.sandbox.choice import Choice
from lambent.startup import listen

_V1 = CgroupMounts({name: Path("/cg") / name for name in ("memory", "cpu", "pids", "freezer")}, None, frozenset())
_V2 = CgroupMounts({}, Path("/cg"), frozenset({"memory", "cpu", "pids"}))
_HYBRID = CgroupMounts({"memory": Path("/m"), "cpu": Path("/c"), "pids": Path("/p")}, Path("/v2"), frozenset())


@pytest.mark.parametrize(
    ("system", "release", "status"),
    [
        ("Linux", "6.18.44-fc", "ok"),
        ("Linux", "5.12", "ok"),
        ("Linux", "5.4.0-1", "limited"),
        ("Darwin", "24.0", "limited"),
    ],
)
def test_kernel(system: str, release: str, status: str) -> None:
    assert doctor.kernel(system, release, "x86_64").status == status


def test_the_sandbox_that_there_would_be_is_named_with_the_reason() -> None:
    assert doctor.sandbox(Choice("namespaces"), "", 0) == doctor.Finding(
        "sandbox", "ok", "namespaces, as root", required=True
    )
    ordinary = doctor.sandbox(Choice("user namespace", "not allowed"), "", 1000)
    assert (ordinary.status, ordinary.detail) == ("limited", "namespaces in a user namespace of uid 1000: not allowed")
    process = doctor.sandbox(Choice("process", "namespaces need Linux"), "", 501)
    assert (process.status, process.detail) == (
        "limited",
        "plain processes of uid 501, no walls: namespaces need Linux",
    )


def test_a_sandbox_that_is_wanted_and_cannot_be_had_is_missing() -> None:
    finding = doctor.sandbox(None, "namespaces need Linux", 501)
    assert (finding.status, finding.detail, finding.required) == ("missing", "namespaces need Linux", True)


@pytest.mark.parametrize(
    ("mounts", "detail"),
    [
        (_V1, "version 1: cpu, memory, pids"),
        (_V2, "version 2: cpu, memory, pids"),
        (_HYBRID, "version 1: cpu, memory, pids"),
    ],
)
def test_cgroups_of_either_version(mounts: CgroupMounts, detail: str) -> None:
    assert doctor.cgroups(mounts) == doctor.Finding("cgroups", "ok", detail)


def test_missing_controllers_are_named() -> None:
    finding = doctor.cgroups(CgroupMounts({"memory": Path("/m")}, None, frozenset()))
    assert (finding.status, finding.detail) == ("limited", "none that can be used for cpu, pids")


def test_loop_devices(tmp_path: Path) -> None:
    assert doctor.loop_devices(tmp_path / "none").status == "limited"
    assert doctor.loop_devices(tmp_path).status == "ok"


def test_runtimes_are_listed_with_their_interpreters() -> None:
    assert doctor.found_runtimes([status("nodejs22.x", "installable")]).status == "missing"
    runtimes = [status("python3.13", "found", executable=Path("/opt/bin/python3.13")), status("provided.al2", "found")]
    assert doctor.found_runtimes(runtimes).detail == "python3.13  1.2.3  /opt/bin/python3.13\nprovided.al2"


def test_refused_runtimes_are_listed_by_reason() -> None:
    runtimes = [
        status("nodejs22.x", "installable"),
        status("java21", "not supported"),
        status("ruby3.4", "not supported"),
        status("python3.13", "found"),
        status("python3.12", "missing"),
        status("python3.9", "missing"),
    ]
    assert doctor.other_runtimes(runtimes).detail.splitlines() == [
        "Not here, but to be had: nodejs22.x; run, for example: lambent runtime install nodejs22.x",
        "Not on PATH, in pyenv or in uv: python3.12, python3.9; install one, for example: uv python install 3.12",
        "Not in this version of Lambent: java21, ruby3.4",
    ]
    assert doctor.other_runtimes([]).detail == "none"


def test_node_sdk() -> None:
    assert doctor.node_sdk(None).status == "ok"
    assert doctor.node_sdk("it is not installed") == doctor.Finding("node SDK", "limited", "it is not installed")


def status(identifier: str, state: State, *, executable: Path | None = None) -> RuntimeStatus:
    return RuntimeStatus(state, "1.2.3" if executable else "", executable, "", RUNTIMES[identifier])


def test_data_directory(tmp_path: Path) -> None:
    assert doctor.data_directory(tmp_path / "not" / "yet").status == "ok"
    (tmp_path / "file").touch()
    assert doctor.data_directory(tmp_path / "file" / "data").status == "missing"


def test_port() -> None:
    assert doctor.port("127.0.0.1", 0).status == "ok"
    with listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        assert doctor.port("127.0.0.1", number).status == "limited"
    assert doctor.port("127.0.0.1", number).status == "ok"


def test_only_what_is_required_decides() -> None:
    limited = doctor.Finding("a", "limited", "")
    missing = doctor.Finding("b", "missing", "", required=True)
    assert doctor.Report((limited,), ()).can_run_functions
    assert not doctor.Report((limited, missing), ()).can_run_functions


def test_the_report_for_programs_and_the_one_for_people_tell_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status = main(["doctor", "--json", "--data-dir", str(tmp_path), "--port", "0"])
    document = json.loads(capsys.readouterr().out)
    assert main(["doctor", "--data-dir", str(tmp_path), "--port", "0"]) == status
    text = capsys.readouterr().out
    assert status == (0 if document["can_run_functions"] else 1)
    for finding in document["findings"]:
        assert finding["name"] in text
        # Free space may change between the two looks; its figure comes last.
        assert finding["detail"].splitlines()[0].split(", ")[0] in text
    for promise in document["promises"]:
        assert promise["how"] in text
    assert {promise["held"] for promise in document["promises"]} <= {"ok", "limited", "missing"}
    for kept in KEPT_NOT_IN_FORCE:
        assert f"{kept.setting}: {kept.effect}" in text
    assert len(document["kept_but_not_in_force"]) == len(KEPT_NOT_IN_FORCE)
