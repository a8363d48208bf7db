"""The environment variables of a runtime process.

Precedence, weakest first: what AWS sets but lets the customer change, the customer's own, what is reserved.
Source: runtime-api.md §7 (recorded from AWS; developer guide, "Defined runtime environment variables").
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.core.function import FunctionTarget

_TASK_ROOT, _RUNTIME_DIRECTORY = "/var/task", "/var/runtime"
_PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARY_PATH = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"

RUNTIME_API_ADDRESS = "127.0.0.1:9001"

# What an interpreter or its C library reads at start only, so that a forked one would not see it.
_READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "OPENSSL_", "OPENBLAS_", "OMP_")
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
# Set by the platform before the customer's own, so a start with these values is what the zygote had.
_CHANGEABLE = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": _PATH,
    "LD_LIBRARY_PATH": _LIBRARY_PATH,
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "PYTHONPATH": _RUNTIME_DIRECTORY,
    "SHLVL": "0",
    "PWD": _TASK_ROOT,
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a function signs its own calls with."""

    access_key_id: str
    secret_access_key: str
    session_token: str


def interpreter_environment() -> dict[str, str]:
    """What a zygote's interpreter is started with: the same that a function's starts with by default."""
    return {**_CHANGEABLE, "LC_CTYPE": "C.UTF-8"}


def runtime_environment(
    target: FunctionTarget,
    *,
    log_stream: str,
    endpoint_url: str,
    credentials: Credentials | None,
) -> dict[str, str]:
    """The complete environment of a function's runtime process.

    Args:
        endpoint_url: Lambent's own address as seen from inside; the SDKs' AWS_ENDPOINT_URL.
        credentials: None where functions have none (`serve`, until there are roles).
    """
    minor = int(target.runtime.removeprefix("python3."))
    changeable = {**_CHANGEABLE, "AWS_ENDPOINT_URL": endpoint_url}
    if minor >= 12:
        changeable["LC_CTYPE"] = "C.UTF-8"
    reserved = {
        "_HANDLER": target.handler,
        "AWS_REGION": target.scope.region,
        "AWS_DEFAULT_REGION": target.scope.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{target.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": target.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": target.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(target.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": target.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": target.log_format,
        "AWS_LAMBDA_RUNTIME_API": RUNTIME_API_ADDRESS,
        "LAMBDA_TASK_ROOT": _TASK_ROOT,
        "LAMBDA_RUNTIME_DIR": _RUNTIME_DIRECTORY,
    }
    if target.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_LEVEL"] = target.application_log_level
    if credentials is not None:
        reserved["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
        reserved["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
        reserved["AWS_SESSION_TOKEN"] = credentials.session_token
    return {**changeable, **target.environment, **reserved}


def needs_fresh_interpreter(environment: Mapping[str, str]) -> bool:
    """Whether the customer's variables take effect only in an interpreter started with them."""
    return _WRAPPER in environment or any(name == "LANG" or name.startswith(_READ_AT_START) for name in environment)
