"""The commands a person types, against a real server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lambent_server import REGION, LambentServer, create_function

pytestmark = pytest.mark.root

SOURCE = (
    "def handler(event, context):\n"
    "    print('called with', event)\n"
    "    if event == 'fail':\n"
    "        raise RuntimeError('as asked')\n"
    "    return event\n"
)


class Command:
    """`lambent` in a shell whose variables say where the server is and who one is."""

    def __init__(self, server: LambentServer, account: str, folder: Path) -> None:
        self.account = account
        self._server = server
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment = kept | {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "LAMBENT_DATA_DIRECTORY": str(server.data_directory),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "lambent", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        """(exit status, standard output, standard error)."""
        with self.start(*arguments) as process:
            output, error = process.communicate(given, timeout=30)
        return process.returncode, output, error


@pytest.fixture
def lambent_command(lambent: LambentServer, client: Any, account: str, tmp_path: Path) -> Command:
    create_function(client, "echo", SOURCE)
    return Command(lambent, account, tmp_path)


def test_an_event_as_text_from_a_file_and_from_standard_input(lambent_command: Command, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('["from a file"]')
    assert lambent_command("invoke", "echo", "--payload", '{"a": 1}')[:2] == (0, '{"a": 1}\n')
    assert lambent_command("invoke", "echo", "--payload", "@event.json")[:2] == (0, '["from a file"]\n')
    assert lambent_command("invoke", "echo", "--payload", "-", given='"piped"')[:2] == (0, '"piped"\n')


def test_the_log_and_the_duration_go_to_standard_error(lambent_command: Command) -> None:
    status, output, error = lambent_command("invoke", "echo", "--payload", "[]", "--tail")
    assert (status, output) == (0, "[]\n")
    assert "called with []\n" in error
    assert "\nREPORT RequestId: " in error
    assert error.splitlines()[-1].startswith("ok, version $LATEST, ")


def test_a_function_error_is_status_1_with_the_error_as_the_answer(lambent_command: Command) -> None:
    status, output, error = lambent_command("invoke", "echo", "--payload", '"fail"')
    assert status == 1
    assert json.loads(output)["errorMessage"] == "as asked"
    assert error.startswith("function error: Unhandled, version $LATEST, ")


def test_a_function_that_is_not_there(lambent_command: Command) -> None:
    status, output, error = lambent_command("invoke", "nobody")
    assert (status, output) == (1, "")
    assert error.startswith("lambent: ResourceNotFoundException: Function not found: ")
    assert error.count("\n") == 1


def test_the_log_of_a_function_and_what_is_new_in_it(lambent_command: Command) -> None:
    lambent_command("invoke", "echo", "--payload", '"first"')
    logs = ("logs", "echo", "--account", lambent_command.account)
    deadline = time.monotonic() + 10
    while "REPORT" not in (log := lambent_command(*logs)[1]):
        assert time.monotonic() < deadline, log
    assert "  called with first\n" in log
    assert lambent_command(*logs, "--since", "1h")[1] == log
    assert lambent_command(*logs, "--since", "2100-01-01")[:2] == (0, "")


def test_following_a_log_shows_a_new_line_soon(lambent_command: Command) -> None:
    lambent_command("invoke", "echo", "--payload", '"before"')
    with lambent_command.start("logs", "echo", "--follow", "--account", lambent_command.account) as following:
        assert following.stdout is not None
        wait_for_line(following, "called with before")
        with lambent_command.start("invoke", "echo", "--payload", '"after"') as invoking:
            invoking.communicate(timeout=30)
            answered = time.monotonic()
        wait_for_line(following, "called with after")
        assert time.monotonic() - answered < 10
        following.terminate()


def wait_for_line(process: "subprocess.Popen[str]", text: str) -> None:
    """Read until a line has this text; the test's own timeout ends it otherwise."""
    assert process.stdout is not None
    while text not in process.stdout.readline():
        assert process.poll() is None


def test_doctor_says_that_functions_can_run_here(lambent_command: Command) -> None:
    status, output, _ = lambent_command("doctor")
    assert (status, output.splitlines()[-1]) == (0, "Functions can run here, isolated.")
    status, output, _ = lambent_command("doctor", "--json")
    assert json.loads(output)["can_run_functions"] is True
