"""Functions that are folders: what was saved before an invocation is what it runs, and it is warm in between."""

import base64
import io
import json
import re
import shutil
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lambent_server import ROLE, LambentServer, wait_until_active
from tests.watch.conftest import Folder, create

pytestmark = pytest.mark.root

COUNTER = "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return [{text!r}, calls]\n"


def invoke(client: Any, name: str = "f", **arguments: Any) -> Any:
    answer = client.invoke(FunctionName=name, **arguments)
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def failure(client: Any, name: str = "f") -> Any:
    answer = client.invoke(FunctionName=name)
    assert answer.get("FunctionError") == "Unhandled"
    return json.loads(answer["Payload"].read())


@pytest.mark.parametrize("atomically", [False, True])
def test_what_was_saved_is_what_the_next_invocation_runs(developer: Any, folder: Folder, atomically: bool) -> None:
    folder.save("app.py", COUNTER.format(text="first"))
    create(developer, "f", folder.path)
    assert invoke(developer) == ["first", 1]
    for number in range(20):
        folder.save("app.py", COUNTER.format(text=f"save {number}"), atomically=atomically)
        assert invoke(developer) == [f"save {number}", 1]


def test_javascript_is_loaded_anew_too(watching: LambentServer, developer: Any, folder: Folder) -> None:
    source = (
        "import {{ text }} from './lib/text.mjs'\nlet calls = 0\nexport const handler = async () => [text, ++calls]\n"
    )
    folder.save("index.mjs", source.format())
    folder.save("lib/text.mjs", "export const text = 'first'\n")
    create(developer, "f", folder.path, Runtime=newest(watching, "nodejs"), Handler="index.handler")
    assert [invoke(developer), invoke(developer)] == [["first", 1], ["first", 2]]
    for number in range(5):
        folder.save("lib/text.mjs", f"export const text = {number}\n", atomically=number % 2 == 0)
        assert [invoke(developer), invoke(developer)] == [[number, 1], [number, 2]]


BOOTSTRAP = """\
#!/bin/bash
exchange() {{  # method, path, body
    exec 4<>/dev/tcp/127.0.0.1/9001
    printf '%s %s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s' "$1" "$2" ${{#3}} "$3" >&4
    cat <&4
    exec 4>&-
}}
while true; do
    next=$(exchange GET /2018-06-01/runtime/invocation/next "")
    id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\\([0-9a-f-]*\\).*/\\1/Ip' <<<"$next")
    exchange POST "/2018-06-01/runtime/invocation/$id/response" '"{text}"' > /dev/null
done
"""


def test_a_bootstrap_is_executed_anew_and_may_be_its_owner_s_alone(developer: Any, folder: Folder) -> None:
    for text in ("first", "second", "third"):
        folder.save("bootstrap", BOOTSTRAP.format(text=text))
        (folder.path / "bootstrap").chmod(0o700)
        if text == "first":
            create(developer, "f", folder.path, Runtime="provided.al2023", Handler="any")
        assert invoke(developer) == text


def newest(server: LambentServer, family: str) -> str:
    """The newest runtime of a family that the server says it has."""
    found = re.search(rf"^  runtimes  .*?({family}\S+)", server.said(), re.MULTILINE)
    if found is None:
        pytest.skip(f"this machine has no {family}; lambent runtime install brings one")
    return found[1]


def test_an_environment_is_warm_until_something_is_saved(developer: Any, folder: Folder) -> None:
    folder.save("app.py", COUNTER.format(text="x"))
    create(developer, "f", folder.path)
    assert [invoke(developer)[1] for _ in range(5)] == [1, 2, 3, 4, 5]
    folder.save("notes/read.me", "anything in the folder may be what a function reads")
    assert invoke(developer) == ["x", 1]


@pytest.mark.parametrize(
    "name", [".git/index", "__pycache__/app.pyc", "node_modules/.cache/x", ".app.py.swp", "app.py~", "4913", ".#app.py"]
)
def test_what_editors_and_tools_leave_beside_is_no_change(developer: Any, folder: Folder, name: str) -> None:
    folder.save("app.py", COUNTER.format(text="x"))
    folder.save("node_modules/package.json", "{}")
    create(developer, "f", folder.path)
    assert invoke(developer) == ["x", 1]
    folder.save(name, "1")
    folder.save(name, "2")
    assert invoke(developer) == ["x", 2]


def test_a_checkout_of_many_files_and_folders_is_seen_whole(developer: Any, folder: Folder) -> None:
    folder.save("app.py", COUNTER.format(text="x"))
    create(developer, "f", folder.path)
    assert invoke(developer) == ["x", 1]
    for number in range(300):
        folder.save(f"package{number // 30}/module{number}.py", f"value = {number}")
    folder.save(
        "app.py", "import importlib\n\ndef handler(event, context):\n    return importlib.import_module(event).value\n"
    )
    assert invoke(developer, Payload=b'"package9.module299"') == 299
    folder.save("package9/module299.py", "value = 'deep down'")
    assert invoke(developer, Payload=b'"package9.module299"') == "deep down"


def test_a_folder_that_a_build_makes_anew_goes_on(developer: Any, folder: Folder) -> None:
    folder.save("app.py", COUNTER.format(text="before"))
    create(developer, "f", folder.path)
    assert invoke(developer)[0] == "before"
    shutil.rmtree(folder.path)
    with pytest.raises(ClientError, match=r"InvalidZipFileException.*The folder .* of function f isn't there"):
        invoke(developer)
    folder.make()
    folder.save("app.py", COUNTER.format(text="after"))
    assert invoke(developer) == ["after", 1]
    folder.save("app.py", COUNTER.format(text="later"))
    assert invoke(developer) == ["later", 1]


def test_a_link_to_the_folder_may_be_switched(developer: Any, folder: Folder) -> None:
    for name in ("blue", "green"):
        folder.save(f"{name}/app.py", COUNTER.format(text=name))
    link = folder.path / "current"
    link.symlink_to("blue")
    create(developer, "f", link)
    assert invoke(developer) == ["blue", 1]
    link.with_name("next").symlink_to("green")
    link.with_name("next").rename(link)
    assert invoke(developer) == ["green", 1]


def test_links_out_of_the_folder_lead_nowhere_and_the_log_says_so(
    watching: LambentServer, developer: Any, folder: Folder
) -> None:
    folder.save("shared/common.py", "value = 1")
    folder.save("service/app.py", "import common\n\ndef handler(event, context):\n    return common.value\n")
    (folder.path / "service" / "common.py").symlink_to("../shared/common.py")
    create(developer, "f", folder.path / "service")
    assert failure(developer)["errorType"] == "Runtime.ImportModuleError"
    assert f"Links in {folder.path / 'service'} lead out of it" in watching.said()
    whole = {"Handler": "service/app.handler", "Environment": {"Variables": {"PYTHONPATH": "/var/task/service"}}}
    create(developer, "g", folder.path, **whole)
    assert invoke(developer, "g") == 1


def test_two_functions_may_share_a_folder(developer: Any, folder: Folder) -> None:
    folder.save("app.py", COUNTER.format(text="1"))
    for name in ("f", "g"):
        create(developer, name, folder.path)
        assert invoke(developer, name) == ["1", 1]
    folder.save("app.py", COUNTER.format(text="2"))
    developer.delete_function(FunctionName="f")
    assert invoke(developer, "g") == ["2", 1]
    folder.save("app.py", COUNTER.format(text="3"))
    assert invoke(developer, "g") == ["3", 1]


def test_an_invocation_that_runs_ends_with_the_code_that_it_began_with(developer: Any, folder: Folder) -> None:
    folder.save("app.py", "import time\n\ndef handler(event, context):\n    time.sleep(event)\n    return 'old'\n")
    create(developer, "f", folder.path)
    developer.invoke(FunctionName="f", InvocationType="Event", Payload=b"1")
    assert invoke(developer, Payload=b"0") == "old"
    folder.save("app.py", "def handler(event, context):\n    return 'new'\n")
    assert invoke(developer, Payload=b"0") == "new"


class TestWhatTheApiSays:
    def test_the_code_is_where_the_folder_is(self, developer: Any, folder: Folder) -> None:
        folder.save("app.py", COUNTER.format(text="x"))
        created = create(developer, "f", folder.path)
        assert created["CodeSize"] == 0
        assert len(base64.b64decode(created["CodeSha256"])) == 32
        found = developer.get_function(FunctionName="f")
        assert found["Code"]["Location"] == folder.path.as_uri()
        folder.save("app.py", COUNTER.format(text="y"))
        assert invoke(developer)[0] == "y"
        again = developer.get_function(FunctionName="f")["Configuration"]
        assert (again["CodeSha256"], again["RevisionId"]) == (created["CodeSha256"], created["RevisionId"])

    def test_a_package_may_become_a_folder_and_a_package_again(self, developer: Any, folder: Folder) -> None:
        folder.save("app.py", COUNTER.format(text="folder"))
        create(developer, "f", folder.path)
        assert invoke(developer)[0] == "folder"
        developer.update_function_code(FunctionName="f", ZipFile=package(COUNTER.format(text="package")))
        assert wait_until_active(developer, "f")["CodeSize"] > 0
        assert invoke(developer)[0] == "package"
        folder.save("app.py", COUNTER.format(text="nobody's"))
        assert invoke(developer) == ["package", 2]
        developer.update_function_code(FunctionName="f", S3Bucket="hot-reload", S3Key=str(folder.path))
        wait_until_active(developer, "f")
        assert invoke(developer)[0] == "nobody's"

    def test_a_version_is_what_the_folder_was(self, developer: Any, folder: Folder) -> None:
        folder.save("app.py", COUNTER.format(text="one"))
        folder.save("package/data.txt", "x")
        folder.save(".git/HEAD", "nothing that a function runs")
        create(developer, "f", folder.path)
        first = developer.publish_version(FunctionName="f")
        assert (first["Version"], first["CodeSize"] > 0) == ("1", True)
        assert developer.publish_version(FunctionName="f")["Version"] == "1"
        folder.save("app.py", COUNTER.format(text="two"))
        assert developer.publish_version(FunctionName="f")["Version"] == "2"
        assert [invoke(developer, Qualifier=version)[0] for version in ("1", "2", "$LATEST")] == ["one", "two", "two"]
        location = developer.get_function(FunctionName="f", Qualifier="1")["Code"]["Location"]
        with urllib.request.urlopen(location) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
            assert archive.namelist() == ["app.py", "package/data.txt"]

    def test_create_and_publish_at_once(self, developer: Any, folder: Folder) -> None:
        folder.save("app.py", COUNTER.format(text="one"))
        create(developer, "f", folder.path, Publish=True)
        wait_until_active(developer, "f:1")
        folder.save("app.py", COUNTER.format(text="two"))
        assert [invoke(developer, Qualifier=version)[0] for version in ("1", "$LATEST")] == ["one", "two"]

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("src", "must be an absolute path, not src"),
            ("/there/is/none", "There is no folder /there/is/none"),
            ("/etc", "may not be made from the folder /etc"),
        ],
    )
    def test_other_folders_are_refused(self, developer: Any, key: str, message: str) -> None:
        with pytest.raises(ClientError, match=f"InvalidParameterValueException.*{message}"):
            create(developer, "f", Path(key))

    def test_a_version_of_the_object_is_refused(self, developer: Any, folder: Folder) -> None:
        with pytest.raises(ClientError, match="A folder has no versions"):
            developer.create_function(
                FunctionName="f",
                Code={"S3Bucket": "hot-reload", "S3Key": str(folder.path), "S3ObjectVersion": "1"},
                Runtime="python3.13",
                Handler="app.handler",
                Role=ROLE,
            )

    def test_a_link_to_another_folder_is_refused(self, developer: Any, folder: Folder) -> None:
        (folder.path / "link").symlink_to("/etc")
        with pytest.raises(ClientError, match="may not be made from the folder"):
            create(developer, "f", folder.path / "link")

    def test_a_link_that_is_switched_to_another_folder_later_is_refused(self, developer: Any, folder: Folder) -> None:
        folder.save("real/app.py", COUNTER.format(text="x"))
        link = folder.path / "link"
        link.symlink_to("real")
        create(developer, "f", link)
        assert invoke(developer) == ["x", 1]
        link.unlink()
        link.symlink_to("/etc")
        with pytest.raises(ClientError, match=r"InvalidZipFileException.*may not be made from the folder"):
            invoke(developer)


def package(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source)
    return buffer.getvalue()
