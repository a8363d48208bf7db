"""What a Node.js function sees and says, under each Node.js that is a runtime identifier and is on this machine.

What is expected of nodejs24.x was observed of AWS's client 4.0.2, of the earlier ones of 3.3.0.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lambent.runtimes.nodejs.interpreters import IDENTIFIERS, NodeInterpreter, discover, major_version
from tests.runtimes.nodejs.client_process import ENTRY, NodeProcess
from tests.runtimes.python.runtime_process import (
    ARN,
    CHUNK,
    CREDIT,
    ERROR,
    INIT_ERROR,
    LOG,
    NEXT,
    REQUEST_ID,
    RESPONSE,
    STREAM_END,
    STREAM_ERROR,
    STREAM_START,
    TRACE_ID,
)

Start = Callable[..., NodeProcess]

INFO_TEXT, WARN_TEXT, ERROR_TEXT = 0xA55A000F, 0xA55A0013, 0xA55A0017
INFO_JSON, ERROR_JSON, FATAL_JSON = 0xA55A000E, 0xA55A0016, 0xA55A001A
FIRST_WITHOUT_CALLBACKS = 24
ECHO = "exports.handler = async (event) => event;\n"
PAUSE = "await new Promise((resolve) => setTimeout(resolve, 20));"


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NodeInterpreter]:
    folder = tmp_path_factory.mktemp("node")
    return discover(
        folder / "cache.json",
        architecture=platform.machine().replace("aarch64", "arm64"),
        environment=os.environ,
        home=Path.home(),
        installed=folder,
    )


@pytest.fixture(params=IDENTIFIERS)
def node(request: pytest.FixtureRequest, interpreters: dict[str, NodeInterpreter]) -> NodeInterpreter:
    if request.param not in interpreters:
        pytest.skip(f"no Node.js for {request.param} on this machine")
    return interpreters[request.param]


@pytest.fixture
def major(node: NodeInterpreter) -> int:
    return major_version(node.identifier)


@pytest.fixture
def start(node: NodeInterpreter, major: int, tmp_path: Path) -> Iterator[Start]:
    """Starts a process on a function's files; names that begin with opt/ or runtime/ are beside them."""
    (tmp_path / "task").mkdir()
    with ExitStack() as stack:

        def start(files: dict[str, str], *, stem: bool = False) -> NodeProcess:
            for name, content in files.items():
                path = tmp_path / (name if name.startswith(("opt/", "runtime/")) else f"task/{name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            return stack.enter_context(
                NodeProcess(node.executable, major, tmp_path / "task", tmp_path / "opt", stem=stem)
            )

        yield start


@pytest.fixture
def callbacks(major: int) -> bool:
    """Whether this runtime has them."""
    return major < FIRST_WITHOUT_CALLBACKS


@pytest.fixture
def with_callbacks(callbacks: bool) -> None:
    if not callbacks:
        pytest.skip("this runtime has no callbacks")


class TestHandlers:
    @pytest.mark.parametrize(
        ("handler", "files"),
        [
            ("app.handler", {"app.js": ECHO}),
            ("app.handler", {"app.cjs": ECHO}),
            ("app.handler", {"app.mjs": "export const handler = async (event) => event;"}),
            (
                "app.handler",
                {"app.mjs": "const handler = await (async (event) => async (e) => e)(); export { handler };"},
            ),
            (
                "app.handler",
                {"app.js": "export const handler = async (event) => event;", "package.json": '{"type": "module"}'},
            ),
            ("dir/sub/app.handler", {"dir/sub/app.js": ECHO}),
            ("app.a.b.handler", {"app.js": "exports.a = {b: {handler: async (event) => event}};"}),
            (
                "app.handler",
                {"app.js": "const name = 'hand' + 'ler'; module.exports = {[name]: async (event) => event};"},
            ),
            ("app.handler", {"node_modules/app/index.js": ECHO}),
        ],
        ids=["js", "cjs", "mjs", "top-level await", "type module", "folder", "nested", "dynamic", "package"],
    )
    @pytest.mark.parametrize("stem", [False, True], ids=["executed", "stem"])
    def test_a_handler_is_found_and_called(self, start: Start, handler: str, files: dict[str, str], stem: bool) -> None:
        runtime = start(files, stem=stem)
        assert runtime.initialise(handler).kind == NEXT
        answer = runtime.invoke({"a": [1, None, "é😀"]})
        assert (answer.kind, answer.fields) == (RESPONSE, [REQUEST_ID, "application/json"])
        assert answer.payload == '{"a":[1,null,"é😀"]}'.encode()

    @pytest.mark.parametrize(
        ("handler", "code", "error_type", "message"),
        [
            ("app.handler", None, "Runtime.ImportModuleError", "Error: Cannot find module 'app'\nRequire stack:\n- "),
            ("app.handler", "require('absent');", "Runtime.ImportModuleError", "Error: Cannot find module 'absent'\n"),
            ("app.handler", "exports.a = async( => 1;", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token"),
            ("app.handler", "exports.a = 1;", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
            ("app.a", "exports.a = 1;", "Runtime.HandlerNotFound", "app.a is not a function"),
            ("app", ECHO, "Runtime.MalformedHandlerName", "Bad handler"),
            ("../app.a", ECHO, "Runtime.MalformedHandlerName", "'../app.a' is not a valid handler name. "),
            ("app.handler", "throw new RangeError('top');", "RangeError", "top"),
        ],
    )
    def test_a_handler_that_cannot_be_loaded_is_an_init_error(
        self, start: Start, callbacks: bool, handler: str, code: str | None, error_type: str, message: str
    ) -> None:
        runtime = start({} if code is None else {"app.js": code})
        answer = runtime.initialise(handler)
        assert (answer.kind, answer.fields) == (INIT_ERROR, [error_type])
        assert list(answer.document) == ["errorType", "errorMessage", "trace"]
        assert answer.document["errorType"] == error_type
        assert str(answer.document["errorMessage"]).startswith(message)
        (record,) = answer.records
        heading = "\tundefined\tERROR\tUncaught Exception \t" if callbacks else "\t-\tERROR\tInit Error \t"
        assert heading + f'{{"errorType":"{error_type}","errorMessage":' in record.text
        assert record.frame_type == ERROR_TEXT
        assert runtime.wait() == (129 if callbacks else 1)

    def test_the_require_stack_names_aws_client(self, start: Start, tmp_path: Path) -> None:
        document = start({}).initialise().document
        assert document["errorMessage"] == (
            f"Error: Cannot find module 'app'\nRequire stack:\n- {tmp_path}/runtime/index.mjs"
        )

    def test_callback_handlers_are_refused_from_nodejs24_on(self, start: Start, callbacks: bool) -> None:
        answer = start({"app.js": "exports.handler = (event, context, callback) => callback(null, 1);"}).initialise()
        if callbacks:
            assert answer.kind == NEXT
        else:
            assert answer.fields == ["Runtime.CallbackHandlerDeprecated"]
            assert str(answer.document["errorMessage"]).startswith(
                "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24."
            )

    def test_a_top_level_that_waits_for_nothing_ends_the_process(self, start: Start, callbacks: bool) -> None:
        runtime = start({"app.mjs": "await new Promise(() => {});"})
        runtime.send_init()
        assert runtime.wait() == (13 if callbacks else 0)


class TestAnswers:
    @pytest.mark.parametrize(
        ("body", "payload"),
        [
            ("async () => undefined", "null"),
            ("async () => ({a: undefined, b: new Date(0)})", '{"b":"1970-01-01T00:00:00.000Z"}'),
            ("async () => 'text'", '"text"'),
            ("async () => 'x'.repeat(1 << 20).length", "1048576"),
            (f"async () => {{ {PAUSE} return 1; }}", "1"),
        ],
    )
    def test_a_result_is_answered_as_json(self, start: Start, body: str, payload: str) -> None:
        runtime = start({"app.js": f"exports.handler = {body};"})
        runtime.initialise()
        for _ in range(3):
            assert runtime.invoke().payload.decode() == payload

    @pytest.mark.parametrize(
        ("value", "message", "late_type"),
        [
            ("1n", "Unable to stringify response body", "Runtime.JSONStringifyError"),
            ("globalThis", "Unable to stringify response body", "Runtime.JSONStringifyError"),
            ("() => 1", "Wrong arguments", "TypeError"),
        ],
    )
    def test_a_result_that_cannot_be_json_is_an_error(
        self, start: Start, callbacks: bool, value: str, message: str, late_type: str
    ) -> None:
        runtime = start({"app.js": f"exports.handler = async () => {value};"})
        runtime.initialise()
        answer = runtime.invoke()
        assert answer.kind == ERROR
        early_type = "TypeError" if late_type == "TypeError" else "Error"
        assert answer.document["errorType"] == (early_type if callbacks else late_type)
        assert answer.document["errorMessage"] == message

    def test_large_events_and_answers(self, start: Start) -> None:
        runtime = start({"app.js": ECHO})
        runtime.initialise()
        for size in (262144 - 300, 262144, 6_000_000):
            assert len(runtime.invoke("x" * size).payload) == size + 2

    def test_an_event_that_fills_the_read_buffer_exactly(self, start: Start) -> None:
        runtime = start({"app.js": ECHO})
        runtime.initialise()
        runtime.invoke("x")
        for size in range(262144 - 340, 262144 - 240):
            assert len(runtime.invoke("x" * size).payload) == size + 2

    def test_a_synchronous_handler_answers_its_value_from_nodejs24_on(self, start: Start, callbacks: bool) -> None:
        runtime = start({"app.js": "exports.handler = () => 7;"})
        runtime.initialise()
        assert runtime.invoke().json == (None if callbacks else 7)

    def test_a_promise_that_nobody_settles(self, start: Start, callbacks: bool) -> None:
        runtime = start({"app.js": "exports.handler = () => new Promise(() => {});"})
        runtime.initialise()
        if callbacks:
            assert runtime.invoke().json is None
            assert runtime.invoke().json is None
        else:
            runtime.send_event(b"{}")
            assert runtime.wait() == 0


@pytest.mark.usefixtures("with_callbacks")
class TestCallbacks:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("callback(null, {a: 1})", {"a": 1}),
            ("callback()", None),
            ("setTimeout(() => callback(null, 2), 5)", 2),
            ("context.succeed(3)", 3),
            ("context.done(null, 4)", 4),
            ("callback(null, 1); callback(null, 2)", 1),
            ("context.succeed(5); return 6", 5),
        ],
    )
    def test_the_ways_to_answer(self, start: Start, body: str, expected: object) -> None:
        runtime = start({"app.js": f"exports.handler = (event, context, callback) => {{ {body}; }};"})
        runtime.initialise()
        assert runtime.invoke().json == expected
        assert runtime.invoke().json == expected

    @pytest.mark.parametrize("body", ["callback(new TypeError('no'))", "context.fail(new TypeError('no'))"])
    def test_the_ways_to_fail(self, start: Start, body: str) -> None:
        runtime = start({"app.js": f"exports.handler = (event, context, callback) => {{ {body}; }};"})
        runtime.initialise()
        answer = runtime.invoke()
        assert (answer.document["errorType"], answer.document["errorMessage"]) == ("TypeError", "no")
        assert "\tERROR\tInvoke Error \t" in answer.records[0].text

    @pytest.mark.parametrize(("waits", "records"), [("true", 1), ("false", 0)])
    def test_a_callback_waits_for_an_empty_event_loop(self, start: Start, waits: str, records: int) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = (event, context, callback) => {"
                f"context.callbackWaitsForEmptyEventLoop = {waits};"
                "setTimeout(() => console.log('later'), 40); callback(null, 1); };"
            }
        )
        runtime.initialise()
        answer = runtime.invoke()
        assert answer.json == 1
        assert len(answer.records) == records

    def test_a_result_that_cannot_be_json_after_the_event_loop_ends_the_process(self, start: Start) -> None:
        runtime = start({"app.js": "exports.handler = (event, context, callback) => callback(null, 1n);"})
        runtime.initialise()
        runtime.send_event(b"{}")
        answer = runtime._answer()
        assert answer.document["errorMessage"] == "Unable to stringify response body"
        assert "\tERROR\tUncaught Exception \t" in answer.records[0].text
        assert runtime.wait() == 129


class TestErrors:
    def test_an_error_is_answered_and_logged(self, start: Start) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async () => {\n"
                "  throw Object.assign(new RangeError('bad\\nly'), {code: 'E1', detail: {a: 1}});\n};"
            }
        )
        runtime.initialise()
        answer = runtime.invoke()
        assert (answer.kind, answer.fields) == (ERROR, [REQUEST_ID, ""])
        document = answer.document
        assert (document["errorType"], document["errorMessage"]) == ("RangeError", "bad\nly")
        trace = document["trace"]
        assert isinstance(trace, list)
        assert trace[:2] == ["RangeError: bad", "ly"]
        assert f"{runtime.task_root}/app.js:2:" in trace[2]
        assert not any("channel" in line for line in trace), "of the client, only what calls the handler"
        (record,) = answer.records
        assert record.frame_type == ERROR_TEXT
        assert record.text.endswith("\n")
        head, _, text = record.text.partition("Invoke Error \t")
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{REQUEST_ID}\tERROR\t", head)
        logged = json.loads(text)
        assert list(logged) == ["errorType", "errorMessage", "code", "detail", "stack"]
        assert runtime.invoke().kind == ERROR, "the process goes on"

    @pytest.mark.parametrize(
        ("value", "document"),
        [
            ("'text'", {"errorType": "string", "errorMessage": "text", "trace": []}),
            ("42", {"errorType": "number", "errorMessage": "42", "trace": []}),
            ("{a: 1}", {"errorType": "object", "errorMessage": "[object Object]", "trace": []}),
        ],
    )
    def test_anything_can_be_thrown(self, start: Start, value: str, document: object) -> None:
        runtime = start({"app.js": f"exports.handler = async () => {{ throw {value}; }};"})
        runtime.initialise()
        assert runtime.invoke().json == document

    @pytest.mark.parametrize(
        ("code", "error_type", "message", "heading", "status"),
        [
            (
                "Promise.reject(new Error('lost'))",
                "Runtime.UnhandledPromiseRejection",
                "Error: lost",
                "Unhandled Promise Rejection",
                128,
            ),
            ("setTimeout(() => { throw new TypeError('late'); }, 1)", "TypeError", "late", "Uncaught Exception", 129),
        ],
        ids=["rejection", "exception"],
    )
    def test_an_error_that_nobody_catches_ends_the_process(
        self, start: Start, callbacks: bool, code: str, error_type: str, message: str, heading: str, status: int
    ) -> None:
        runtime = start({"app.js": f"exports.handler = async () => {{ {code}; {PAUSE} return 1; }};"})
        runtime.initialise()
        runtime.send_event(b"{}")
        if not callbacks:
            assert runtime.wait() == 1
            assert message in runtime.rest_of_pipe()
            return
        answer = runtime._answer()
        assert (answer.document["errorType"], answer.document["errorMessage"]) == (error_type, message)
        assert f'\tERROR\t{heading} \t{{"errorType":"{error_type}"' in answer.records[0].text
        assert runtime.wait() == status

    def test_exit_status_and_last_words(self, start: Start) -> None:
        runtime = start({"app.js": "exports.handler = async () => { console.log('bye'); process.exit(7); };"})
        runtime.initialise()
        runtime.send_event(b"{}")
        assert [log.text.split("\t")[-1] for log in runtime.remaining_logs()] == ["bye\n"]
        assert runtime.wait() == 7

    def test_a_signal_ends_the_process(self, start: Start) -> None:
        runtime = start({"app.js": "exports.handler = async () => process.kill(process.pid, 'SIGKILL');"})
        runtime.initialise()
        runtime.send_event(b"{}")
        assert runtime.wait() == -signal.SIGKILL

    @pytest.mark.parametrize("stem", [False, True], ids=["executed", "stem"])
    def test_the_process_ends_with_the_server(self, start: Start, stem: bool) -> None:
        runtime = start({"app.js": ECHO}, stem=stem)
        runtime.initialise()
        runtime.channel.close()
        assert runtime.wait() == 1


class TestLogs:
    def test_text(self, start: Start) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async () => {"
                "console.log('a\\nb', {x: 1}, '%d', 3); console.info('%s-%d', 's', 4); console.warn([1]);"
                "console.error('e'); console.debug('d'); console.trace('t'); console.fatal('f'); console.log(); };"
            }
        )
        runtime.initialise()
        records = runtime.invoke().records
        assert [(log.frame_type & 0xFF, *log.text.split("\t")[1:]) for log in records] == [
            (0x0F, REQUEST_ID, "INFO", "a\nb { x: 1 } %d 3\n"),
            (0x0F, REQUEST_ID, "INFO", "s-4\n"),
            (0x13, REQUEST_ID, "WARN", "[ 1 ]\n"),
            (0x17, REQUEST_ID, "ERROR", "e\n"),
            (0x0B, REQUEST_ID, "DEBUG", "d\n"),
            (0x07, REQUEST_ID, "TRACE", "t\n"),
            (0x1B, REQUEST_ID, "FATAL", "f\n"),
            (0x0F, REQUEST_ID, "INFO", "undefined\n"),
        ]
        assert all(abs(log.timestamp_us - records[0].timestamp_us) < 10_000_000 for log in records)
        assert records[0].timestamp_us > 1_700_000_000_000_000

    def test_before_the_first_invocation_there_is_no_request(self, start: Start, callbacks: bool) -> None:
        (record,) = start({"app.js": f"console.log('init'); {ECHO}"}).initialise().records
        assert record.text.split("\t")[1:] == ["undefined" if callbacks else "-", "INFO", "init\n"]

    def test_json(self, start: Start, callbacks: bool) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async () => {"
                "console.log('text'); console.log({a: [1]}); console.log('two', {b: 2}); console.debug('hidden');"
                "console.error(new TypeError('e')); console.error('with', new TypeError('e')); console.log(1n);"
                "console.fatal('f'); throw new RangeError('r'); };"
            }
        )
        runtime.initialise(environment={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"})
        records = runtime.invoke(tenant_id="blue").records
        assert [log.frame_type for log in records] == [INFO_JSON] * 3 + [ERROR_JSON] * 2 + [
            INFO_JSON,
            FATAL_JSON,
            ERROR_JSON,
        ]
        values = [json.loads(log.text) for log in records]
        assert all(list(value)[:4] == ["timestamp", "level", "requestId", "tenantId"] for value in values)
        assert [value["message"] for value in values[:3]] == ["text", {"a": [1]}, "two { b: 2 }"]
        single, with_text, big, fatal, thrown = values[3:]
        assert (single["message"]["errorType"], single["message"]["errorMessage"]) == ("TypeError", "e")
        assert (with_text["errorType"], with_text["errorMessage"]) == ("TypeError", "e")
        assert with_text["stackTrace"][0] == "TypeError: e"
        assert (big["message"], fatal["message"]) == ("1n", "f")
        assert thrown["message"]["errorMessage"] == "r"

    def test_a_level_hides_what_is_below(self, start: Start) -> None:
        runtime = start({"app.js": "exports.handler = async () => { console.log(1); console.warn(2); };"})
        runtime.initialise(environment={"AWS_LAMBDA_LOG_LEVEL": "warn"})
        assert [log.frame_type for log in runtime.invoke().records] == [WARN_TEXT]

    def test_stdout_and_stderr_are_the_descriptors(self, start: Start) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async () => { process.stdout.write('out\\n'); process.stderr.write('err\\n'); };"
            }
        )
        runtime.initialise()
        assert runtime.invoke().records == []
        assert runtime.read_pipe(until="err") == "out\nerr\n"

    def test_records_without_the_frames_socket_go_to_the_pipe(self, start: Start) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async () => { require('fs').closeSync(3); console.log('a\\nb'); process.exit(); };"
            }
        )
        runtime.initialise()
        runtime.send_event(b"{}")
        runtime.wait()
        assert "\tINFO\ta\rb\n" in runtime.rest_of_pipe()


class TestContext:
    def test_fields(self, start: Start, callbacks: bool) -> None:
        runtime = start(
            {
                "app.js": "exports.handler = async (event, context) => ({...context,"
                "left: context.getRemainingTimeInMillis(), functions: Object.keys(context)"
                ".filter((key) => typeof context[key] === 'function'), trace: process.env._X_AMZN_TRACE_ID ?? null});"
            }
        )
        runtime.initialise()
        context = runtime.invoke(
            client_context='{"custom":{"a":1}}',
            cognito_identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
            tenant_id="blue",
        ).document
        left = context.pop("left")
        assert isinstance(left, int)
        assert 0 < left <= 3000
        assert context == {
            "functionName": "fn",
            "functionVersion": "$LATEST",
            "memoryLimitInMB": "128",
            "logGroupName": "/aws/lambda/fn",
            "logStreamName": "2024/05/01/[$LATEST]8f50",
            "clientContext": {"custom": {"a": 1}},
            "identity": {"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"},
            "invokedFunctionArn": ARN,
            "awsRequestId": REQUEST_ID,
            "tenantId": "blue",
            "trace": TRACE_ID,
            **(
                {
                    "callbackWaitsForEmptyEventLoop": True,
                    "functions": ["succeed", "fail", "done", "getRemainingTimeInMillis"],
                }
                if callbacks
                else {"xRayTraceId": TRACE_ID, "functions": ["getRemainingTimeInMillis"]}
            ),
        }
        assert runtime.invoke(trace_id="").document["trace"] is None

    def test_the_process_is_the_function_alone(self, start: Start) -> None:
        code = (
            "exports.handler = async () => ({argv: process.argv.slice(1), cwd: process.cwd(), main: typeof require.main,"
            "execArgv: process.execArgv.filter((flag) => flag.includes('internals')),"
            "env: Object.keys(process.env).sort(), globals: Object.keys(globalThis), gc: typeof gc});"
        )
        runtime, stem = start({"app.js": code}), start({}, stem=True)
        runtime.initialise()
        stem.initialise()
        executed, from_stem = runtime.invoke().document, stem.invoke().document
        assert executed == {
            **executed,
            "argv": [str(ENTRY)],
            "cwd": str(runtime.task_root),
            "main": "undefined",
            "execArgv": [],
            "gc": "function",
        }
        # The shell that executes the process in these tests adds some of its own.
        assert set(executed["env"]) - {"PWD", "SHLVL", "_", "OLDPWD"} == set(from_stem["env"])  # type: ignore[call-overload]
        assert "LEFT_BEHIND" not in from_stem["env"]  # type: ignore[operator]
        assert "awslambda" in executed["globals"]  # type: ignore[operator]
        assert executed["globals"] == from_stem["globals"]

    def test_a_nodejs_without_process_binding(self, start: Start) -> None:
        runtime = start(
            {"app.js": ECHO, "gone.cjs": "process.binding = () => { throw new Error('gone'); };"},
        )
        runtime.initialise(environment={"NODE_OPTIONS": f"--require={runtime.task_root}/gone.cjs"})
        for size in (10, 262144 - 300, 6_000_000, 10):
            assert len(runtime.invoke("x" * size).payload) == size + 2
        runtime.channel.close()
        assert runtime.wait() == 1

    def test_nobody_is_warned_of_what_the_client_uses(self, start: Start) -> None:
        runtime = start({"app.js": "exports.handler = async () => process.exit();"})
        runtime.initialise(environment={"NODE_OPTIONS": "--pending-deprecation"})
        runtime.send_event(b"{}")
        runtime.wait()
        assert runtime.rest_of_pipe() == ""

    def test_descriptors_are_not_inherited(self, start: Start) -> None:
        code = (
            "const { execFileSync } = require('child_process');"
            "exports.handler = async () => execFileSync('ls', ['/proc/self/fd'], {encoding: 'utf8'}).split('\\n');"
        )
        runtime = start({"app.js": code})
        runtime.initialise()
        # 3 is the directory that ls reads.
        assert runtime.invoke().json == ["0", "1", "2", "3", ""]


class TestSearchPath:
    PACKAGE = '{"name": "lib", "exports": {"import": "./index.mjs", "require": "./index.cjs"}}'

    @pytest.mark.parametrize(
        "place", ["opt/nodejs/node_modules", "opt/nodejs/node{}/node_modules", "runtime/node_modules"]
    )
    @pytest.mark.parametrize("style", ["import", "require", "dynamic import"])
    @pytest.mark.parametrize("stem", [False, True], ids=["executed", "stem"])
    def test_packages_of_layers_and_runtime_are_found(
        self, start: Start, major: int, place: str, style: str, stem: bool
    ) -> None:
        folder = f"{place.format(major)}/lib"
        use = {
            "import": {"app.mjs": "import lib from 'lib'; export const handler = async () => lib;"},
            "require": {"app.js": "const lib = require('lib'); exports.handler = async () => lib;"},
            "dynamic import": {"app.js": "exports.handler = async () => (await import('lib')).default;"},
        }[style]
        runtime = start(
            {
                f"{folder}/package.json": self.PACKAGE,
                f"{folder}/index.mjs": "import dependency from 'dependency'; export default `import ${dependency}`;",
                f"{folder}/index.cjs": "module.exports = `require ${require('dependency')}`;",
                f"{place.format(major)}/dependency/index.js": "module.exports = 'found';",
                **use,
            },
            stem=stem,
        )
        assert runtime.initialise().kind == NEXT
        assert runtime.invoke().json == f"{style.rsplit(maxsplit=1)[-1]} found"

    def test_the_functions_own_packages_go_first(self, start: Start) -> None:
        runtime = start(
            {
                "runtime/node_modules/lib/index.js": "module.exports = 'runtime';",
                "node_modules/lib/index.js": "module.exports = 'own';",
                "app.mjs": "import lib from 'lib'; export const handler = async () => lib;",
            }
        )
        runtime.initialise()
        assert runtime.invoke().json == "own"

    def test_a_package_that_is_nowhere(self, start: Start) -> None:
        runtime = start({"runtime/node_modules/x/index.js": "", "app.mjs": "import 'absent';"})
        document = runtime.initialise().document
        assert document["errorType"] == "Error"
        assert document["errorMessage"] == f"Cannot find package 'absent' imported from {runtime.task_root}/app.mjs"


class TestStreaming:
    """What is written to a response stream goes out in chunks, as far as there is credit for them."""

    def start(self, start: Start, body: str) -> NodeProcess:
        code = f"export const handler = awslambda.streamifyResponse(async (event, stream, context) => {{ {body} }});"
        runtime = start({"app.mjs": code})
        assert runtime.initialise().kind == NEXT
        runtime.send_event(b"{}")
        return runtime

    def rest(self, runtime: NodeProcess) -> tuple[bytes, bytes | None]:
        """What comes in chunks, and the body of the error if it breaks off."""
        payload = b""
        while True:
            kind, body = runtime.receive()
            if kind == CHUNK:
                payload += body
                runtime.send(CREDIT, len(body).to_bytes(4, "big"))
            elif kind != LOG:
                assert kind in {STREAM_END, STREAM_ERROR}
                return payload, body if kind == STREAM_ERROR else None

    @pytest.mark.parametrize(
        ("body", "content_type", "payload"),
        [
            ("stream.write('a'); stream.write({b: 1}); stream.end('z');", "application/octet-stream", b'a{"b":1}z'),
            ("stream.setContentType('text/x'); stream.end(Buffer.from([255, 0]));", "text/x", b"\xff\0"),
            (
                "stream = awslambda.HttpResponseStream.from(stream, {statusCode: 201}); stream.write('x'); stream.end();",
                "application/vnd.awslambda.http-integration-response",
                b'{"statusCode":201}\0\0\0\0\0\0\0\0x',
            ),
            (
                "await (await import('stream/promises')).pipeline(['p', 'q'], stream);",
                "application/octet-stream",
                b"pq",
            ),
            ("setTimeout(() => stream.end('late'), 20);", "application/octet-stream", b"late"),
            ("stream.end();", "application/octet-stream", b""),
            ("stream.end('x'.repeat(1_000_000));", "application/octet-stream", b"x" * 1_000_000),
        ],
        ids=["write", "content type", "prelude", "pipeline", "late", "nothing", "long"],
    )
    def test_what_was_written_is_the_response(self, start: Start, body: str, content_type: str, payload: bytes) -> None:
        runtime = self.start(start, body)
        assert runtime.receive() == (STREAM_START, f"{REQUEST_ID}\0{content_type}\0".encode())
        assert self.rest(runtime) == (payload, None)
        assert runtime.receive() == (NEXT, b"")

    def test_a_piece_goes_out_before_the_next_is_made(self, start: Start) -> None:
        body = "stream.write('first'); await new Promise((resolve) => setTimeout(resolve, 100)); stream.end('second');"
        runtime = self.start(start, body)
        assert runtime.receive()[0] == STREAM_START
        assert runtime.receive() == (CHUNK, b"first")
        assert runtime.receive() == (CHUNK, b"second")

    def test_without_credit_a_writer_waits_and_the_event_loop_goes_on(self, start: Start) -> None:
        body = (
            "const full = !stream.write('x'.repeat(100_000));"
            "await new Promise((resolve) => setTimeout(resolve, 50)); console.log('alive');"
            "stream.end(String(full));"
        )
        runtime = self.start(start, body)
        assert runtime.receive()[0] == STREAM_START
        assert runtime.receive() == (CHUNK, b"x" * 65_536)
        kind, said = runtime.receive()
        assert kind == LOG
        assert b"alive" in said
        runtime.send(CREDIT, (65_536).to_bytes(4, "big"))
        assert self.rest(runtime) == (b"x" * 34_464 + b"true", None)

    def test_an_error_in_the_middle(self, start: Start) -> None:
        runtime = self.start(start, "stream.write('a'); throw new RangeError('mid');")
        assert runtime.receive()[0] == STREAM_START
        payload, error = self.rest(runtime)
        assert payload == b"a"
        assert error is not None
        error_type, _, document = error.partition(b"\0")
        assert error_type == b"RangeError"
        assert json.loads(document)["errorMessage"] == "mid"
        assert runtime.receive() == (NEXT, b"")

    def test_an_error_before_the_first_byte(self, start: Start) -> None:
        runtime = self.start(start, "throw new RangeError('early');")
        answer = runtime._answer()
        assert (answer.kind, answer.document["errorType"]) == (ERROR, "RangeError")

    def test_other_kinds_of_streaming_are_refused(self, start: Start) -> None:
        code = "exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'x';"
        assert start({"app.js": code}).initialise().fields == ["Runtime.MalformedStreamingHandler"]
