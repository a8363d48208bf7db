"""Compare an answer with a golden sample: what AWS answered, with placeholders for what differs from call to call.

The samples and their rules are `../shared/data/answers` of the project's root (its README is the specification); a
clone that doesn't have the folder skips the tests. What a sample asks for is built with `fill`, what the server answered
is checked with `assert_answer`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ANSWERS = Path(__file__).parent.parent.parent / "shared" / "data" / "answers"

_PLACEHOLDER = re.compile(r"<[^<>]+>")
_REPEATED = re.compile(r"<(\d+) times (\w)>")

_PATTERNS = {
    "account": r"\d{12}",
    "region": r"[a-z]{2}-[a-z]+-\d",
    "other-region": r"[a-z]{2}-[a-z]+-\d",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "date": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:\+0000|\d{3}Z)",  # the latter of function URLs
    "csc-id": r"csc-[a-z0-9]{17}",
    "sha256": r"[A-Za-z0-9+/]{43}=",
    "runtime-version": r"[0-9a-f]{64}",
    "url": r"https?://\S+",
    "function-url": r"https?://[a-z0-9]{32}\.lambda-url\.\S+/",
    "minimum": r"\d+",
    "unreserved": r"\d+",
}
_DIFFERS_EACH_TIME = {"uuid", "date", "sha256", "url", "function-url"}
_INTEGERS = {"<size>", "<number>"}
_COMPARES_TEXT_ONLY = "error not in the service model"
_KEY_CASE_UNKNOWN = "recorded were code and text only"


@dataclass(frozen=True)
class Sample:
    """One recorded request and its answer."""

    operation: str
    when: str
    request: dict[str, Any]
    status: int
    body: Any
    error: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def samples(file: str) -> list[Sample]:
    """Every sample of one file, none where the folder is absent."""
    path = ANSWERS / f"{file}.json"
    if not path.exists():
        return []
    fields = Sample.__dataclass_fields__
    return [
        Sample(**{name: value for name, value in document.items() if name in fields})
        for document in json.loads(path.read_text())
    ]


def sample(file: str, operation: str, when: str) -> Sample:
    """The sample of a situation; skips the test where the folder is absent."""
    found = [one for one in samples(file) if (one.operation, one.when) == (operation, when)]
    if not found and not ANSWERS.exists():
        pytest.skip("the golden samples are not part of a clone")
    assert len(found) == 1, f"{len(found)} samples of {operation} when {when!r} in {file}.json"
    return found[0]


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """A request with each placeholder replaced by its value; a value that isn't text must stand alone."""
    if isinstance(template, Mapping):
        return {fill(name, values): fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    if template[1:-1] in values and _PLACEHOLDER.fullmatch(template):
        return values[template[1:-1]]
    return _PLACEHOLDER.sub(lambda match: str(_value_of(match[0], values)), template)


def assert_answer(sample: Sample, answer: Answer, values: Mapping[str, Any]) -> None:
    """Status, error code, keys and values are those of the sample.

    Args:
        values: what the test used for the placeholders of the request; the answer must say the same.
    """
    body = json.loads(answer.body) if answer.body else None
    assert answer.status == sample.status, f"status {answer.status}, AWS answers {sample.status}: {body}"
    if sample.error is not None:
        code = answer.headers.get("x-amzn-errortype", "").split(":")[0]
        assert code == sample.error, f"error {code!r}, AWS answers {sample.error}: {body}"
    bindings = {name: value for name, value in values.items() if isinstance(value, str)}
    if (sample.note or "").startswith((_COMPARES_TEXT_ONLY, _KEY_CASE_UNKNOWN)):
        _compare(_text_of(sample.body), _text_of(body), "message", bindings)
        return
    _compare(sample.body, body, "", bindings)
    for path in sample.absent:
        assert not _is_present(path, body, answer.headers), f"{path} is in the answer, AWS doesn't send it: {body}"


def _text_of(body: Any) -> Any:
    return body.get("message", body.get("Message"))


def _compare(expected: Any, actual: Any, path: str, bindings: dict[str, str]) -> None:
    if isinstance(expected, dict) and "$json" in expected:
        assert isinstance(actual, str), f"{path} is {actual!r}, AWS sends a text that is JSON"
        _compare(expected["$json"], json.loads(actual), path, bindings)
    elif isinstance(expected, dict):
        assert isinstance(actual, dict), f"{path or 'body'} is {actual!r}, AWS sends an object"
        missing, added = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        assert not missing, f"{path or 'body'} lacks {sorted(missing)}"
        assert not added, f"{path or 'body'} has {sorted(added)}, which AWS doesn't send"
        for name, value in expected.items():
            _compare(value, actual[name], f"{path}.{name}".lstrip("."), bindings)
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{path} is {actual!r}, AWS sends a list"
        assert len(actual) == len(expected), f"{path} has {len(actual)} items, AWS sends {len(expected)}"
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            _compare(one, other, f"{path}[{index}]", bindings)
    elif expected in _INTEGERS:
        assert type(actual) is int, f"{path} is {actual!r}, AWS sends a whole number"
        assert actual >= 0, f"{path} is negative: {actual}"
    elif expected == "<epoch>":
        assert type(actual) in {int, float}, f"{path} is {actual!r}, AWS sends seconds since 1970"
    elif isinstance(expected, str) and _PLACEHOLDER.search(expected):
        _match(expected, actual, path, bindings)
    else:
        assert actual == expected, f"{path} is {actual!r}, AWS sends {expected!r}"


def _match(expected: str, actual: Any, path: str, bindings: dict[str, str]) -> None:
    assert isinstance(actual, str), f"{path} is {actual!r}, AWS sends text like {expected!r}"
    captured: dict[str, str] = {}
    pattern, end = "", 0
    for placeholder in _PLACEHOLDER.finditer(expected):
        pattern += re.escape(expected[end : placeholder.start()])
        pattern += _pattern_of(placeholder[0], bindings, captured)
        end = placeholder.end()
    match = re.fullmatch(pattern + re.escape(expected[end:]), actual, re.DOTALL)
    assert match is not None, f"{path} is {actual!r}, AWS sends {expected!r} (with {bindings})"
    bindings.update({name: match[group] for group, name in captured.items()})


def _pattern_of(placeholder: str, bindings: Mapping[str, str], captured: dict[str, str]) -> str:
    name = placeholder[1:-1]
    repeated = _REPEATED.fullmatch(placeholder)
    if repeated:
        return re.escape(repeated[2] * int(repeated[1]))
    if name in _DIFFERS_EACH_TIME:
        return _PATTERNS[name]
    if name in bindings:
        return re.escape(bindings[name])
    group = f"placeholder{len(captured)}"
    if name in captured.values():
        return f"(?P={next(known for known, of in captured.items() if of == name)})"
    captured[group] = name
    return f"(?P<{group}>{_PATTERNS.get(name.split(':')[0], '.+?')})"


def _value_of(placeholder: str, values: Mapping[str, Any]) -> Any:
    repeated = _REPEATED.fullmatch(placeholder)
    if repeated:
        return repeated[2] * int(repeated[1])
    assert placeholder[1:-1] in values, f"the test has no value for {placeholder}"
    return values[placeholder[1:-1]]


def _is_present(path: str, body: Any, headers: Mapping[str, str]) -> bool:
    if path.startswith("header "):
        return path.removeprefix("header ").lower() in headers
    found = [body]
    for name in path.split("."):
        found = [one.get(name.removesuffix("[]")) for one in found if isinstance(one, dict)]
        if name.endswith("[]"):
            found = [item for items in found if isinstance(items, list) for item in items]
    return any(one is not None for one in found)
