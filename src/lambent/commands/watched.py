"""`lambent dev --watch`: functions made from folders, their runtime and handler from what is in them."""

import ast
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lambent.commands.client import LambdaClient, RequestFailed, wait_until_settled
from lambent.setting_kinds import WatchedFolder

_MODULES = ("lambda_function", "app", "main", "index", "handler")
_SCRIPTS = (".mjs", ".js", ".cjs")
_HANDLERS = ("lambda_handler", "handler")
_EXPORTS_HANDLER = re.compile(r"\bexports\.handler\b|\bexport\b[^;]*?\bhandler\b")
_MEMORY_MB = 1024
_TIMEOUT_SECONDS = 30


class Found(NamedTuple):
    """What a folder is as a function: the beginning of its runtime's identifier, and the handler."""

    family: str
    handler: str


def look_into(folder: Path) -> Found | None:
    """Runtime family and handler by the names that templates and tutorials use; None when there is no such file.

    A `bootstrap` that may be executed comes first, then Python, then JavaScript.
    """
    if os.access(folder / "bootstrap", os.X_OK) and (folder / "bootstrap").is_file():
        return Found("provided", "bootstrap")
    for module in _MODULES:
        handler = _python_handler(folder / f"{module}.py")
        if handler is not None:
            return Found("python", f"{module}.{handler}")
    for module in ("index", *_MODULES):
        for suffix in _SCRIPTS:
            script = folder / f"{module}{suffix}"
            if script.is_file() and _EXPORTS_HANDLER.search(script.read_text(encoding="utf-8", errors="replace")):
                return Found("nodejs", f"{module}.handler")
    return None


def _python_handler(module: Path) -> str | None:
    """The name of a module's handler: a function, or whatever is assigned to such a name."""
    if not module.is_file():
        return None
    try:
        body = ast.parse(module.read_bytes()).body
    except (SyntaxError, ValueError):  # it is being written; the error is shown when it is invoked
        return _HANDLERS[0] if module.stem == "lambda_function" else _HANDLERS[1]
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return next((name for name in _HANDLERS if name in names), None)


def deploy(client: LambdaClient, watched: WatchedFolder, runtimes: Sequence[str]) -> str:
    """Create a folder's function, or give the one there is this folder; its settings stay as they are.

    Args:
        runtimes: what this machine has, the newest of each family first.

    Returns:
        one line that says what it is.

    Raises:
        RequestFailed: there is nothing to run in the folder, nothing to run it with, or the server refuses it.
    """
    name = watched.function_name
    code = {"S3Bucket": "hot-reload", "S3Key": str(watched.folder)}
    try:
        found = client.call("GET", f"/{name}/configuration")
    except RequestFailed as error:
        if error.code != "ResourceNotFoundException":
            raise
        found = client.call("POST", "", {"FunctionName": name, "Code": code} | _settings(watched.folder, runtimes))
    else:
        client.call("PUT", f"/{name}/code", code)
    wait_until_settled(client, name)
    return f"{found['Runtime']}  {found['Handler']}  {watched.folder}"


def _settings(folder: Path, runtimes: Sequence[str]) -> dict[str, object]:
    if not folder.is_dir():
        raise RequestFailed(f"there is no folder {folder}")
    found = look_into(folder)
    if found is None:
        raise RequestFailed(
            f"no handler was found in {folder}: expected a function handler or lambda_handler in "
            f"{', '.join(f'{module}.py' for module in _MODULES)}, an exported handler in one of the same names with "
            f"{', '.join(_SCRIPTS)}, or an executable bootstrap; or create the function yourself, with "
            f'Code={{"S3Bucket": "hot-reload", "S3Key": "{folder}"}}'
        )
    newest = next((runtime for runtime in runtimes if runtime.startswith(found.family)), None)
    if newest is None:
        raise RequestFailed(f"{folder} wants {found.family}, which this machine doesn't have; see lambent runtime list")
    return {
        "Runtime": newest,
        "Handler": found.handler,
        "Role": "arn:aws:iam::000000000000:role/watched",
        "MemorySize": _MEMORY_MB,
        "Timeout": _TIMEOUT_SECONDS,
    }
