"""What functions logged, read from the server's data directory."""

import time
from collections.abc import Callable
from typing import TypeVar

from lambent.core.scope import Scope
from lambent.observe.log_reader import LogReader
from lambent.observe.log_segment import LogEvent
from tests.invoke.caller import Caller
from tests.lambent_server import LambentServer

T = TypeVar("T")


def events_of(lambent: LambentServer, caller: Caller, name: str) -> list[LogEvent]:
    """The log events of a function in all of its environments; up to 100 ms behind."""
    reader = LogReader(lambent.data_directory / "logs")
    return list(reader.read(Scope(caller.account, caller.region), f"/aws/lambda/{name}"))


def lines_of(lambent: LambentServer, caller: Caller, name: str, *, beginning: str) -> list[str]:
    """What follows a word in the lines that begin with it."""
    messages = [event.message for event in events_of(lambent, caller, name)]
    return [message.removeprefix(beginning).strip() for message in messages if message.startswith(beginning)]


def wait_for(condition: Callable[[], T | None], *, seconds: float = 20) -> T:
    """The first true answer to a question about the outside world."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.01)
    return found
