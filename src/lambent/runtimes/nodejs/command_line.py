"""The command line of a Node.js function's interpreter.

Source: AWS's base images (the bootstrap of nodejs20.x and later); `client/index.cjs` says what each is for.
"""

from collections.abc import Mapping

PROGRAM = "/var/lang/bin/node"
SCRIPT = "/var/runtime/lambent/index.cjs"

_OLD_SPACE_PERCENT, _SEMI_SPACE_PERCENT = 90, 5


def interpreter_flags(runtime: str, memory_mb: int, environment: Mapping[str, str]) -> tuple[str, ...]:
    """What stands between the program and its script for a function.

    Args:
        runtime: "nodejs22.x".
        memory_mb: MemorySize; V8's heap takes most of it, so that garbage is collected before the limit is met.
        environment: the customer's variables; what NODE_OPTIONS says isn't contradicted.
    """
    major = int(runtime.removeprefix("nodejs").removesuffix(".x"))
    flags = ["--expose-gc"]
    if major == 20:
        flags.append("--expose-internals")
    if major in (20, 22):
        flags.append("--no-experimental-require-module")
    if major == 22:
        flags.append("--no-experimental-detect-module")
    flags.append(f"--max-old-space-size={memory_mb * _OLD_SPACE_PERCENT // 100}")
    flags.append(f"--max-semi-space-size={max(1, memory_mb * _SEMI_SPACE_PERCENT // 100)}")
    said = {option.partition("=")[0] for option in environment.get("NODE_OPTIONS", "").replace("_", "-").split()}
    return tuple(flag for flag in flags if not said & _same(flag))


def _same(flag: str) -> set[str]:
    """The option of a flag, and its contrary."""
    option = flag.partition("=")[0]
    return {option, option.replace("--no-", "--", 1)}
