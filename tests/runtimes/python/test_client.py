"""What a function sees and says, under each Python that is a runtime identifier."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from lambent.runtimes.python.interpreters import Interpreter
from tests.runtimes.python.conftest import Start
from tests.runtimes.python.runtime_process import (
    CLIENT_ROOT,
    ERROR,
    ERROR_TEXT_FRAME,
    INIT_ERROR,
    NEXT,
    REQUEST_ID,
    RESPONSE,
    TEXT_FRAME,
)

ECHO = "def handler(event, context): return event\n"


class TestHandlers:
    @pytest.mark.parametrize(
        ("handler", "file"),
        [
            ("app.handler", "app.py"),
            ("pkg/sub/app.handler", "pkg/sub/app.py"),
            ("pkg.sub.app.handler", "pkg/sub/app.py"),
            ("pkg/sub.app.handler", "pkg/sub/app.py"),
            ("pkg.handler", "pkg/__init__.py"),
        ],
    )
    def test_a_handler_is_found_by_slashes_and_dots(self, start: Start, handler: str, file: str) -> None:
        runtime = start(files={file: ECHO})
        assert runtime.initialise(handler).kind == NEXT
        answer = runtime.invoke({"a": [1, None, "é"]})
        assert (answer.kind, answer.fields) == (RESPONSE, [REQUEST_ID, "application/json"])
        assert answer.payload == b'{"a": [1, null, "\\u00e9"]}'

    def test_answers_are_not_escaped_from_python312_on(self, start: Start) -> None:
        runtime = start(ECHO)
        runtime.initialise(environment={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"})
        assert runtime.invoke("é😀").payload == '"é😀"'.encode()

    def test_a_missing_module_is_an_init_error_and_exit_status_1(self, start: Start) -> None:
        runtime = start()
        answer = runtime.initialise()
        assert (answer.kind, answer.fields) == (INIT_ERROR, ["Runtime.ImportModuleError"])
        assert answer.json == {
            "errorMessage": "Unable to import module 'app': No module named 'app'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        }
        warning, error = answer.records
        assert warning.frame_type == TEXT_FRAME
        assert warning.text.startswith("[WARNING]\t")
        assert "Z\t\tLAMBDA_WARNING: Unhandled exception. " in warning.text
        assert error.frame_type == ERROR_TEXT_FRAME
        assert runtime.wait() == 1

    def test_syntax_errors_name_file_and_line(self, start: Start) -> None:
        runtime = start("def handler(event, context)\n    return 1\n")
        document = runtime.initialise().document
        assert document["errorType"] == "Runtime.UserCodeSyntaxError"
        assert str(document["errorMessage"]).startswith("Syntax error in module 'app': ")
        assert document["stackTrace"] == [
            f'  File "{runtime.task_root}/app.py" Line 1\n    def handler(event, context)\n'
        ]

    def test_state_of_a_module_is_kept_between_invocations(self, start: Start) -> None:
        runtime = start("calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n")
        runtime.initialise()
        assert [runtime.invoke().json for _ in range(3)] == [1, 2, 3]


class TestTraceVariable:
    """Python's environment and that of child processes have the header of the invocation in hand."""

    @pytest.mark.parametrize("first", ["import ctypes", "pass"], ids=["in place", "as any variable"])
    def test_it_is_that_of_the_invocation_in_hand(self, start: Start, first: str) -> None:
        runtime = start(
            f"{first}\n"
            "import os, subprocess\n"
            "def handler(event, context):\n"
            "    if 'own' in event:\n"
            "        os.environ['_X_AMZN_TRACE_ID'] = event['own']\n"
            "    inherited = subprocess.run('echo -n $_X_AMZN_TRACE_ID', shell=True, stdout=subprocess.PIPE)\n"
            "    return [os.environ.get('_X_AMZN_TRACE_ID', ''), inherited.stdout.decode()]\n"
        )
        runtime.initialise()
        for trace_id in ("Root=1", "Root=1-longer", "Root=2", "", "Root=3", "x" * 600, "Root=4"):
            assert runtime.invoke({}, trace_id=trace_id).json == [trace_id, trace_id]
        assert runtime.invoke({"own": "mine"}, trace_id="Root=5").json == ["mine", "mine"]
        for trace_id in ("Root=6", "Root=7"):
            assert runtime.invoke({}, trace_id=trace_id).json == [trace_id, trace_id]


class TestErrors:
    def test_an_exception_is_answered_and_logged(self, start: Start) -> None:
        runtime = start("def handler(event, context):\n    raise ValueError('bad')\n")
        runtime.initialise()
        answer = runtime.invoke()
        file = f"{runtime.task_root}/app.py"
        assert (answer.kind, answer.fields) == (ERROR, [REQUEST_ID, ""])
        assert answer.json == {
            "errorMessage": "bad",
            "errorType": "ValueError",
            "requestId": REQUEST_ID,
            "stackTrace": [f"  File \"{file}\", line 2, in handler\n    raise ValueError('bad')\n"],
        }
        (record,) = answer.records
        assert record.frame_type == ERROR_TEXT_FRAME
        assert record.timestamp_us > 1_700_000_000_000_000
        assert record.text == (
            "[ERROR] ValueError: bad\nTraceback (most recent call last):\n"
            f'\xa0\xa0File "{file}", line 2, in handler\n'
            "\xa0\xa0\xa0\xa0raise ValueError('bad')"
        )
        assert runtime.invoke().kind == ERROR, "the process goes on"

    def test_a_handler_that_takes_no_arguments_fails_in_the_client(self, start: Start) -> None:
        runtime = start("def handler(): pass\n")
        runtime.initialise()
        document = runtime.invoke().document
        assert document["errorType"] == "TypeError"
        trace = document["stackTrace"]
        assert isinstance(trace, list)
        assert len(trace) == 1

    def test_exit_status_of_sys_exit(self, start: Start) -> None:
        runtime = start("import sys\ndef handler(event, context):\n    print('bye')\n    sys.exit(7)\n")
        runtime.initialise()
        runtime.send_event(b"{}")
        assert "".join(log.text for log in runtime.remaining_logs()) == "bye\n"
        assert runtime.wait() == 7


class TestOutput:
    def test_output_comes_before_the_answer_and_in_order(self, start: Start) -> None:
        runtime = start("""
import sys
def handler(event, context):
    print("one", "line")
    print("on stderr", file=sys.stderr)
    sys.stdout.writelines(["x\\n", "y\\n"])
    sys.stdout.buffer.write(b"bytes\\xff\\n")
    sys.stdout.write("no line end")
    return 1
""")
        runtime.initialise()
        answer = runtime.invoke()
        assert answer.printed == "one line\non stderr\nx\ny\nbytes\udcff\nno line end"
        assert [log.text for log in answer.logs][:2] == ["one line\n", "on stderr\n"]

    def test_a_flushed_part_of_a_line_is_sent_at_once(self, start: Start) -> None:
        runtime = start(
            "import os\ndef handler(event, context):\n    print('...', end='', flush=True)\n    os._exit(0)\n"
        )
        runtime.initialise()
        runtime.send_event(b"{}")
        assert [log.text for log in runtime.remaining_logs()] == ["..."]

    def test_streams_look_like_ordinary_ones(self, start: Start) -> None:
        runtime = start("""
import io, sys
def handler(event, context):
    out = sys.stdout
    out.reconfigure(line_buffering=True)
    return [out.fileno(), sys.stderr.fileno(), out.isatty(), out.encoding, out.name, sys.stderr.name, out.mode,
            out.writable(), out.readable(), out.closed, out is sys.__stdout__, isinstance(out, io.TextIOWrapper)]
""")
        runtime.initialise()
        assert runtime.invoke().json == [
            1, 2, False, "utf-8", "<stdout>", "<stderr>", "w", True, False, False, True, True
        ]  # fmt: skip

    def test_a_function_may_replace_or_close_its_streams(self, start: Start) -> None:
        runtime = start("""
import io, sys
def handler(event, context):
    if event == "replace":
        sys.stdout = io.StringIO()
        print("into the void")
    else:
        sys.__stdout__.close()
        sys.__stderr__.close()
""")
        runtime.initialise()
        assert runtime.invoke("replace").printed == ""
        assert runtime.invoke("close").kind == RESPONSE
        assert runtime.invoke("close").kind == RESPONSE

    def test_subprocesses_and_descriptors_use_the_pipe(self, start: Start) -> None:
        runtime = start("""
import os, subprocess, sys
def handler(event, context):
    os.write(1, b"by descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
    subprocess.run([sys.executable, "-c", "import os; os.fstat(3)"], stderr=subprocess.DEVNULL, close_fds=False,
                   check=False).check_returncode
""")
        runtime.initialise()
        runtime.invoke()
        assert runtime.read_pipe(until="by a child\n") == "by descriptor\nby a child\n"

    def test_a_forked_child_uses_the_pipe_and_cannot_answer(self, start: Start) -> None:
        runtime = start("""
import logging, os
def handler(event, context):
    pid = os.fork()
    if pid == 0:
        print("printed by the child")
        logging.warning("logged by the child")
        return "the child's answer"
    os.waitpid(pid, 0)
    return "the parent's answer"
""")
        runtime.initialise()
        answer = runtime.invoke()
        assert (answer.json, answer.logs) == ("the parent's answer", [])
        printed = runtime.read_pipe(until="logged by the child\n")
        assert printed.startswith("printed by the child\n[WARNING]\t")
        assert runtime.invoke().json == "the parent's answer"

    def test_multiprocessing_works_by_fork_and_by_spawn(self, start: Start) -> None:
        runtime = start("""
import multiprocessing
def double(connection, number):
    connection.send(2 * number)
def handler(event, context):
    ours, theirs = multiprocessing.get_context(event).Pipe()
    process = multiprocessing.get_context(event).Process(target=double, args=(theirs, 21))
    process.start()
    process.join()
    return ours.recv()
""")
        runtime.initialise()
        assert [runtime.invoke("fork").json, runtime.invoke("spawn").json] == [42, 42]

    def test_lines_of_threads_are_never_mixed(self, start: Start) -> None:
        runtime = start("""
import logging, threading
def talk(name):
    for number in range(200):
        logging.warning("%s%d %s", name, number, "x" * 3000)
def handler(event, context):
    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
""")
        runtime.initialise()
        records = [log.text.split("\t")[3].split(" ") for log in runtime.invoke().records]
        assert {text for _, text in records} == {"x" * 3000 + "\n"}
        assert [name for name, _ in records if name[0] == "a"] == [f"a{number}" for number in range(200)]

    def test_a_signal_handler_may_log_while_its_thread_does(self, start: Start) -> None:
        runtime = start("""
import logging, signal
talking = True
def tick(number, frame):
    logging.warning("tick")
    if talking:  # armed again only now: a slow machine must not nest handlers
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
def handler(event, context):
    global talking
    signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
    for number in range(300):
        print("y" * 20000)
    talking = False
""")
        runtime.initialise()
        answer = runtime.invoke()
        assert answer.kind == RESPONSE
        assert answer.printed == ("y" * 20000 + "\n") * 300
        assert {record.text.split("\t")[3] for record in answer.records} == {"tick\n"}

    def test_logger_records_are_single_events_with_the_request(self, start: Start) -> None:
        runtime = start("""
import logging
logging.warning("at init")
def handler(event, context):
    logging.getLogger().setLevel("INFO")
    logging.info("two\\nlines")
""")
        (init,) = runtime.initialise().records
        assert init.text.split("\t")[::2] == ["[WARNING]", ""]
        (record,) = runtime.invoke().records
        assert record.frame_type == TEXT_FRAME
        level, _, request_id, message = record.text.split("\t")
        assert (level, request_id, message) == ("[INFO]", REQUEST_ID, "two\nlines\n")


class TestPayloads:
    def test_events_and_answers_of_six_megabytes(self, start: Start) -> None:
        runtime = start(ECHO)
        runtime.initialise()
        event = b'"' + b"x" * 6_291_454 + b'"'
        assert runtime.invoke(raw=event).payload == event

    def test_an_answer_above_the_limit_is_sent_and_the_runtime_goes_on(self, start: Start) -> None:
        runtime = start("def handler(event, context): return 'x' * event\n")
        runtime.initialise()
        assert len(runtime.invoke(7_000_000).payload) == 7_000_002
        assert runtime.invoke(1).payload == b'"x"'

    def test_an_event_in_many_pieces(self, start: Start) -> None:
        runtime = start(ECHO)
        runtime.initialise()
        fields = [REQUEST_ID, "9999999999999", "arn", "", "", "", "", "application/json"]
        body = b"".join(value.encode() + b"\0" for value in fields) + b'{"a": 1}'
        for byte in len(body).to_bytes(4, "big") + b"\x02\0\0\0" + body:
            runtime.channel.sendall(bytes([byte]))
        kind, answer = runtime.receive()
        assert (kind, answer.split(b"\0")[2]) == (RESPONSE, b'{"a": 1}')

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("{'a': decimal.Decimal('1.10')}", b'{"a": 1.10}'),
            ("P(1, [P(2, 3)])", b'{"x": 1, "y": [{"x": 2, "y": 3}]}'),
            ("{'b': b'text'}", b'{"b": "text"}'),
            ("[float('nan'), 10**30, -0.0]", b"[NaN, 1000000000000000000000000000000, -0.0]"),
            ("b'\\x00\\xff'", b"\x00\xff"),
            ("None", b"null"),
        ],
    )
    def test_answers_are_encoded_by_aws_rules(self, start: Start, code: str, expected: bytes) -> None:
        runtime = start(
            "import collections, decimal\nP = collections.namedtuple('P', 'x y')\n"
            f"def handler(event, context): return {code}\n"
        )
        runtime.initialise()
        assert runtime.invoke().payload == expected


class TestProcess:
    def test_the_environment_is_exactly_what_the_server_gave(self, start: Start) -> None:
        runtime = start("import os\ndef handler(event, context): return dict(os.environ)\n")
        runtime.initialise(environment={"MINE": "é", "PATH": "/usr/bin:/bin"})
        variables = runtime.invoke().json
        assert isinstance(variables, dict)
        assert variables["MINE"] == "é"
        assert "_X_AMZN_TRACE_ID" in variables
        assert not {"LEFT_BEHIND", "HOME", "USER"} & set(variables)
        without_trace = runtime.invoke(trace_id="").json
        assert isinstance(without_trace, dict)
        assert set(variables) - set(without_trace) == {"_X_AMZN_TRACE_ID"}

    def test_it_looks_as_if_its_interpreter_was_started_for_it(self, start: Start, interpreter: Interpreter) -> None:
        runtime = start("""
import __main__, os, signal, sys, time
def handler(event, context):
    return {
        "cwd": os.getcwd(), "argv": sys.argv, "main": [__main__.__name__, __main__.__file__], "zone": time.tzname[0],
        "modules": sorted(name for name in sys.modules if "lambent" in name or "zygote" in name),
        "SIGINT": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "SIGCHLD": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL, "path": sys.path[:4],
    }
""")
        runtime.initialise(environment={"TZ": "XYZ-3"})
        seen = runtime.invoke().json
        assert isinstance(seen, dict)
        script = str(runtime.script)
        opt = runtime.task_root.parent / "opt" / "python"
        packages = f"{opt}/lib/{interpreter.identifier}/site-packages"
        assert seen["cwd"] == str(runtime.task_root)
        assert seen["argv"] == [script]
        assert seen["main"] == ["__main__", script]
        assert seen["zone"] == "XYZ"
        assert (seen["SIGINT"], seen["SIGCHLD"]) == (True, True)
        assert seen["path"] == [str(runtime.task_root), packages, str(opt), str(CLIENT_ROOT)]
        assert not {f"lambent_runtime.{name}" for name in ("zygote", "init", "isolation", "linux")} & set(
            seen["modules"]
        )

    def test_the_function_comes_before_layers_and_both_before_the_library(
        self, start: Start, layers_root: Path, interpreter: Interpreter
    ) -> None:
        """calendar and queue were preloaded by the zygote; json is part of the client, as of AWS's."""
        packages = layers_root / "python" / "lib" / interpreter.identifier / "site-packages"
        packages.mkdir(parents=True)
        for name in ("calendar", "queue", "both"):
            (packages / f"{name}.py").write_text("where = 'layer'\n")
        (layers_root / "python" / "both.py").write_text("where = 'behind'\n")
        runtime = start(
            "import both, calendar, json, queue\n"
            "def handler(event, context): return [both.where, calendar.where, queue.where, hasattr(json, 'where')]\n",
            {"calendar.py": "where = 'function'\n", "json.py": "where = 'function'\n"},
        )
        runtime.initialise()
        assert runtime.invoke().json == ["layer", "function", "layer", False]

    def test_path_configuration_files_of_function_and_layers_are_read(self, start: Start, layers_root: Path) -> None:
        (layers_root / "python" / "vendored").mkdir(parents=True)
        (layers_root / "python" / "vendored" / "from_layer.py").write_text("")
        (layers_root / "python" / "vendored.pth").write_text("vendored\n")
        runtime = start(
            "import from_function, from_layer\ndef handler(event, context): return True\n",
            {"lib.pth": "lib\n", "lib/from_function.py": ""},
        )
        runtime.initialise()
        assert runtime.invoke().json is True

    def test_random_numbers_differ_between_processes(self, start: Start) -> None:
        code = "import random, uuid\ndef handler(event, context): return [random.random(), str(uuid.uuid4())]\n"
        answers = []
        for runtime in (start(code), start(code)):
            runtime.initialise()
            answers.append(runtime.invoke().payload)
        assert answers[0] != answers[1]

    def test_a_signal_handler_runs_while_the_runtime_waits(self, start: Start) -> None:
        runtime = start("""
import signal
signal.signal(signal.SIGTERM, lambda number, frame: print("terminating"))
def handler(event, context): return 1
""")
        runtime.initialise()
        runtime.process.send_signal(signal.SIGTERM)
        _, body = runtime.receive()
        assert body[12:] == b"terminating\n"
        assert runtime.invoke().json == 1

    def test_it_ends_when_the_server_goes_away(self, start: Start) -> None:
        runtime = start(ECHO)
        runtime.initialise()
        runtime.channel.close()
        assert runtime.wait() == 1

    def test_a_blank_ends_when_it_is_not_wanted(self, start: Start) -> None:
        runtime = start(ECHO)
        runtime.channel.close()
        assert runtime.wait() == 1


class TestExecution:
    """A function whose interpreter has to be started with its variables."""

    def test_a_fresh_interpreter_serves_like_a_forked_one(self, start: Start) -> None:
        runtime = start("""
import os, sys
print("importing")
def handler(event, context):
    return [event, sys.flags.optimize, sys.argv, sys.path[0], os.getcwd(), "asyncio" in sys.modules]
""")
        init = runtime.initialise(execute=True, environment={"PYTHONOPTIMIZE": "1"})
        assert (init.kind, init.printed) == (NEXT, "importing\n")
        answer = runtime.invoke(5)
        root = str(runtime.task_root)
        assert answer.json == [5, 1, [str(runtime.script)], root, root, False]

    def test_a_wrapper_script_gets_the_command_and_may_change_it(self, start: Start, task_root: Path) -> None:
        """The developer guide's example puts interpreter options before the last argument."""
        runtime = start("import os, sys\ndef handler(event, context): return [sys.flags.optimize, os.environ['SET']]\n")
        wrapper = task_root / "wrapper"
        wrapper.write_text(
            '#!/bin/bash\nargs=("$@")\nexport SET=yes _HANDLER=app.handler\n'
            'exec "${args[@]:0:$#-1}" -OO "${args[@]: -1}"\n'
        )
        wrapper.chmod(0o755)
        init = runtime.initialise(
            "another.handler", execute=True, environment={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}
        )
        assert init.kind == NEXT
        assert runtime.invoke().json == [2, "yes"]

    @pytest.mark.parametrize(("mode", "status"), [(None, 127), (0o644, 126)])
    def test_a_wrapper_that_cannot_run_is_a_shells_exit_status(
        self, start: Start, task_root: Path, mode: int | None, status: int
    ) -> None:
        runtime = start(ECHO)
        wrapper = task_root / "wrapper"
        if mode is not None:
            wrapper.write_text("#!/bin/sh\n")
            wrapper.chmod(mode)
        runtime.send_init(execute=True, environment={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
        assert runtime.wait() == status
        assert str(wrapper) in runtime.rest_of_pipe()

    def test_a_failed_initialisation_ends_it_with_status_1(self, start: Start) -> None:
        runtime = start("raise ValueError('bad')\n")
        answer = runtime.initialise(execute=True)
        assert (answer.kind, answer.document["errorType"]) == (INIT_ERROR, "ValueError")
        assert runtime.wait() == 1


def test_preloading_starts_no_thread_and_opens_nothing(interpreter: Interpreter) -> None:
    """A process with threads can't be forked safely, and what it has open would be every tenant's."""
    program = (
        "import os, sys\nsys.path.insert(0, sys.argv[1])\nbefore = os.listdir('/proc/self/fd')\n"
        "from lambent_runtime import runtime\nruntime.preload()\n"
        "print(len(os.listdir('/proc/self/task')), os.listdir('/proc/self/fd') == before, 'asyncio' in sys.modules)\n"
    )
    command = [str(interpreter.executable), "-c", program, str(CLIENT_ROOT)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "1 True True\n"


def test_json_log_format_names_level_logger_and_request(start: Start) -> None:
    runtime = start("""
import logging
def handler(event, context):
    logging.getLogger("lib").info("said %s", "it", extra={"order": 5})
    logging.getLogger("lib").debug("not said")
    1 / 0
""")
    runtime.initialise(environment={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"})
    record, error = runtime.invoke(tenant_id="t1").records
    said = json.loads(record.text)
    timestamp = said.pop("timestamp")
    assert len(timestamp) == len("2024-05-01T10:00:00Z")
    assert record.frame_type == 0xA55A000E
    assert said == {
        "level": "INFO", "message": "said it", "logger": "lib", "requestId": REQUEST_ID, "tenantId": "t1", "order": 5
    }  # fmt: skip
    assert error.frame_type == 0xA55A0016
    failure = json.loads(error.text)
    assert (failure["level"], failure["errorType"], failure["requestId"]) == ("ERROR", "ZeroDivisionError", REQUEST_ID)
