"""SIGTERM and SIGINT end a server in order; a second one ends it at once."""

import json
import signal
import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.lambent_server import LambentServer, create_function
from tests.recovery.test_sigkill import wait_until_logged

pytestmark = pytest.mark.root

SLEEP = (
    "import time\n\ndef handler(event, context):\n    print('sleeping')\n    time.sleep(event)\n    return 'slept'\n"
)
GRACE_SECONDS = 5


def invocation_that_takes(server: LambentServer, seconds: float) -> "Future[Any]":
    """An invocation that has begun, and the future of its answer."""
    client = server.client()
    create_function(client, "sleep", SLEEP, Timeout=60)
    answer: Future[Any] = Future()

    def invoke() -> None:
        try:
            response = client.invoke(FunctionName="sleep", Payload=json.dumps(seconds))
            answer.set_result(json.load(response["Payload"]))
        except (BotoCoreError, ClientError) as error:
            answer.set_exception(error)

    threading.Thread(target=invoke, daemon=True).start()
    wait_until_logged(server, "sleep", "sleeping")
    return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_invocation_that_runs_is_answered_before_the_server_ends(
    own_lambent: LambentServer, number: signal.Signals
) -> None:
    answer = invocation_that_takes(own_lambent.start(), 1)
    own_lambent.signal(number)
    assert answer.result(10) == "slept"
    assert own_lambent.wait() == 0
    assert own_lambent.leftovers() == []
    assert "Traceback" not in own_lambent.said()


@pytest.mark.slow
def test_what_takes_longer_than_the_grace_period_is_ended(own_lambent: LambentServer) -> None:
    answer = invocation_that_takes(own_lambent.start(), 50)
    begun = time.monotonic()
    assert own_lambent.stop() == 0
    assert GRACE_SECONDS - 1 < time.monotonic() - begun < GRACE_SECONDS + 20
    ended = answer.exception(1)
    assert isinstance(ended, ClientError), "the caller is answered, not cut off"
    assert ended.response["Error"]["Code"] == "ServiceException"
    assert own_lambent.leftovers() == []
    assert "Traceback" not in own_lambent.said()


def test_a_second_signal_ends_it_at_once_and_no_process_outlives_it(own_lambent: LambentServer) -> None:
    answer = invocation_that_takes(own_lambent.start(), 50)
    own_lambent.signal(signal.SIGINT)
    begun = time.monotonic()
    while own_lambent.accepts_connections():  # two signals at once would be one
        time.sleep(0.01)
    own_lambent.signal(signal.SIGINT)
    assert own_lambent.wait() == 130
    assert time.monotonic() - begun < GRACE_SECONDS - 1
    assert answer.exception(5) is not None
    own_lambent.wait_until_no_process_is_left()
    # Its control groups wait for the next start on this data directory.
    own_lambent.start()
    assert own_lambent.stop() == 0
    assert own_lambent.leftovers() == []


def test_it_can_be_started_and_stopped_again_and_again(own_lambent: LambentServer) -> None:
    for _ in range(3):
        own_lambent.start()
        assert own_lambent.stop() == 0
        assert own_lambent.leftovers() == []
    assert "Traceback" not in own_lambent.said()
