"""Deployment packages of the scenarios' functions, from sources to zip files that outlive the test session.

A package is built once for all workers of a session, and again only when its sources or its recipe change.
"""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = Path(__file__).with_name("functions")
_SECONDS = 600

# Fills the second folder, which becomes the package; the first has the sources, the third outlives the build.
Recipe = Callable[[Path, Path, Path], None]


class BuildFailed(Exception):
    """A package could not be built; the message has what the tool said."""


@dataclass(frozen=True)
class Package:
    """What a function is deployed as.

    Attributes:
        sources: folders of `functions/` whose files it is made from.
        tools: programs of the machine that it takes; where one is missing, the scenarios are skipped.
        version: of the recipe, raised when the recipe changes.
    """

    name: str
    sources: tuple[str, ...]
    recipe: Recipe
    tools: tuple[str, ...] = ()
    version: int = 1

    def missing_tools(self) -> list[str]:
        return [tool for tool in self.tools if shutil.which(tool) is None]

    @property
    def key(self) -> str:
        content = hashlib.sha256(f"{self.name} {self.version}".encode())
        for path in sorted(path for folder in self.sources for path in (FUNCTIONS / folder).rglob("*")):
            if path.is_file():
                content.update(f"{path.relative_to(FUNCTIONS)} {path.stat().st_mode:o}\0".encode())
                content.update(path.read_bytes())
        return content.hexdigest()[:16]


class Packages:
    """The packages of one worker: each is looked for once, and one that can't be built isn't tried for every test."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, bytes | BuildFailed] = {}

    def get(self, package: Package) -> bytes:
        """The package as a zip file.

        Raises:
            BuildFailed: it can't be built.
        """
        if package.name not in self._known:
            try:
                self._known[package.name] = _built(package, self._cache)
            except (BuildFailed, OSError) as error:
                self._known[package.name] = BuildFailed(str(error))
        known = self._known[package.name]
        if isinstance(known, BuildFailed):
            raise known
        return known


def _built(package: Package, cache: Path) -> bytes:
    done = cache / f"{package.name}-{package.key}.zip"
    with locked(cache / f"{package.name}.lock"):
        if not done.exists():
            for old in cache.glob(f"{package.name}-*.zip"):
                old.unlink()
            new = done.with_suffix(".new")
            new.write_bytes(_build(package, cache))
            new.rename(done)
        return done.read_bytes()


def _build(package: Package, cache: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix=f"scenario-{package.name}-") as name:
        work = Path(name)
        sources, place = work / "sources", work / "package"
        place.mkdir()
        for folder in package.sources:
            shutil.copytree(FUNCTIONS / folder, sources, dirs_exist_ok=True)
        package.recipe(sources, place, cache)
        return zip_of_tree(place)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One at a time, over all workers."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def zip_of_tree(folder: Path) -> bytes:
    """A zip file of all that is in a folder, with the files' modes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), (2026, 1, 1, 0, 0, 0))
                # Everybody may read, whatever the umask was: as on AWS, what others can't read a function can't.
                entry.external_attr = (path.stat().st_mode | 0o444 | (0o111 if os.access(path, os.X_OK) else 0)) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def run(*command: str | Path, directory: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a tool.

    Raises:
        BuildFailed: it failed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(str(error)) from error
    if done.returncode != 0:
        raise BuildFailed(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


# --- recipes ---


def copied(sources: Path, place: Path, cache: Path) -> None:
    """The sources are the package."""
    shutil.copytree(sources, place, dirs_exist_ok=True)


def compiled_c(sources: Path, place: Path, cache: Path) -> None:
    """Linked with the host's C library, which the root file system has."""
    run("cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", place / "bootstrap", "bootstrap.c", directory=sources)


def compiled_go(sources: Path, place: Path, cache: Path) -> None:
    """As AWS's documentation says for provided.al2023: a static program, without the RPC of go1.x."""
    environment = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    run(
        "go",
        "build",
        "-tags",
        "lambda.norpc",
        "-o",
        place / "bootstrap",
        ".",
        directory=sources,
        environment=environment,
    )


def compiled_rust(sources: Path, place: Path, cache: Path) -> None:
    """Dependencies stay compiled in the cache."""
    target = cache / "rust-target"
    run("cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target, directory=sources)
    shutil.copy2(target / "release" / "bootstrap", place)


def compiled_java(sources: Path, place: Path, cache: Path) -> None:
    """AWS's client for Java as Maven Central has it, and of the machine's Java as much as they take."""
    place = place.resolve()
    jars = f"-DoutputDirectory={place / 'lib'}"
    run("mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", jars, directory=sources)
    run("javac", "-Xlint:all,-processing", "-cp", f"{place}/lib/*", "-d", place, "App.java", directory=sources)
    modules = (
        "--add-modules",
        "java.base,java.logging,jdk.unsupported",
        "--strip-java-debug-attributes",
        "--compress=2",
    )
    run("jlink", *modules, "--no-man-pages", "--no-header-files", "--output", place / "jre", directory=sources)
    shutil.copy2(sources / "bootstrap", place)


def with_awslambdaric(python: str) -> Recipe:
    """AWS's client for Python as PyPI has it, for one Python version."""

    def recipe(sources: Path, place: Path, cache: Path) -> None:
        copied(sources, place, cache)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        options = ("--only-binary=:all:", "--python-version", python, "--target", place)
        run(*pip, *options, "awslambdaric>=4,<5", directory=sources)

    return recipe


def with_aws_lambda_ric(sources: Path, place: Path, cache: Path) -> None:
    """AWS's client for Node.js as npm has it; its native part is compiled, by its own scripts.

    They are called by name because npm is about to no longer run what a package brings along.
    """
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", directory=sources)
    modules = sources / "node_modules"
    for script in ("preinstall", "postinstall"):
        run("npm", "run", script, directory=modules / "aws-lambda-ric")
    shutil.rmtree(modules / "aws-lambda-ric" / "deps")
    for path in modules.iterdir():
        if path.name not in {"aws-lambda-ric", "@aws"}:  # only the build took the others
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copied(sources, place, cache)
