"""Error documents: what a function's failure looks like to its caller and in its log.

A document has AWS's four keys, in AWS's order. Stack traces begin at the function's own code: the frames of
this package before it are left out, unless there are no others (a handler that can't be called).
"""

from __future__ import annotations

import os
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
UNMARSHAL_ERROR = "Runtime.UnmarshalError"
MARSHAL_ERROR = "Runtime.MarshalError"
CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"

_PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


class RuntimeFault(Exception):
    """A failure that the runtime itself names: error_type is ``Runtime.…``."""

    def __init__(self, error_type: str, message: str, stack_trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace or []


def document_of_fault(fault: RuntimeFault, request_id: str = "") -> dict[str, object]:
    """The error document of a failure that the runtime names."""
    return _document(fault.message, fault.error_type, request_id, fault.stack_trace)


def document_of_exception(error: BaseException, request_id: str = "") -> dict[str, object]:
    """The error document of an exception that the function raised."""
    return _document(str(error), type(error).__name__, request_id, stack_trace(error))


def _document(message: str, error_type: str, request_id: str, trace: list[str]) -> dict[str, object]:
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def stack_trace(error: BaseException) -> list[str]:
    """One string for each frame, as ``traceback`` formats them but without its column markers."""
    frames = [(f.filename, f.lineno or 0, f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
    own = 0
    while own < len(frames) and is_client_file(frames[own][0]):
        own += 1
    return traceback.format_list(frames[own:] or frames)


def function_traceback(error: BaseException) -> TracebackType | None:
    """The traceback of an exception from the function's first frame on."""
    entry = error.__traceback__
    while entry is not None and is_client_file(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return entry


def is_client_file(filename: str) -> bool:
    """Whether a frame's file belongs to this package."""
    return filename.startswith(_PACKAGE)
