"""JSON, in and out, by the rules of AWS's Python runtimes.

AWS's client encodes with simplejson, whose rules differ from the standard library's: named tuples and
whatever else has ``_asdict`` become objects, bytes become text, and Decimal keeps its digits. The usual
answer has nothing of this in it and goes through the standard library's C encoder; only one that has
is encoded by `_Thorough`. Source: observed (awslambdaric 4.2.2 with simplejson 4.3.0).
"""

from __future__ import annotations

import decimal
import gc
import json
import json.encoder
import os
import re

from lambent_runtime import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

JSON_TYPE = "application/json"
BYTES_TYPE = "application/unknown"

_SCALARS = frozenset((str, int, float, bool, type(None)))
_PLAIN = _SCALARS | {dict, list, tuple}
_ONLY_SPACE_LEFT = re.compile(r"[ \t\n\r]*\Z")
_FIRST_WITH_UNICODE = (3, 12)
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def writes_unicode() -> bool:
    """Whether this function's runtime answers in UTF-8 as it is; those before python3.12 escape all but ASCII."""
    # No regular expression: compiling one costs a new process 0.3 ms and 0.3 MB.
    major, _, minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python")[2].partition(".")
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= _FIRST_WITH_UNICODE


class Codec:
    """Events and answers of one function."""

    def __init__(self, *, ensure_ascii: bool) -> None:
        self._ensure_ascii = ensure_ascii
        self._scan = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]  # not in typeshed
        self._encode_plain = _plain_encoder(ensure_ascii)

    def read_event(self, event: str | bytes) -> object:
        """The value of an event whose content type is JSON.

        Raises:
            RuntimeFault: it is not valid JSON in UTF-8.
        """
        try:
            text = event if isinstance(event, str) else event.decode()
            try:
                value, end = self._scan(text, 0)
            except StopIteration:
                value, end = self._scan_padded(text)
            if end != len(text):
                _refuse_more(text, end)
        except Exception as error:
            message = "Unable to unmarshal input: %s" % error
            raise errors.RuntimeFault(errors.UNMARSHAL_ERROR, message) from None
        return value

    def _scan_padded(self, text: str) -> tuple[object, int]:
        """The value of a text that doesn't begin with it: white space or a byte order mark may come before."""
        begin = len(text) - len(text.lstrip("\ufeff").lstrip(" \t\n\r"))
        try:
            value: tuple[object, int] = self._scan(text, begin)
        except StopIteration as stop:
            raise json.JSONDecodeError("Expecting value", text, stop.value) from None
        return value

    def write_answer(self, answer: object) -> tuple[str | bytes, str]:
        """The payload of an answer and its content type.

        Raises:
            RuntimeFault: something in it can't be JSON.
        """
        if isinstance(answer, bytes):
            return answer, BYTES_TYPE
        try:
            return self.encode(answer), JSON_TYPE
        except Exception as error:
            message = "Unable to marshal response: %s" % error
            raise errors.RuntimeFault(errors.MARSHAL_ERROR, message) from None

    def encode(self, value: object) -> str:
        """A value as JSON text.

        Raises:
            TypeError, ValueError, RecursionError: it can't be, or it contains itself.
        """
        try:
            text = self._encode_plain(value)
        except Exception:
            return self._encode_thoroughly(value)
        # Only now: what could be encoded has an end, so that the look through it has one, too.
        return text if _is_plain(value) else self._encode_thoroughly(value)

    def _encode_thoroughly(self, value: object) -> str:
        encoder = _Thorough(ensure_ascii=self._ensure_ascii)
        encoder.add(value)
        return "".join(encoder.parts)


def _refuse_constant(name: str) -> object:
    """NaN and Infinity may be answered but not received."""
    raise json.JSONDecodeError("Expecting value", name, 0)


def _refuse_more(text: str, end: int) -> None:
    if not _ONLY_SPACE_LEFT.match(text, end):
        raise json.JSONDecodeError("Extra data", text, end)


def _refuse(value: object) -> object:
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def _plain_encoder(ensure_ascii: bool) -> Callable[[object], str]:  # noqa: FBT001  # of this module only
    """The standard library's C encoder, made once instead of once for each answer."""
    encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, check_circular=False, default=_refuse)
    make = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # not in typeshed
    if make is None:
        return encoder.encode
    escape = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    encode = make(None, _refuse, escape, None, ": ", ", ", False, False, True)
    return lambda value: "".join(encode(value, 0))


def _is_plain(value: object) -> bool:
    """Whether a tree is made of exactly the types on which all JSON encoders agree.

    Level by level, in C: the collector knows what each container refers to.
    """
    if type(value) in _SCALARS:
        return True
    if type(value) is dict and _SCALARS.issuperset(map(type, value.values())) and _SCALARS.issuperset(map(type, value)):
        return True
    level = [value]
    types = {type(value)}
    while types <= _PLAIN:
        level = gc.get_referents(*level)
        types = set(map(type, level))
        if types <= _SCALARS:
            return True
    return False


class _Thorough:
    """Encodes any value by AWS's rules, part by part, in Python."""

    def __init__(self, *, ensure_ascii: bool) -> None:
        self.parts: list[str] = []
        self._escape = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
        self._open: set[int] = set()

    def add(self, value: object) -> None:
        simple = self._simple(value)
        if simple is not None:
            self.parts.append(simple)
            return
        if id(value) in self._open:
            raise ValueError("Circular reference detected")
        self._open.add(id(value))
        self._add_composite(value)
        self._open.discard(id(value))

    def _simple(self, value: object) -> str | None:
        if value is None:
            return "null"
        if value is True:
            return "true"
        if value is False:
            return "false"
        if isinstance(value, (str, bytes)):
            return self._escape(_text(value))
        if isinstance(value, (int, float)):
            return _number(value)
        return None

    def _add_composite(self, value: object) -> None:
        as_dict = getattr(value, "_asdict", None)
        if callable(as_dict) and not isinstance(value, type):
            fields = as_dict()
            if not isinstance(fields, dict):
                raise TypeError("_asdict() must return a dict, not %s" % type(fields).__name__)
            self._add_object(fields)
        elif isinstance(value, (list, tuple)):
            self._add_array(value)
        elif isinstance(value, dict):
            self._add_object(value)
        elif isinstance(value, decimal.Decimal):
            self.parts.append("NaN" if value.is_nan() else str(value))
        else:
            _refuse(value)

    def _add_array(self, items: list[object] | tuple[object, ...]) -> None:
        self.parts.append("[")
        separator = ""
        for item in items:
            self.parts.append(separator)
            self.add(item)
            separator = ", "
        self.parts.append("]")

    def _add_object(self, fields: dict[object, object]) -> None:
        self.parts.append("{")
        separator = ""
        for name, value in fields.items():
            self.parts.append(separator + self._escape(self._key(name)) + ": ")
            self.add(value)
            separator = ", "
        self.parts.append("}")

    def _key(self, name: object) -> str:
        if isinstance(name, (str, bytes)):
            return _text(name)
        text = self._simple(name)
        if text is None:
            raise TypeError("keys must be str, int, float, bool or None, not %s" % type(name).__name__)
        return text


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _number(value: float) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    text = float.__repr__(value)
    return _NOT_FINITE.get(text, text)
