"""What a function writes is in its log, in its order, between the platform's lines."""

import json
import re

from tests.scenarios.columns import Column
from tests.scenarios.conftest import Deploy
from tests.scenarios.functions_under_test import Function


def matches(lines: list[str], patterns: list[str]) -> bool:
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def test_lines_of_both_outputs_stand_between_start_and_end(function: Function) -> None:
    """Source: logs-metrics-traces.md sections 1 to 3."""
    family = function.column.family
    for text in ("one", "two"):
        answer = function("say", text=text)
        expected = [family.line(f"{stream}: {text}", answer.request_id) for stream in ("out", "err")]
        assert matches(answer.output, expected), (answer.output, expected)


def test_the_report_is_aws_s(function: Function) -> None:
    answer = function("echo", value=1)
    assert f"START RequestId: {answer.request_id} Version: $LATEST\n" in answer.log
    assert re.search(
        rf"END RequestId: {answer.request_id}\n"
        rf"REPORT RequestId: {answer.request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 192 MB\tMax Memory Used: \d+ MB\t(Init Duration: \d+\.\d\d ms\t)?\n$",
        answer.log,
    ), answer.log


def test_what_init_writes_comes_before_start(deployed: Deploy, column: Column) -> None:
    function = deployed(column, Environment={"SCENARIO_INIT": "say"})
    log = function("echo", value=1).log
    assert "said in init" in log.partition("START RequestId: ")[0]
    assert "\tInit Duration: " in log
    log = function("echo", value=1).log
    while "INIT_START" in log:  # in another environment: the first wasn't done yet
        log = function("echo", value=1).log
    assert "said in init" not in log


def test_system_logs_are_json_when_wanted(deployed: Deploy, column: Column) -> None:
    """Source: logs-metrics-traces.md section 4; what the function writes stays its client's business."""
    function = deployed(column, LoggingConfig={"LogFormat": "JSON"})
    answer = function("say", text="one")
    *_, start, out, err, report = events_of(answer.log)
    assert json.loads(start)["type"] == "platform.start"
    assert json.loads(start)["record"] == {"requestId": answer.request_id, "version": "$LATEST"}
    form = column.family.json_line or column.family.line
    assert matches([out, err], [form(f"{stream}: one", answer.request_id) for stream in ("out", "err")]), (out, err)
    assert json.loads(report)["type"] == "platform.report"
    assert json.loads(report)["record"]["status"] == "success"
    assert "START RequestId" not in answer.log


def events_of(log: str) -> list[str]:
    """JSON objects and lines of text. A record that came in a frame has no newline behind it, nor has the tail."""
    events = []
    while log := log.lstrip("\n"):
        end = json.JSONDecoder().raw_decode(log)[1] if log.startswith("{") else (log + "\n").index("\n")
        events.append(log[:end])
        log = log[end:]
    return events
