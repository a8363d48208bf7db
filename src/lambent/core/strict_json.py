"""JSON documents that callers write as text within a request: policies, patterns of events.

Stricter than Python's reader: what can't be told apart, or not be written again, isn't accepted.
"""

import json
from typing import Any, NoReturn


def parse_strict(text: str) -> Any:
    """What a document says.

    Raises:
        ValueError: it isn't JSON, is nested too deeply, has a key twice in one object, a number that JSON can't have
            (`NaN`), or half of a surrogate pair.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair has no UTF-8
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is there twice")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")
