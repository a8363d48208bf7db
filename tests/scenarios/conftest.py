"""The table's machinery: a server that has the runtimes, packages that are built, functions that are shared."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.runtimes.nodejs import installation
from lambent.runtimes.providers import RuntimePlaces, Runtimes
from tests.lambent_server import LambentServer
from tests.scenarios.builds import Package, Packages, locked
from tests.scenarios.columns import COLUMNS, Column
from tests.scenarios.functions_under_test import Function, deploy

_ACCOUNT = "300000000001"
_SECONDS = 120

Deploy = Callable[..., Function]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Scenarios need the isolation of root, and their fixtures the time that a first build takes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.timeout(_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest) -> Path:
    """A folder that outlives the session, for what takes long to make."""
    cache = request.config.cache
    assert cache is not None, "the scenarios need pytest's cache, which `-p no:cacheprovider` takes away"
    folder: Path = cache.mkdir("scenarios")
    return folder


@pytest.fixture(scope="session")
def packages(cache: Path) -> Packages:
    """The deployment packages of the table."""
    return Packages(cache)


@pytest.fixture(scope="session")
def runtimes(cache: Path) -> Runtimes:
    """What this machine can run."""
    installed = cache / "runtimes"
    for folder in (cache / "probes", installed):
        folder.mkdir(exist_ok=True)
    with locked(cache / "probes.lock"):
        return Runtimes(RuntimePlaces(cache / "probes", installed, os.environ, Path.home()))


@pytest.fixture(scope="session")
def lambent(tmp_path_factory: pytest.TempPathFactory, runtimes: Runtimes, cache: Path) -> Iterator[LambentServer]:
    """A `lambent dev` that finds the runtimes that the session installs."""
    flags = ("--runtimes-dir", str(cache / "runtimes"))
    server = LambentServer(tmp_path_factory.mktemp("scenarios") / "data", flags=flags).start()
    yield server
    assert server.stop() == 0
    assert server.leftovers() == []
    assert "Traceback" not in server.said()


@pytest.fixture(scope="session")
def client(lambent: LambentServer) -> Any:
    """A boto3 client."""
    return lambent.client(account=_ACCOUNT)


@pytest.fixture(params=COLUMNS, ids=lambda column: column.name)
def column(request: pytest.FixtureRequest, runtimes: Runtimes, packages: Packages, cache: Path) -> Column:
    """Each runtime in turn, installed and with its packages built; skipped where the machine hasn't what it takes."""
    column: Column = request.param
    missing = column.package.missing_tools()
    if missing:
        pytest.skip(f"{column.name} takes {', '.join(missing)}, which this machine hasn't")
    if column.runtime not in runtimes.identifiers:
        if not column.runtime.startswith("nodejs"):
            pytest.skip(f"this machine hasn't {column.runtime}")
        _install(column.runtime, runtimes, cache)
    for package in filter(None, (column.package, column.layer)):
        packages.get(package)
    return column


def _install(runtime: str, runtimes: Runtimes, cache: Path) -> None:
    with locked(cache / f"{runtime}.lock"):
        runtimes.refresh()  # another worker may have been faster
        if runtime not in runtimes.identifiers:
            installation.install(runtime, cache / "runtimes")
            runtimes.refresh()


@pytest.fixture(scope="session")
def _functions() -> dict[str, Function]:
    return {}


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def deployed(client: Any, packages: Packages, _functions: dict[str, Function], _numbers: Iterator[int]) -> Deploy:
    """Deploys a column's function; one with the same settings is used again."""

    def get(column: Column, **settings: Any) -> Function:
        key = json.dumps([column.name, settings], sort_keys=True, default=repr)
        if key not in _functions:
            package = settings.pop("package", None) or packages.get(column.package)
            if column.layer is not None:
                settings["Layers"] = [_publish(client, column.layer, packages)]
            _functions[key] = deploy(
                client, column, f"{column.name.replace('.', '-')}-{next(_numbers)}", package, **settings
            )
        return _functions[key]

    return get


def _publish(client: Any, layer: Package, packages: Packages) -> str:
    content = {"ZipFile": packages.get(layer)}
    published: str = client.publish_layer_version(LayerName=layer.name, Content=content)["LayerVersionArn"]
    return published


@pytest.fixture
def function(deployed: Deploy, column: Column) -> Function:
    """The function of the column, which other scenarios use too."""
    return deployed(column)
