"""The functions that are measured, as deployment packages.

What AWS or others publish is taken from the development environment as pip has installed it there, so that a run needs
no network; compiled parts then fit the Python version that the bench itself runs on.
"""

import io
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

_FUNCTIONS = Path(__file__).with_name("functions")
_AWSLAMBDARIC = ("awslambdaric", "simplejson", "snapshot-restore-py")
_REQUESTS = ("requests", "certifi", "charset-normalizer", "idna", "urllib3")
_BOTO3 = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
_NODE_OPTIONS = "--enable-source-maps"
"""What functions that are bundled set most; any value has Node executed anew."""


@dataclass(frozen=True, slots=True)
class Package:
    """A deployment package and the settings that belong to it."""

    code: bytes
    runtime: str
    handler: str = "app.handler"
    environment: Mapping[str, str] = field(default_factory=dict)


def python(runtime: str, mark: object) -> Package:
    """Hello in Python, that can also be told to take some seconds.

    Args:
        mark: goes into the code and the answer, so that different marks are different packages.
    """
    code = _hello("hello.py", mark)
    return Package(_zip({"app.py": code}), runtime)


def python_executed(runtime: str, mark: object) -> Package:
    """The same, in an interpreter of its own, because of a variable that is read at its start."""
    package = python(runtime, mark)
    return Package(package.code, runtime, environment={"PYTHONUNBUFFERED": "1"})


def awslambdaric(runtime: str, mark: object) -> Package:
    """Hello in Python, run by AWS's own client."""
    files: dict[str, str | bytes] = {"app.py": _hello("hello.py", mark), **_vendored(*_AWSLAMBDARIC)}
    files["run-awslambdaric"] = f'#!/bin/sh\nexec /var/lang/bin/{runtime} -m awslambdaric "$_HANDLER"\n'
    return Package(
        _zip(files, executables=("run-awslambdaric",)),
        runtime,
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/run-awslambdaric"},
    )


def with_requests(runtime: str) -> Package:
    """Hello in Python that imports requests."""
    code = _hello("hello.py", "requests") + "\n\nimport requests\n"
    return Package(_zip({"app.py": code, **_vendored(*_REQUESTS)}), runtime)


def with_boto3(runtime: str) -> Package:
    """Hello in Python that brings boto3 and makes a client of S3."""
    code = _hello("hello.py", "boto3") + "\n\nimport boto3\n\nboto3.client('s3')\n"
    return Package(_zip({"app.py": code, **_vendored(*_BOTO3)}), runtime)


def node(runtime: str, mark: object, *, executed: bool = False) -> Package:
    """Hello in JavaScript."""
    code = _hello("hello.mjs", mark)
    return Package(
        _zip({"index.mjs": code}), runtime, "index.handler", {"NODE_OPTIONS": _NODE_OPTIONS} if executed else {}
    )


def streaming_node(runtime: str) -> Package:
    """Streams, and says when it does."""
    return Package(_zip({"index.mjs": source("streaming.mjs")}), runtime, "index.handler")


def provided(bootstrap: bytes, mark: object) -> Package:
    """Hello that brings its runtime."""
    files: dict[str, str | bytes] = {"bootstrap": bootstrap, "mark": str(mark)}
    return Package(_zip(files, executables=("bootstrap",)), "provided.al2023", "none")


def compiled_bootstrap() -> bytes:
    """The runtime in C, compiled on this machine; static, as Go's programs are."""
    with tempfile.TemporaryDirectory(prefix="lambent-bench-") as folder:
        program = Path(folder, "bootstrap")
        command = [
            "cc",
            "-O2",
            "-Wall",
            "-Werror",
            "-static",
            "-s",
            "-o",
            str(program),
            str(_FUNCTIONS / "bootstrap.c"),
        ]
        subprocess.run(command, check=True)
        return program.read_bytes()


def probe(runtime: str) -> Package:
    """Tries what must be refused; see functions/probe.py."""
    return Package(_zip({"app.py": source("probe.py")}), runtime)


def source(name: str) -> str:
    """A file of the folder of functions."""
    return (_FUNCTIONS / name).read_text(encoding="utf-8")


def _hello(name: str, mark: object) -> str:
    return source(name).replace('MARK = "world"', f'MARK = "{mark}"')


def _vendored(*distributions: str) -> dict[str, bytes]:
    """The files of installed distributions, as `pip install --target` would lay them out, without byte code."""
    return {
        str(path): Path(str(path.locate())).read_bytes()
        for distribution in distributions
        for path in metadata.files(distribution) or ()
        if ".." not in path.parts and "__pycache__" not in path.parts
    }


def _zip(files: Mapping[str, str | bytes], *, executables: tuple[str, ...] = ()) -> bytes:
    """An archive whose entries everybody may read, as AWS asks for; zipfile's own default is 0600."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name in executables else 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
