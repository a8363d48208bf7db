"""A server is killed again and again while events are accepted, run, retried and delivered; then it is counted.

The promise: every event that was answered 202 has one outcome, which reached its destination. An event that was under
way at a kill may run, and a record may be sent, once more.
"""

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.world import (
    FLAKY,
    LETTERS,
    RESULTS,
    TIGHT,
    Callers,
    Collector,
    Listener,
    control,
    make_functions,
    queues,
    send_to,
    wait_until_empty,
)
from tests.lambent_server import LambentServer


@dataclass(slots=True)
class Outcome:
    """What a run came to. `lost` names accepted events without their outcome; it has to be empty."""

    kills: int
    accepted: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    runs: int = 0
    repeated_runs: int = 0
    records: int = 0
    repeated_records: int = 0
    events_under_way: int = 0
    deliveries_under_way: int = 0
    seconds: float = 0

    def lines(self) -> list[tuple[str, str]]:
        """For a table."""
        kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(self.accepted.items()))
        return [
            ("kills", f"{self.kills}"),
            ("events accepted", f"{self.accepted.total():,} ({kinds})"),
            ("accepted events without their outcome", f"{len(self.lost)}"),
            ("events with a wrong outcome", f"{len(self.wrong)}"),
            ("runs of functions", f"{self.runs:,}"),
            ("of them repeated", f"{self.repeated_runs:,} (events under way at kills: {self.events_under_way:,})"),
            ("records and dead letters received", f"{self.records:,}"),
            (
                "of them repeated",
                f"{self.repeated_records:,} (deliveries under way at kills: {self.deliveries_under_way:,})",
            ),
            ("it took", f"{self.seconds:.0f} s"),
        ]


def kill_again_and_again(directory: Path, *, kills: int, longest_seconds: float = 4.0) -> Outcome:
    """Carry out one run."""
    begun = time.monotonic()
    outcome = Outcome(kills)
    chance = random.Random()
    server, listener = LambentServer(directory / "data"), Listener()
    with queues() as sqs:
        send_to(server, sqs.url)
        functions = make_functions(server.start(), listener.port)
        collector = Collector(sqs)
        callers = Callers(server, functions, pause_seconds=0.05)
        try:
            for _ in range(kills):
                _live_and_die(server, chance.uniform(0.05, longest_seconds), outcome)
                server.start()
        finally:
            callers.stop()
        wait_until_empty(server, seconds=300)
        assert server.stop() == 0
        _count(outcome, callers, listener, collector.finish())
    listener.close()
    assert "Traceback" not in server.said(), server.said()
    outcome.seconds = time.monotonic() - begun
    return outcome


def _live_and_die(server: LambentServer, seconds: float, outcome: Outcome) -> None:
    time.sleep(seconds / 2)
    control(server, "POST", "clock?seconds=61")  # so that retries are among what is cut off
    time.sleep(seconds / 2)
    server.kill()
    server.wait_until_no_process_is_left()
    with closing(sqlite3.connect(server.data_directory / "queue.db")) as database:
        for table, name in (("events", "events_under_way"), ("deliveries", "deliveries_under_way")):
            [count] = database.execute(f"SELECT count(*) FROM {table} WHERE lease_until_ms != 0").fetchone()
            setattr(outcome, name, getattr(outcome, name) + count)


def _count(
    outcome: Outcome, callers: Callers, listener: Listener, messages: Mapping[str, list[Mapping[str, Any]]]
) -> None:
    outcome.accepted = Counter(callers.accepted.values())
    records: dict[str, list[str]] = {}
    for message in messages[RESULTS]:
        record = json.loads(message["Body"])
        request_id, condition = record["requestContext"]["requestId"], record["requestContext"]["condition"]
        payload = record["requestPayload"]
        if "requestContext" in payload:  # a relayed event's: its own record is what the next function was sent
            request_id, condition = payload["requestContext"]["requestId"], f"relayed {condition}"
        records.setdefault(request_id, []).append(condition)
    letters = Counter(message["MessageAttributes"]["RequestID"]["StringValue"] for message in messages[LETTERS])
    for request_id, function in callers.accepted.items():
        conditions = records.get(request_id, [])
        if not conditions or (function == "bad" and not letters[request_id]):
            outcome.lost.append(f"{function} {request_id}")
        expected = {"bad": "RetriesExhausted", "relay": "relayed Success"}.get(function, "Success")
        # Who is throttled while the clock is moved on and on may grow too old: an outcome, too.
        if set(conditions) - {expected, "EventAgeExceeded" if function == TIGHT else expected}:
            outcome.wrong.append(f"{function} {request_id} {conditions}")
    outcome.records = sum(map(len, records.values())) + letters.total()
    outcome.repeated_records = outcome.records - len(records) - len(letters)
    outcome.runs = listener.runs.total()
    outcome.repeated_runs = sum(
        runs - (2 if function == FLAKY else 1) for (function, _), runs in listener.runs.items() if runs > 1
    )
