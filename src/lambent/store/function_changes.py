"""Changes of `$LATEST`, held against what else says what it may become: pinned runtimes, and code signing configs.

Every function is a unit of work for `Database.write`.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from lambent.core.code_signing import check_untrusted
from lambent.core.function import FunctionConfiguration
from lambent.core.runtime_management import RuntimeManagement, check_runtime_change
from lambent.store import functions
from lambent.store.code_signing import config_of_function
from lambent.store.runtime_management import find_runtime_management


def replace_configuration(
    connection: Connection, current: FunctionConfiguration, changed: FunctionConfiguration
) -> bool:
    """Write `$LATEST` back if nobody changed it since it was `current`; whether that was so.

    Raises:
        InvalidParameterValue: the runtime would change, of a version that is pinned to a version of its runtime.
        CodeVerificationFailed: it would get code or layers, which the function's code signing config doesn't let in.
    """
    _check(connection, current, changed)
    return functions.replace_configuration(connection, changed, seen_revision=current.revision_id)


def replace_and_publish(
    connection: Connection,
    current: FunctionConfiguration,
    changed: FunctionConfiguration,
    make_version: Callable[[str], FunctionConfiguration],
) -> FunctionConfiguration | None:
    """`replace_configuration`, and at once the next version, which `make_version` makes for its number.

    Returns:
        the new version, or None when `$LATEST` isn't `current` any more.
    """
    _check(connection, current, changed)
    return functions.publish(connection, changed, seen_revision=current.revision_id, make_version=make_version)


def _check(connection: Connection, current: FunctionConfiguration, changed: FunctionConfiguration) -> None:
    scope, name = current.scope, current.function_name
    if current.settings.runtime != changed.settings.runtime:
        management = find_runtime_management(connection, scope, name, current.version)
        check_runtime_change(management or RuntimeManagement())
    layers = changed.settings.layers
    if changed.code != current.code or (layers and layers != current.settings.layers):
        check_untrusted(config_of_function(connection, scope, name), name)
