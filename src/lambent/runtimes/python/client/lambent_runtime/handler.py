"""From a handler string, ``pkg/module.function``, to the object to call."""

from __future__ import annotations

import importlib
import sys

from lambent_runtime import errors
from lambent_runtime.errors import RuntimeFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def resolve(handler: str) -> Callable[[object, object], object]:
    """Import the module of a handler and return its function.

    Raises:
        RuntimeFault: the string, the module or the function isn't there, or the module is no valid Python.
        Exception: whatever else the module raised while it was imported.
    Source: observed (awslambdaric 4.2.2).
    """
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        raise RuntimeFault(errors.MALFORMED_HANDLER_NAME, "Bad handler '%s': %s" % (handler, error)) from None
    module = _import(module_name)
    try:
        function: Callable[[object, object], object] = getattr(module, function_name)
    except AttributeError:
        message = "Handler '%s' missing on module '%s'" % (function_name, module_name)
        raise RuntimeFault(errors.HANDLER_NOT_FOUND, message) from None
    return function


def _import(name: str) -> object:
    if name.partition(".")[0] in sys.builtin_module_names:
        message = "Cannot use built-in module %s as a handler module" % name
        raise RuntimeFault(errors.BUILT_IN_MODULE_CONFLICT, message)
    try:
        return importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        raise RuntimeFault(errors.IMPORT_MODULE_ERROR, "Unable to import module '%s': %s" % (name, error)) from None
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise RuntimeFault(
            errors.USER_CODE_SYNTAX_ERROR, "Syntax error in module '%s': %s" % (name, error), trace
        ) from None
