"""Who may import whom: the contracts of pyproject.toml hold, and what runs in sandboxes stands alone."""

import ast
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import lambent

_SOURCE = Path(lambent.__file__).parent
_ROOT = _SOURCE.parent.parent
_CLIENTS = sorted(_SOURCE.glob("runtimes/*/client/**/*.py"))


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(_ROOT)
    monkeypatch.syspath_prepend(str(_ROOT / "src"))
    # It sets logging up for a program of its own, and so switches off the loggers that other tests listen to.
    monkeypatch.setattr("logging.config.dictConfig", lambda _config: None)
    assert lint_imports(config_filename=str(_ROOT / "pyproject.toml"), cache_dir=str(tmp_path)) == 0


def test_every_package_is_in_a_layer() -> None:
    packages = {path.parent.name for path in _SOURCE.glob("*/__init__.py")}
    layered = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not [name for name in packages if f"lambent.{name}" not in layered]


@pytest.mark.parametrize("client", _CLIENTS, ids=lambda path: path.stem)
def test_what_runs_inside_sandboxes_needs_the_standard_library_only(client: Path) -> None:
    own = {path.stem for path in _CLIENTS} | {path.parent.name for path in _CLIENTS}
    for name in _imported(client):
        assert name in own or name in sys.stdlib_module_names, f"{client.name} imports {name}"


@pytest.mark.parametrize("client", _CLIENTS, ids=lambda path: path.stem)
def test_what_runs_inside_sandboxes_is_written_for_the_oldest_supported_python(client: Path) -> None:
    ast.parse(client.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_nobody_in_the_server_imports_what_runs_inside_sandboxes() -> None:
    clients = {path.parent.name for path in _CLIENTS if (path.parent / "__init__.py").exists()}
    server = [path for path in _SOURCE.rglob("*.py") if path not in _CLIENTS]
    assert not [path for path in server if clients & set(_imported(path))]


def _imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module.partition(".")[0])
    return names
