"""The runtimes of the table: what runs, in which package, and whose client it is."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.scenarios import builds, families
from tests.scenarios.builds import Package
from tests.scenarios.families import Family

ROOT_PYTHON = Path("/usr/bin/python3")


@dataclass(frozen=True)
class Column:
    """One way to run a function.

    Attributes:
        environment: variables that every function of it has.
        layer: what every function of it has in /opt.
        least_timeout_seconds: that leaves time to start again.
    """

    name: str
    runtime: str
    package: Package
    family: Family
    handler: str = "app.handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    layer: Package | None = None
    least_timeout_seconds: int = 1

    @property
    def is_provided(self) -> bool:
        return self.runtime.startswith("provided")

    @property
    def has_wrapper(self) -> bool:
        return "AWS_LAMBDA_EXEC_WRAPPER" in self.environment

    @property
    def is_ours(self) -> bool:
        """Whether Lambent's own client runs in it."""
        return not self.is_provided and not self.has_wrapper


def _version_of(python: Path) -> str:
    try:
        done = subprocess.run([python, "--version"], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "3.13"  # nothing will run it
    return ".".join(done.stdout.split()[1].split(".")[:2])


PYTHON = Package("python", ("python", "wrapper"), builds.copied)
NODE = Package("nodejs", ("nodejs", "wrapper"), builds.copied)
SHELL_CURL = Package("shell-curl", ("shell", "shell_curl"), builds.copied, ("curl",))
SHELL_TCP = Package("shell-tcp", ("shell", "shell_tcp"), builds.copied)
SHELL_CODE = Package("shell-code", ("shell",), builds.copied)
SHELL_LAYER = Package("shell-layer", ("shell_tcp",), builds.copied)
C = Package("c", ("c",), builds.compiled_c, ("cc",))
GO = Package("go", ("go",), builds.compiled_go, ("go",))
JAVA = Package("java", ("java",), builds.compiled_java, ("mvn", "javac", "jlink"))
RUST = Package("rust", ("rust",), builds.compiled_rust, ("cargo", "cc"))
_RIC_WRAPPER_PYTHON = "3.12"
AWSLAMBDARIC_WRAPPER = Package(
    f"awslambdaric-{_RIC_WRAPPER_PYTHON}",
    ("python", "awslambdaric_wrapper"),
    builds.with_awslambdaric(_RIC_WRAPPER_PYTHON),
)
_ROOT_PYTHON_VERSION = _version_of(ROOT_PYTHON)
AWSLAMBDARIC_BOOTSTRAP = Package(
    f"awslambdaric-bootstrap-{_ROOT_PYTHON_VERSION}",
    ("python", "awslambdaric_bootstrap"),
    builds.with_awslambdaric(_ROOT_PYTHON_VERSION),
    (str(ROOT_PYTHON),),
)
AWS_LAMBDA_RIC = Package(
    "aws-lambda-ric",
    ("nodejs", "aws_lambda_ric"),
    builds.with_aws_lambda_ric,
    ("npm", "cmake", "make", "cc", "c++", "xz"),
)

_AWS_CLIENT = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/aws-client"}

COLUMNS = (
    *(Column(f"python3.{minor}", f"python3.{minor}", PYTHON, families.PYTHON) for minor in range(9, 15)),
    *(Column(f"nodejs{major}", f"nodejs{major}.x", NODE, families.NODE) for major in (20, 22, 24)),
    Column("shell-curl", "provided.al2023", SHELL_CURL, families.BARE),
    Column("shell-tcp", "provided.al2", SHELL_TCP, families.BARE),
    Column("layer", "provided.al2023", SHELL_CODE, families.BARE, layer=SHELL_LAYER),
    Column("c", "provided.al2023", C, families.BARE),
    Column("go", "provided.al2023", GO, families.GO),
    Column("rust", "provided.al2023", RUST, families.RUST),
    Column("java", "provided.al2023", JAVA, families.JAVA, handler="app.App", least_timeout_seconds=8),
    Column(
        "awslambdaric-wrapper",
        f"python{_RIC_WRAPPER_PYTHON}",
        AWSLAMBDARIC_WRAPPER,
        families.PYTHON,
        environment=_AWS_CLIENT,
    ),
    Column("awslambdaric-bootstrap", "provided.al2023", AWSLAMBDARIC_BOOTSTRAP, families.PYTHON),
    *(
        Column(f"aws-lambda-ric-{major}", f"nodejs{major}.x", AWS_LAMBDA_RIC, families.NODE, environment=_AWS_CLIENT)
        for major in (22, 24)
    ),
)


def played_on(applies: Callable[[Column], bool]) -> pytest.MarkDecorator:
    """The scenario is played on these columns only, because it means nothing to the others."""
    columns = [column for column in COLUMNS if applies(column)]
    return pytest.mark.parametrize("column", columns, ids=[column.name for column in columns], indirect=True)
