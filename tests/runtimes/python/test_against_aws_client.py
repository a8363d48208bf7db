"""The same functions and events, given to AWS's own client and to ours: what callers and logs see is equal."""

from __future__ import annotations

import importlib.util
import json
import re
import runpy
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.runtimes.python.aws_client_process import EXITED, AwsClientProcess
from tests.runtimes.python.runtime_process import ERROR, INIT_ERROR, NEXT, Answer, RuntimeProcess

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed (a development dependency)"
)

FUNCTION = Path(__file__).parent / "functions" / "app.py"
_NAMES = runpy.run_path(str(FUNCTION))
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# A frame of a stack trace in a log: two lines, indented with ordinary or no-break spaces.
_CLIENT_FRAME = re.compile(
    r'\n[\s\xa0]*File "(?:[^"]*/(?:awslambdaric|lambent_runtime)/[^"]*|<frozen runpy>|<string>)"[^\n]*(?:\n[\s\xa0]{4,}(?!File)[^\n]*)?'
)
# The same in a JSON list.
_CLIENT_FRAME_IN_JSON = re.compile(r'"  File \\"[^"]*/(?:awslambdaric|lambent_runtime)/(?:[^"\\]|\\.)*"(?:, )?')
Pair = tuple[RuntimeProcess, AwsClientProcess]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    task_root = tmp_path / "task"
    task_root.mkdir()
    with ExitStack() as stack:
        ours = stack.enter_context(RuntimeProcess(Path(sys.executable), task_root, tmp_path / "opt"))
        yield ours, stack.enter_context(AwsClientProcess(task_root))


def comparable(answer: Answer) -> tuple[object, ...]:
    """What callers and logs see, but for the time of day and the clients' own stack frames."""
    records = [(log.frame_type, _TIMESTAMP.sub("<time>", _without_client(log.text))) for log in answer.records]
    payload: object = answer.payload
    if answer.kind in {ERROR, INIT_ERROR} and any(
        client in answer.payload for client in (b"awslambdaric", b"lambent_")
    ):
        payload = list(answer.document.items())[:-1]
    return answer.kind, answer.fields, payload, answer.printed, records


def _without_client(text: str) -> str:
    return _CLIENT_FRAME_IN_JSON.sub("", _CLIENT_FRAME.sub("", text))


EVENTS: dict[str, tuple[bytes, dict[str, str]]] = {
    **{f"answer {name}": (json.dumps({"do": ["answer", name]}).encode(), {}) for name in _NAMES["ANSWERS"]},
    **{f"log {name}": (json.dumps({"do": ["log", name]}).encode(), {}) for name in _NAMES["LOGS"]},
    **{
        name: (json.dumps({"do": ["call", name], "depth": 9}).encode(), {})
        for name in [
            "log_exception",
            "fail_deep",
            "fail_chained",
            "fail_empty",
            "fail_generated",
            "fail_group",
            "context_log",
            "describe",
            "coroutine",
        ]
    },
    "root logger": (b'{"do": ["call", "root_logger"]}', {}),
    "event echoed": ('{"do": ["call", "echo"], "é": [1.0, 1e400, -0, 12345678901234567890123]}'.encode(), {}),
    "event in utf-8": ('"é😀"'.encode(), {}),
    "event null": (b"null", {}),
    "event padded": (b" \n{} \t", {}),
    "event with byte order mark": (b"\xef\xbb\xbf{}", {}),
    "event twice the same key": (b'{"a": 1, "a": 2}', {}),
    "event empty": (b"", {}),
    "event only white space": (b"  ", {}),
    "event no utf-8": (b'{"a": "\xff"}', {}),
    "event NaN": (b"NaN", {}),
    "event incomplete": (b'{"a":', {}),
    "event with a number too long": (b"1" * 5000, {}),
    "event as bytes": (b"\x00\xffraw\x00", {"content_type": "application/octet-stream"}),
    "event as text type": (b"{}", {"content_type": "application/json; charset=utf-8"}),
    "client context": (
        b'{"do": ["call", "describe"]}',
        {"client_context": '{"custom": {"a": 1}, "env": {"b": "2"}, "client": {"app_title": "t", "other": 1}}'},
    ),
    "client context w3c": (
        b'{"do": ["call", "describe"]}',
        {"client_context": '{"custom": 1, "w3c": {"traceparent": "00-1", "tracestate": 5, "x": "y"}}'},
    ),
    "client context w3c of another type": (
        b'{"do": ["call", "describe"]}',
        {"client_context": '{"w3c": "text", "client": {}}'},
    ),
    "client context empty": (b'{"do": ["call", "describe"]}', {"client_context": "{}"}),
    "client context null": (b'{"do": ["call", "describe"]}', {"client_context": "null"}),
    "client context malformed": (b"{}", {"client_context": "{nope"}),
    "cognito identity": (
        b'{"do": ["call", "describe"]}',
        {"cognito_identity": '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}'},
    ),
    "cognito identity malformed": (b"{}", {"cognito_identity": "nope"}),
    "tenant": (b'{"do": ["call", "describe"]}', {"tenant_id": "tenant-1"}),
    "no trace": (b'{"do": ["call", "describe"]}', {"trace_id": ""}),
}


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="text"),
        pytest.param({"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}, id="text, python3.13"),
        pytest.param({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}, id="json"),
        pytest.param({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE"}, id="json, trace"),
        pytest.param({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "FATAL"}, id="json, fatal"),
        pytest.param({"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, id="text with a level"),
    ],
)
def test_events_are_answered_and_logged_as_by_aws_client(pair: Pair, environment: dict[str, str]) -> None:
    ours, theirs = pair
    shutil.copy(FUNCTION, ours.task_root)
    assert comparable(ours.initialise(environment=environment)) == comparable(
        theirs.initialise(environment=environment)
    )
    different = {}
    for name, (event, options) in EVENTS.items():
        expected = comparable(theirs.invoke(event, **options))
        found = comparable(ours.invoke(raw=event, **options))
        if found != expected:
            different[name] = {"expected": expected, "found": found}
    assert different == {}


INITIALISATIONS = {
    "no such module": ("gone.handler", ""),
    "no such package": ("pkg/sub/gone.handler", ""),
    "dotted name of nothing": ("pkg.sub.handler", ""),
    "missing dependency": ("app.handler", "import a_package_that_is_not_there"),
    "missing name of a module": ("app.handler", "from os import nothing_such"),
    "no such function": ("app.nothing", "def handler(event, context): pass"),
    "malformed": ("app", ""),
    "empty": ("", ""),
    "only a dot": (".", ""),
    "relative": ("..app.handler", ""),
    "builtin": ("sys.exit", ""),
    "builtin package": ("time.sub.x", ""),
    "syntax": ("app.handler", "def handler(event, context)\n    return 1\n"),
    "indentation": ("app.handler", "def handler(event, context):\nreturn 1\n"),
    "null bytes": ("app.handler", "x = 1\0"),
    "raises": ("app.handler", "print('said')\nraise ValueError('bad é')"),
    "raises in a function": ("app.handler", "def f():\n    raise KeyError('k')\nf()"),
    "logs and raises": ("app.handler", "import logging\nlogging.error('two\\nlines')\n1 / 0"),
    "attribute error": ("app.handler", "import os\nos.nothing_such"),
}


@pytest.mark.parametrize("environment", [{}, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}], ids=["text", "json"])
@pytest.mark.parametrize(("handler", "code"), INITIALISATIONS.values(), ids=INITIALISATIONS)
def test_a_failed_initialisation_is_reported_as_by_aws_client(
    pair: Pair, handler: str, code: str, environment: dict[str, str]
) -> None:
    ours, theirs = pair
    (ours.task_root / "app.py").write_text(code, encoding="utf-8")
    expected = comparable(theirs.initialise(handler, environment=environment))
    assert comparable(ours.initialise(handler, environment=environment)) == expected
    assert (ours.wait(), theirs.wait()) == (1, 1)


EXITS = {
    "sys.exit()": "sys.exit()",
    "sys.exit(3)": "sys.exit(3)",
    "sys.exit(True)": "sys.exit(True)",
    "sys.exit(300)": "sys.exit(300)",
    "sys.exit('text')": "sys.exit('text')",
    "os._exit(5)": "os._exit(5)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit('over')",
    "own BaseException": "raise Base('mine')",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGINT": "os.kill(os.getpid(), signal.SIGINT)",
    "abort": "os.abort()",
    "exit functions": "atexit.register(print, 'at exit'); sys.exit(4)",
    "hook": "sys.excepthook = lambda *a: print('hooked', a[0].__name__); raise Base('mine')",
    "failing str": "raise Unspeakable",
}
_EXITING = """
import atexit, os, signal, sys

class Base(BaseException): pass

class Unspeakable(Exception):
    def __str__(self): raise RuntimeError("no words")

def leave():
    print("leaving", end="", flush=True)
    %s
"""


@pytest.mark.parametrize("when", ["initialisation", "invocation"])
@pytest.mark.parametrize("way", EXITS.values(), ids=EXITS)
def test_a_process_that_ends_ends_as_under_aws_client(pair: Pair, way: str, when: str) -> None:
    ours, theirs = pair
    code = _EXITING % way + ("leave()" if when == "initialisation" else "def handler(event, context): leave()")
    (ours.task_root / "app.py").write_text(code, encoding="utf-8")
    if when == "invocation":
        assert (ours.initialise().kind, theirs.initialise().kind) == (NEXT, NEXT)
        expected = theirs.invoke(b"{}")
        ours.send_event(b"{}")
    else:
        expected = theirs.initialise()
        ours.send_init("app.handler")
    logs = ours.remaining_logs()
    assert (expected.kind, ours.wait()) == (EXITED, theirs.wait())
    printed = "".join(log.text for log in logs) + ours.rest_of_pipe()
    assert _essence(printed) == _essence(expected.printed)


def _essence(printed: str) -> list[str]:
    """First and last line, without the stack trace between them."""
    lines = printed.splitlines()
    return lines[:1] + lines[-1:]


def test_an_answer_that_is_no_text_ends_the_process_as_under_aws_client(pair: Pair) -> None:
    """From python3.12 on answers are not escaped, and a lone surrogate can't be sent."""
    ours, theirs = pair
    (ours.task_root / "app.py").write_text("def handler(event, context): return '\\ud800'", encoding="utf-8")
    environment = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
    assert (ours.initialise(environment=environment).kind, theirs.initialise(environment=environment).kind) == (
        NEXT,
        NEXT,
    )
    expected = theirs.invoke(b"{}")
    ours.send_event(b"{}")
    printed = "".join(log.text for log in ours.remaining_logs())
    assert (expected.kind, ours.wait()) == (EXITED, theirs.wait())
    assert printed.splitlines()[-1] == expected.printed.splitlines()[-1]
