"""What is at fixed places on AWS is somewhere else where there are no mounts."""

from dataclasses import replace
from pathlib import Path

from lambent.sandbox.process.places import Places, command, environment_places, runtime_places
from lambent.sandbox.rootfs import RootPlan
from lambent.sandbox.zygote import ZygotePlan

_PLACES = Places(
    {"/var/task": Path("/code/1"), "/opt": Path("/e/opt"), "/var/lang": Path("/usr"), "/tmp": Path("/e/tmp")}
)


def test_every_entry_of_a_list_of_paths_is_translated() -> None:
    value = "/var/lang/bin:/usr/bin/:/opt/bin:/var/task"
    assert _PLACES.value(value) == "/usr/bin:/usr/bin/:/e/opt/bin:/code/1"


def test_names_that_only_begin_alike_stay() -> None:
    assert _PLACES.value("/optional:/tmpfs:/var/tasks") == "/optional:/tmpfs:/var/tasks"


def test_what_is_no_path_stays() -> None:
    assert _PLACES.value("http://host:80/opt") == "http://host:80/opt"
    assert _PLACES.value("app.handler") == "app.handler"
    assert _PLACES.value("") == ""


def test_mounts_below_mounts_become_links_beside_links(tmp_path: Path) -> None:
    package, data = tmp_path / "boto3", tmp_path / "data"
    for folder in (package, package / "data", data):
        folder.mkdir()
    (package / "session.py").touch()
    (data / "models.json").touch()
    mounts = {"boto3": package, "boto3/data": data, "lambent_runtime": tmp_path}
    found = runtime_places(_plan(mounts, {"": tmp_path}), tmp_path / "new")
    runtime = found["/var/runtime"]
    assert sorted(path.name for path in runtime.iterdir()) == ["boto3", "lambent_runtime"]
    assert (runtime / "boto3/session.py").exists()
    assert (runtime / "boto3/data/models.json").exists()
    assert found["/var/lang"] == tmp_path


def test_a_program_alone_is_found_on_the_path(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.touch()
    found = runtime_places(_plan({}, {"bin/node": node}), tmp_path / "new")
    assert (found["/var/lang"] / "bin/node").resolve() == node


def test_an_environment_without_layers_has_an_empty_folder_for_them(tmp_path: Path) -> None:
    places = environment_places({}, [("/var/task", tmp_path)], tmp_path / "new")
    assert list(Path(places.path("/opt")).iterdir()) == []
    assert places.path("/var/task/app.py") == str(tmp_path / "app.py")
    assert Path(places.path("/tmp")).stat().st_mode & 0o777 == 0o700


def test_layers_take_the_place_of_the_empty_folder(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    places = environment_places({}, [("/var/task", tmp_path), ("/opt", layers)], tmp_path / "new")
    assert places.path("/opt") == str(layers)


def test_a_program_of_a_place_below_another_place_is_translated_once() -> None:
    places = Places({"/var/task": Path("/tmp/data/1"), "/opt": Path("/tmp/o"), "/tmp": Path("/tmp/data/tmp")})
    plan = replace(_plan({}, {}), start={"kind": "bootstrap", "candidates": ["/var/task/bootstrap", "/opt/bootstrap"]})
    made = command(plan, places, script=Path("/s.py"), own_interpreter="/python")
    assert made[-4:] == ["bootstrap", "/tmp/data/1", "/tmp/data/1/bootstrap", "/tmp/o/bootstrap"]


def _plan(runtime: dict[str, Path], language: dict[str, Path]) -> ZygotePlan:
    return ZygotePlan(
        runtime="python3.13",
        interpreter="/var/lang/bin/python3.13",
        client="/var/runtime",
        root=RootPlan(runtime, "", language),
        environment={},
        start={"kind": "fork"},
        limits=(),
        network=[],
        seccomp=b"",
    )
