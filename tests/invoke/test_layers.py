"""What functions see of their layers: /opt, read-only, the later over the earlier, and the search paths to it."""

import io
import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.invoke.caller import Caller
from tests.lambent_server import LambentServer, create_function, wait_until_active, zip_of

pytestmark = pytest.mark.root

SWEEP_SECONDS = 20

Publish = Callable[..., str]
LOOK = """
import os, sys
def handler(event, context):
    found = {}
    for folder, folders, files in os.walk("/opt"):
        for name in files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, "/opt")] = open(path).read()
    return found
"""


@pytest.fixture
def publish(client: Any) -> Iterator[Publish]:
    """Publishes files as a layer version; its ARN. The layers are deleted afterwards."""
    published: list[Any] = []

    def one(name: str, files: Mapping[str, str | bytes] | bytes) -> str:
        content = files if isinstance(files, bytes) else zip_of(files)
        version = client.publish_layer_version(LayerName=name, Content={"ZipFile": content})
        published.append((name, version["Version"]))
        return str(version["LayerVersionArn"])

    yield one
    for name, number in published:
        client.delete_layer_version(LayerName=name, VersionNumber=number)


def zip_with_modes(files: Mapping[str, tuple[str | bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def test_layers_lie_over_each_other_in_the_order_of_the_function(client: Any, caller: Caller, publish: Publish) -> None:
    layers = [
        publish("lower", {"a.txt": "lower", "both/b.txt": "lower", "both/only": "lower"}),
        publish("upper", {"both/b.txt": "upper", "c.txt": "upper"}),
    ]
    create_function(client, "up", LOOK, Layers=layers)
    create_function(client, "down", LOOK, Layers=layers[::-1])
    shared = {"a.txt": "lower", "both/only": "lower", "c.txt": "upper"}
    assert caller.result("up") == {**shared, "both/b.txt": "upper"}
    assert caller.result("down") == {**shared, "both/b.txt": "lower"}


def test_without_layers_opt_is_empty(client: Any, caller: Caller) -> None:
    create_function(client, "f", LOOK)
    assert caller.result("f") == {}


def test_an_update_of_the_layers_is_seen_by_the_next_invocation_and_not_by_versions(
    client: Any, caller: Caller, publish: Publish
) -> None:
    create_function(client, "f", LOOK, Layers=[publish("one", {"one": "1"})], Publish=True)
    assert caller.result("f") == {"one": "1"}
    client.update_function_configuration(FunctionName="f", Layers=[publish("two", {"two": "2"})])
    wait_until_active(client, "f")
    assert caller.result("f") == {"two": "2"}
    assert caller.result("f", qualifier="1") == {"one": "1"}
    client.update_function_configuration(FunctionName="f", Layers=[])
    wait_until_active(client, "f")
    assert caller.result("f") == {}


@pytest.mark.parametrize("layers", [1, 2])
def test_layers_can_not_be_written_to(client: Any, caller: Caller, publish: Publish, layers: int) -> None:
    source = """
import os
def handler(event, context):
    failures = []
    for attempt in (
        lambda: open("/opt/new", "w"),
        lambda: open("/opt/open", "a"),
        lambda: os.unlink("/opt/open"),
        lambda: os.chmod("/opt/open", 0o777),
        lambda: os.rename("/opt/open", "/opt/other"),
    ):
        try:
            attempt()
        except OSError as error:
            failures.append(error.errno)
    return {"failures": failures, "device": os.stat("/opt").st_mode & 0o777}
"""
    content = zip_with_modes({"open": ("", 0o666)})
    arns = [publish(f"l{number}", content) for number in range(layers)]
    create_function(client, "f", source, Layers=arns)
    answer = caller.result("f")
    assert answer["device"] == 0o755
    assert len(answer["failures"]) == 5
    assert set(answer["failures"]) <= {1, 30}  # EPERM (the owner is another), EROFS


def test_python_finds_modules_of_layers_after_its_own(client: Any, caller: Caller, publish: Publish) -> None:
    """Source: developer guide, "Python layers": python/ and python/lib/python3.x/site-packages."""
    lower = publish(
        "modules",
        {
            "python/plain.py": "where = 'python'",
            "python/both.py": "where = 'python'",
            "python/own.py": "where = 'layer'",
            "python/lib/python3.13/site-packages/both.py": "where = 'site-packages'",
            "python/lib/python3.12/site-packages/other.py": "",
            "python/package-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: package\nVersion: 1.0\n",
        },
    )
    source = """
import importlib.metadata, importlib.util
import both, own, plain
def handler(event, context):
    return {
        "plain": plain.where, "both": both.where, "own": own.where,
        "other": importlib.util.find_spec("other") is not None,
        "version": importlib.metadata.version("package"),
    }
"""
    create_function(client, "f", {"app.py": source, "own.py": "where = 'function'"}, Layers=[lower])
    assert caller.result("f") == {
        "plain": "python",
        "both": "site-packages",
        "own": "function",
        "other": False,
        "version": "1.0",
    }


def node_runtime() -> str | None:
    """The identifier of the Node.js on PATH, if Lambent has a client for it."""
    if shutil.which("node") is None:
        return None
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    identifier = f"nodejs{version.removeprefix('v').partition('.')[0]}.x"
    return identifier if identifier in {"nodejs20.x", "nodejs22.x", "nodejs24.x"} else None


NODE = node_runtime()
NODE_HANDLERS = {
    "index.js": """
const plain = require("plain"), both = require("both"), own = require("own");
exports.handler = async () => [plain, both, own];
""",
    "index.mjs": """
import plain from "plain"; import both from "both"; import own from "own";
export const handler = async () => [plain, both, own];
""",
}


@pytest.mark.skipif(NODE is None, reason="this machine has no Node.js that functions can have")
@pytest.mark.parametrize("module", NODE_HANDLERS)
def test_node_finds_packages_of_layers_after_its_own(
    client: Any, caller: Caller, publish: Publish, module: str
) -> None:
    """Source: developer guide, "Node.js layers": nodejs/node22/node_modules and nodejs/node_modules."""
    runtime = str(NODE)
    packages = {
        "nodejs/node_modules/plain": "node_modules",
        "nodejs/node_modules/both": "node_modules",
        "nodejs/node_modules/own": "layer",
        f"nodejs/{runtime.removesuffix('.x').replace('js', '')}/node_modules/both": "versioned",
    }
    layer = publish(
        "packages", {f"{folder}/index.js": f"module.exports = '{where}';" for folder, where in packages.items()}
    )
    code = {module: NODE_HANDLERS[module], "node_modules/own/index.js": "module.exports = 'function';"}
    settings = {"Runtime": runtime, "Handler": "index.handler", "Layers": [layer]}
    create_function(client, "f", code, **settings)
    assert caller.result("f") == ["node_modules", "versioned", "function"]


def test_programs_and_libraries_of_layers_are_found(
    client: Any, caller: Caller, publish: Publish, tmp_path: Path
) -> None:
    (tmp_path / "answer.c").write_text("int answer(void) { return 42; }")
    library = tmp_path / "libanswer.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "answer.c"], check=True)
    program = "#!/bin/sh\necho from the layer\n"
    layer = publish(
        "tools", zip_with_modes({"bin/tool": (program, 0o755), "lib/libanswer.so": (library.read_bytes(), 0o755)})
    )
    source = """
import ctypes, subprocess
def handler(event, context):
    said = subprocess.run(["tool"], capture_output=True, text=True).stdout
    return [said, ctypes.CDLL("libanswer.so").answer()]
"""
    create_function(client, "f", source, Layers=[layer])
    assert caller.result("f") == ["from the layer\n", 42]


def test_a_link_may_lead_to_opt_by_its_name(client: Any, caller: Caller, publish: Publish) -> None:
    link = zip_with_modes({"lib/current": ("/opt/lib/v1", 0o120777), "lib/v1": ("one", 0o644)})
    create_function(client, "f", LOOK, Layers=[publish("linked", link), publish("other", {"x": "x"})])
    assert caller.result("f")["lib/current"] == "one"


def test_a_bootstrap_may_come_from_a_layer(client: Any, caller: Caller, publish: Publish) -> None:
    """The function's own one comes first. Source: runtimes.md §6."""
    bootstrap = """#!/bin/sh
while :; do
    curl -sS -o /tmp/event -D /tmp/headers "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
    id=$(sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *\\([0-9a-f-]*\\).*/\\1/p' /tmp/headers)
    curl -sS -d "{\\"from\\": \\"$0\\", \\"handler\\": \\"$_HANDLER\\"}" \\
        "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""
    layer = publish("runtime", zip_with_modes({"bootstrap": (bootstrap, 0o755)}))
    settings = {"Runtime": "provided.al2023", "Handler": "any", "Layers": [layer]}
    create_function(client, "f", {"data": ""}, **settings)
    assert caller.result("f") == {"from": "/opt/bootstrap", "handler": "any"}


def test_layers_outlive_their_versions_as_long_as_a_function_has_them(own_lambent: LambentServer) -> None:
    """Also the sweep at the start of a server leaves them; then it takes those that nobody has any more."""
    client = own_lambent.start().client()
    arns = [
        client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of({name: name})})["LayerVersionArn"]
        for name in ("a", "b", "kept")
    ]
    create_function(client, "f", LOOK, Layers=arns)
    create_function(client, "gone", LOOK, Layers=arns[::-1])
    client.delete_function(FunctionName="gone")
    for name in ("a", "b"):
        client.delete_layer_version(LayerName=name, VersionNumber=1)
    assert len(trees(own_lambent)) == 1 + 3 + 2  # the code, the layers, and two stacks of them
    restart(own_lambent, trees_left=5)
    client = own_lambent.client()
    assert json.loads(client.invoke(FunctionName="f")["Payload"].read()) == {"a": "a", "b": "b", "kept": "kept"}
    client.delete_function(FunctionName="f")
    restart(own_lambent, trees_left=1)
    assert own_lambent.client().get_layer_version(LayerName="kept", VersionNumber=1)["Version"] == 1
    assert own_lambent.stop() == 0


def test_layers_are_laid_over_each_other_again_after_the_machine_was_restarted(own_lambent: LambentServer) -> None:
    client = own_lambent.start().client()
    arns = [
        client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of({name: name})})["LayerVersionArn"]
        for name in ("a", "b")
    ]
    create_function(client, "f", LOOK, Layers=arns)
    assert own_lambent.stop() == 0
    (own_lambent.data_directory / "code" / "boot_id").write_text("another")
    client = own_lambent.start().client()
    assert json.loads(client.invoke(FunctionName="f")["Payload"].read()) == {"a": "a", "b": "b"}
    assert own_lambent.stop() == 0


def trees(server: LambentServer) -> list[str]:
    return [path.name for path in (server.data_directory / "code").iterdir() if path.is_dir()]


def restart(server: LambentServer, *, trees_left: int) -> None:
    """Start again, and wait until the sweep of the start has left that many trees."""
    assert server.stop() == 0
    server.start()
    deadline = time.monotonic() + SWEEP_SECONDS
    while len(trees(server)) != trees_left:
        assert time.monotonic() < deadline, f"{len(trees(server))} trees are there, not {trees_left}"
        time.sleep(0.01)
