"""The environment variables of a runtime process.

Precedence, weakest first: what AWS sets but lets the customer change, the customer's own, what is reserved.
Source: runtime-api.md §7 (recorded from AWS; developer guide, "Defined runtime environment variables").
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.core.function import FunctionTarget
from lambent.core.report import InitializationType
from lambent.runtimes.catalogue import RUNTIMES
from lambent.runtimes.nodejs import command_line

_TASK_ROOT, _RUNTIME_DIRECTORY = "/var/task", "/var/runtime"
_LANGUAGE_PROGRAMS, _LANGUAGE_LIBRARIES = "/var/lang/bin:", "/var/lang/lib:"
_PATH = f"{_LANGUAGE_PROGRAMS}/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARY_PATH = f"{_LANGUAGE_LIBRARIES}/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
_NODE_PATH = "/opt/nodejs/node{}/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"

RUNTIME_API_ADDRESS = "127.0.0.1:9001"

# What an interpreter or its C library reads at start only, so that one already running would not see it.
_READ_AT_START = ("PYTHON", "NODE_", "UV_", "LD_", "MALLOC_", "GLIBC_", "LC_", "OPENSSL_", "OPENBLAS_", "OMP_")
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
# Set by the platform before the customer's own, for every runtime.
_CHANGEABLE = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": _PATH,
    "LD_LIBRARY_PATH": _LIBRARY_PATH,
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "SHLVL": "0",
    "PWD": _TASK_ROOT,
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a function signs its own calls with."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def interpreter_environment(runtime: str) -> dict[str, str]:
    """What an interpreter is started with before it is known for whom: what a function's has by default."""
    return {**_changeable(runtime), "LC_CTYPE": "C.UTF-8"}


def _changeable(runtime: str) -> dict[str, str]:
    """What AWS sets for a runtime and lets the customer change."""
    family = RUNTIMES[runtime].family
    changeable = dict(_CHANGEABLE)
    if family == "python":
        changeable["PYTHONPATH"] = _RUNTIME_DIRECTORY
        if int(runtime.removeprefix("python3.")) >= 12:
            changeable["LC_CTYPE"] = "C.UTF-8"
    elif family == "nodejs":
        major = runtime.removeprefix("nodejs").removesuffix(".x")
        changeable["NODE_PATH"] = _NODE_PATH.format(major)
    elif runtime == "provided.al2":
        changeable["PATH"] = _PATH.removeprefix(_LANGUAGE_PROGRAMS)
        changeable["LD_LIBRARY_PATH"] = _LIBRARY_PATH.removeprefix(_LANGUAGE_LIBRARIES)
    return changeable


def runtime_environment(
    target: FunctionTarget,
    *,
    log_stream: str,
    endpoint_url: str,
    credentials: Credentials | None,
    initialization: InitializationType = InitializationType.ON_DEMAND,
) -> dict[str, str]:
    """The complete environment of a function's runtime process.

    Args:
        endpoint_url: Lambent's own address as seen from inside; the SDKs' AWS_ENDPOINT_URL.
        credentials: None where functions have none (`serve`, until there are roles).
    """
    changeable = {**_changeable(target.runtime), "AWS_ENDPOINT_URL": endpoint_url}
    reserved = {
        "_HANDLER": target.handler,
        "AWS_REGION": target.scope.region,
        "AWS_DEFAULT_REGION": target.scope.region,
        "AWS_LAMBDA_FUNCTION_NAME": target.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": target.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(target.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization.value,
        "AWS_LAMBDA_LOG_GROUP_NAME": target.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": target.log_format,
        "AWS_LAMBDA_RUNTIME_API": RUNTIME_API_ADDRESS,
        "LAMBDA_TASK_ROOT": _TASK_ROOT,
        "LAMBDA_RUNTIME_DIR": _RUNTIME_DIRECTORY,
    }
    if RUNTIMES[target.runtime].family != "provided":
        reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{target.runtime}"
    if target.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_LEVEL"] = target.application_log_level
    if credentials is not None:
        reserved["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
        reserved["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
        reserved["AWS_SESSION_TOKEN"] = credentials.session_token
    return {**changeable, **target.environment, **reserved}


def interpreter_flags(target: FunctionTarget) -> tuple[str, ...]:
    """What the command line of a function's interpreter has between the program and its script."""
    if RUNTIMES[target.runtime].family == "nodejs":
        return command_line.interpreter_flags(target.runtime, target.memory_mb, target.environment)
    return ()


def needs_fresh_interpreter(environment: Mapping[str, str]) -> bool:
    """Whether the customer's variables take effect only in an interpreter started with them."""
    return _WRAPPER in environment or any(name == "LANG" or name.startswith(_READ_AT_START) for name in environment)
