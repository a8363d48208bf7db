"""What a function sees around it is what it sees on AWS, with every Python there is on this machine.

Source: reference, runtime-api.md §7 and §8 (recorded on AWS, where not said otherwise).
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lambent_server import LambentServer
from tests.sandbox.inside import Path, multiprocessing, names, refusal, resource, sys, threading, time
from tests.sandbox.probe import Probe

ACCOUNT = "300000000004"
RUNTIMES = ["python3.9", "python3.10", "python3.11", "python3.12", "python3.13"]


def look_around() -> dict[str, object]:
    import asyncio  # noqa: PLC0415  # runs inside
    import concurrent.futures  # noqa: PLC0415
    import io  # noqa: PLC0415
    import logging  # noqa: PLC0415
    import pwd  # noqa: PLC0415
    import random  # noqa: PLC0415
    import signal  # noqa: PLC0415
    import site  # noqa: PLC0415

    def start_a_process() -> object:
        process = multiprocessing.Process(target=int)
        process.start()
        process.join()
        return process.exitcode

    def draw_in_a_fork() -> str:
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, str(random.random()).encode())
            os._exit(0)
        os.wait()
        return os.read(read, 100).decode()

    def fork_beside_threads() -> str:
        handler = logging.StreamHandler(io.StringIO())
        logger = logging.getLogger("forked")
        logger.propagate = False
        logger.addHandler(handler)
        held, over = threading.Event(), threading.Event()

        def hold() -> None:
            with handler.lock:  # type: ignore[union-attr]
                held.set()
                over.wait()

        async def run_a_loop_in_a_fork() -> str:
            read, write = os.pipe()
            if os.fork() == 0:
                signal.alarm(10)  # ends the child where it would wait for ever
                logger.warning("not held here")
                with concurrent.futures.ThreadPoolExecutor() as own:
                    total = sum(own.map(abs, [-1, -2]))
                slept = asyncio.run(asyncio.sleep(0, "slept"))
                alive = [thread.name for thread in threading.enumerate()]
                os.write(write, repr((handler.stream.getvalue(), total, slept, alive)).encode())
                os._exit(0)
            os.close(write)
            os.wait()  # noqa: ASYNC222  # nothing else is to run
            return os.read(read, 1000).decode()

        threading.Thread(target=hold).start()
        held.wait()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(abs, -1).result()
            answer = asyncio.run(run_a_loop_in_a_fork())
        over.set()
        return answer

    limits = ("NOFILE", "NPROC", "MEMLOCK", "STACK", "AS", "CPU", "DATA", "FSIZE", "CORE")
    return {
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "version": f"python{sys.version_info[0]}.{sys.version_info[1]}",
        "path": sys.path,
        "encoding": [sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdout.errors],
        "user": list(pwd.getpwuid(os.getuid()))[:4],
        "host name": os.uname().nodename,
        "umask": os.umask(0o022),
        "time zone": [time.tzname[0], time.timezone],
        "root": names("/"),
        "devices": names("/dev"),
        "hosts": Path("/etc/hosts").read_text(),
        "resolver": Path("/etc/resolv.conf").read_text(),
        "limits": {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in limits},
        "site-packages": [entry for path in site.getsitepackages() if Path(path).exists() for entry in names(path)],
        "lock": refusal(multiprocessing.Lock),
        "process": start_a_process(),
        "ignored": [
            name
            for name in ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGCHLD")
            if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN
        ],
        "threads": [threading.main_thread().native_id, threading.get_native_id()],
        "forked": fork_beside_threads(),
        "drawn": [draw_in_a_fork(), draw_in_a_fork(), str(random.random())],
        "shell": os.popen("set -o pipefail && echo ${BASH_VERSION:+Bash}").read(),  # by /bin/sh
        "modes": {path: oct(Path(path).stat().st_mode) for path in ("/", "/var/task", "/opt", "/tmp", "/var/runtime")},
        "standard streams": [str(Path(f"/proc/self/fd/{fd}").readlink()).partition(":")[0] for fd in range(3)],
    }


@pytest.fixture(scope="module", params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def seen(lambent: LambentServer, runtime: str) -> Iterator[dict[str, Any]]:
    """What a function of a runtime sees."""
    client = lambent.client(account=ACCOUNT)
    name = runtime.replace(".", "-")
    variables = {"Variables": {"GREETING": "hello", "PATH": "/opt/own:/usr/bin"}} if runtime == "python3.11" else {}
    try:
        probe = Probe(client, name, Runtime=runtime, MemorySize=256, Environment=variables)
    except ClientError as error:
        pytest.skip(str(error))
    yield probe.run(look_around)
    client.delete_function(FunctionName=name)


def test_the_interpreter_is_the_declared_one_under_var_lang(seen: dict[str, Any], runtime: str) -> None:
    assert seen["version"] == runtime
    assert seen["executable"] == f"/var/lang/bin/{runtime}"
    assert seen["prefix"] == "/var/lang"


def test_code_is_searched_where_aws_searches_it(seen: dict[str, Any], runtime: str) -> None:
    layers = [f"/opt/python/lib/{runtime}/site-packages", "/opt/python"]
    assert seen["path"][:4] == ["/var/task", *layers, "/var/runtime"]
    assert all(path.startswith("/var/lang/lib/") for path in seen["path"][4:])
    assert seen["cwd"] == "/var/task"


def test_packages_of_the_host_are_hidden(seen: dict[str, Any]) -> None:
    assert seen["site-packages"] == []


def test_the_variables_are_those_that_aws_sets(seen: dict[str, Any], runtime: str) -> None:
    environment = seen["environment"]
    expected = {
        "_HANDLER": "inside.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": runtime.replace(".", "-"),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{runtime.replace('.', '-')}",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "PYTHONPATH": "/var/runtime",
        "SHLVL": "0",
        "TZ": ":UTC",
    }  # fmt: skip
    assert {name: environment.get(name) for name in expected} == expected
    assert ("LC_CTYPE" in environment) == (runtime in {"python3.12", "python3.13"})
    assert "AWS_LAMBDA_MAX_CONCURRENCY" not in environment
    if runtime == "python3.11":
        assert environment["GREETING"] == "hello"
        assert environment["PATH"] == "/opt/own:/usr/bin", "a customer may change it"
    else:
        assert environment["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"


def test_the_user_is_the_one_of_aws(seen: dict[str, Any]) -> None:
    assert seen["user"] == ["sbx_user1051", "x", 993, 990]


def test_the_limits_are_those_of_aws(seen: dict[str, Any]) -> None:
    """Core dumps are the exception: there are none (decision 23)."""
    unlimited = [-1, -1]
    assert seen["limits"] == {
        "NOFILE": [1024, 1024],
        "NPROC": [1024, 1024],
        "MEMLOCK": [65536, 65536],
        "STACK": [8 * 1024 * 1024, -1],
        **dict.fromkeys(("AS", "CPU", "DATA", "FSIZE"), unlimited),
        "CORE": [1, 1],
    }


def test_time_is_utc_and_text_is_utf_8(seen: dict[str, Any]) -> None:
    assert seen["time zone"] == ["UTC", 0]
    assert seen["encoding"][0] == "utf-8"
    assert seen["encoding"][1].lower() == "utf-8"


def test_the_tree_is_laid_out_as_on_aws(seen: dict[str, Any]) -> None:
    assert {"bin", "dev", "etc", "lib", "opt", "proc", "tmp", "usr", "var"} <= set(seen["root"])
    assert seen["modes"] == {
        "/": "0o40755",
        "/var/task": "0o40755",
        "/opt": "0o40755",
        "/tmp": "0o41777",
        "/var/runtime": "0o40755",
    }


def test_there_is_no_shared_memory_folder_so_locks_fail_and_processes_work(seen: dict[str, Any]) -> None:
    assert seen["devices"] == sorted(["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"])
    assert seen["lock"] in {"ENOSYS", "ENOENT"}, "an OSError, which one is the C library's choice"
    assert seen["process"] == 0


def test_signals_are_handled_as_python_does(seen: dict[str, Any]) -> None:
    """Writing to a closed pipe is an error that a function can catch."""
    assert seen["ignored"] == ["SIGPIPE", "SIGXFSZ"]


def test_the_main_thread_has_its_number(seen: dict[str, Any]) -> None:
    """Not that of the process which it was forked from."""
    main, own = seen["threads"]
    assert main == own


def test_what_modules_want_done_in_a_forked_process_is_done_in_a_functions(seen: dict[str, Any]) -> None:
    """`random` is seeded anew; locks that other threads held are free, and those threads forgotten."""
    assert len(set(seen["drawn"])) == 3
    assert seen["forked"] == repr(("not held here\n", 3, "slept", ["MainThread"]))


def test_standard_input_is_empty_and_output_goes_to_the_log(seen: dict[str, Any]) -> None:
    assert seen["standard streams"] == ["/dev/null", "pipe", "pipe"]


def test_names_are_resolved_by_the_environments_own_resolver(seen: dict[str, Any]) -> None:
    assert "127.0.0.1 localhost" in seen["hosts"]
    assert seen["resolver"].startswith("nameserver 169.254.")
    assert seen["host name"] == "lambda"


def test_sh_is_bash_as_on_amazon_linux(seen: dict[str, Any]) -> None:
    assert seen["shell"] == "Bash\n"
