"""Deployment packages are compiled when they are deployed, and functions can't tell but by the time it takes."""

import functools
import hashlib
import io
import json
import os
import subprocess
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lambent.runtimes.python.interpreters import Interpreter
from tests.invoke.caller import Caller
from tests.lambent_server import LambentServer, create_function, wait_until_active, zip_of

pytestmark = pytest.mark.root

PADDING = "# " + "padding " * 2_500 + "\n"
"""A package of this size is worth compiling."""

# Who reads a module's source has compiled it: `compiled` has the paths that the import system compiled here.
LOOK = """
import importlib.machinery, os, sys
compiled = []
original = importlib.machinery.SourceFileLoader.source_to_code
def source_to_code(self, data, path, *rest, **options):
    compiled.append(os.path.basename(path))
    return original(self, data, path, *rest, **options)
importlib.machinery.SourceFileLoader.source_to_code = source_to_code
"""


@pytest.fixture
def caller(lambent: LambentServer, account: str) -> Caller:
    return Caller(lambent.port, account)


@pytest.fixture
def deploy(client: Any, caller: Caller) -> Callable[..., Callable[..., Any]]:
    """Deploys a function; calling what it returns invokes it, and returns its result."""

    def deploy(files: Mapping[str, str | bytes], runtime: str = "python3.13", name: str = "fn", **settings: Any) -> Any:
        create_function(client, name, {"padding.py": PADDING, **files}, Runtime=runtime, Timeout=20, **settings)
        return lambda: json.loads(caller.invoke(name).body)

    return deploy


def handler(body: str) -> str:
    return LOOK + "def handler(event, context):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def test_a_module_is_imported_without_being_compiled(deploy: Callable[..., Any], interpreter: Interpreter) -> None:
    code = handler("""
        import package.module, os
        module = package.module
        return [compiled, module.answer(), module.__file__, os.path.basename(module.__cached__),
                module.answer.__code__.co_filename, sorted(os.listdir("/var/task")), __file__]
    """)
    files = {"app.py": code, "package/__init__.py": "", "package/module.py": "def answer():\n    return 42\n"}
    tag = interpreter.identifier.removeprefix("python").replace(".", "")
    assert deploy(files, interpreter.identifier)() == [
        [], 42, "/var/task/package/module.py", f"module.cpython-{tag}.pyc",
        "/var/task/package/module.py", ["app.py", "package", "padding.py"], "/var/task/app.py",
    ]  # fmt: skip


def test_an_executed_interpreter_uses_it_too(deploy: Callable[..., Any]) -> None:
    variables = {"Variables": {"PYTHONUNBUFFERED": "1"}}
    assert deploy({"app.py": handler("import other\nreturn compiled"), "other.py": ""}, Environment=variables)() == []


def test_an_optimized_interpreter_has_its_own(deploy: Callable[..., Any]) -> None:
    files = {"app.py": handler("import other\nreturn compiled"), "other.py": "assert False\n"}
    assert deploy(files, Environment={"Variables": {"PYTHONOPTIMIZE": "1"}})() == ["other.py"]


def test_runtimes_share_a_tree_and_have_byte_code_each(deploy: Callable[..., Any], lambent: LambentServer) -> None:
    files = {"app.py": handler("import other, sys\nreturn [compiled, sys.version_info[1]]"), "other.py": "x = 1\n"}
    assert deploy(files, "python3.12", "older")() == [[], 12]
    assert deploy(files, "python3.13", "newer")() == [[], 13]


def test_a_broken_module_fails_when_it_is_imported(deploy: Callable[..., Any], caller: Caller) -> None:
    files = {
        "app.py": """
import traceback
def handler(event, context):
    import other
    try:
        import broken
    except SyntaxError as error:
        frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        return [error.filename, error.lineno, other.__name__, frames]
""",
        "broken.py": "x = 1\ndef\n",
        "deep.py": "x = " + "-" * 500_000 + "1\n",
        "null.py": "x = '\0'\n",
        "other.py": "",
    }
    assert deploy(files)() == ["/var/task/broken.py", 2, "other", ["/var/task/app.py"]], (
        "no frames of the import system"
    )


def test_a_broken_handler_has_its_error(deploy: Callable[..., Any]) -> None:
    error = deploy({"app.py": "def handler(:\n"})()
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["stackTrace"] == ['  File "/var/task/app.py" Line 1\n    def handler(:\n']


def test_nothing_of_the_package_runs_while_it_is_compiled(deploy: Callable[..., Any]) -> None:
    spoil = """
import os
if "compiler" in os.environ.get("_HANDLER", ""):
    os._exit(1)
"""
    files = {
        "app.py": handler("import other\nreturn compiled"),
        "other.py": "",
        "spoil.py": spoil,
        "base64.py": spoil,
        "sitecustomize.py": spoil,
        "lambent_runtime/__init__.py": spoil,
        "lambent_runtime/compiler.py": spoil,
        "start.pth": "import spoil\n",
    }
    assert deploy(files)() == []


class TestOwnCache:
    """The package's own __pycache__ counts where Python would use it."""

    @staticmethod
    def look() -> str:
        return handler("import other\nreturn [compiled, other.whence]")

    @staticmethod
    def compiled(tmp_path: Path, interpreter: Interpreter, text: str, mode: str) -> bytes:
        source = tmp_path / "other.py"
        source.write_text(text)
        os.utime(source, (1_767_225_600, 1_767_225_600))  # as zip_of has it: 2026-01-01
        code = (
            "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2], dfile='/var/task/other.py',"
            f"invalidation_mode=py_compile.PycInvalidationMode.{mode})"
        )
        target = tmp_path / "other.pyc"
        subprocess.run([interpreter.executable, "-I", "-S", "-c", code, source, target], check=True)
        return target.read_bytes()

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [("TIMESTAMP", "cache"), ("UNCHECKED_HASH", "cache"), ("CHECKED_HASH", "source")],
    )
    def test_what_python_would_use_is_used(
        self, deploy: Callable[..., Any], interpreters: Any, tmp_path: Path, mode: str, expected: str
    ) -> None:
        made = self.compiled(tmp_path, interpreters.get("python3.13"), "whence = 'cache' \n", mode)
        files = {"app.py": self.look(), "other.py": "whence = 'source'\n", "__pycache__/other.cpython-313.pyc": made}
        assert deploy(files)() == [[], expected]

    def test_what_is_out_of_date_is_not(self, deploy: Callable[..., Any], interpreters: Any, tmp_path: Path) -> None:
        made = self.compiled(tmp_path, interpreters.get("python3.13"), "whence = 'another length'\n", "TIMESTAMP")
        files = {"app.py": self.look(), "other.py": "whence = 'source'\n", "__pycache__/other.cpython-313.pyc": made}
        assert deploy(files)() == [[], "source"]


def test_links_lead_nowhere(client: Any, caller: Caller, lambent: LambentServer) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content, mode in (
            ("app.py", handler("import linked.other, alias\nreturn [compiled, alias.x, linked.other.x]"), 0o100644),
            ("padding.py", PADDING, 0o100644),
            ("real/other.py", "x = 1\n", 0o100644),
            ("linked", "real", 0o120777),
            ("alias.py", "real/other.py", 0o120777),
            ("__pycache__", "real", 0o120777),
        ):
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    client.create_function(
        FunctionName="fn", Code={"ZipFile": buffer.getvalue()}, Runtime="python3.13", Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/test",
    )  # fmt: skip
    wait_until_active(client, "fn")
    assert caller.result("fn") == [["other.py", "alias.py"], 1, 1]
    tree = lambent.data_directory / "code" / hashlib.sha256(buffer.getvalue()).hexdigest()
    assert sorted(entry.name for entry in tree.iterdir()) == [
        "__pycache__",
        "alias.py",
        "app.py",
        "linked",
        "padding.py",
        "real",
    ]
    assert [entry.name for entry in (tree / "real").iterdir()] == ["other.py"]


def test_layers_are_compiled_as_they_lie_over_each_other(
    deploy: Callable[..., Any], client: Any, request: pytest.FixtureRequest
) -> None:
    arns = []
    for name, files in (
        ("lower", {"python/lib.py": "whence = 'lower'\n", "python/covered.py": "x = 1\n"}),
        ("upper", {"python/lib.py": "whence = 'upper'\n", "python/covered.py": "def\n", "python/padding.py": PADDING}),
    ):
        version = client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of(files)})
        arns.append(version["LayerVersionArn"])
        request.addfinalizer(
            functools.partial(client.delete_layer_version, LayerName=name, VersionNumber=version["Version"])
        )
    code = handler("""
        import lib
        try:
            import covered
        except SyntaxError:
            return [compiled, lib.whence, lib.__file__]
    """)
    assert deploy({"app.py": code}, Layers=arns)() == [["covered.py"], "upper", "/opt/python/lib.py"]


def test_small_packages_are_left_alone(client: Any, caller: Caller) -> None:
    create_function(client, "small", {"app.py": handler("import other\nreturn compiled"), "other.py": ""})
    assert caller.result("small") == ["other.py"]
