"""Which runtimes a function may have, day by day: AWS's dates, with a clock that is set."""

import logging
from datetime import UTC, datetime

import pytest

from lambent.clock import Clock
from lambent.core.errors import InvalidParameterValue
from lambent.services.runtime_rules import RuntimeRules


class SetClock(Clock):
    """Wall time that stands still."""

    def __init__(self, moment: str) -> None:
        self._now_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)

    def now_ms(self) -> int:
        return self._now_ms


def rules(moment: str, *, unavailable: str | None = None) -> RuntimeRules:
    async def ask(identifier: str) -> str | None:
        return unavailable

    return RuntimeRules(clock=SetClock(moment), unavailable=ask)


async def test_a_function_can_be_created_until_the_day_on_which_that_is_blocked() -> None:
    await rules("2027-01-31T23:59:59").check_create("nodejs20.x")
    with pytest.raises(InvalidParameterValue, match=r"runtime parameter of nodejs20\.x is no longer supported"):
        await rules("2027-02-01T00:00:00").check_create("nodejs20.x")


async def test_a_function_can_be_given_a_runtime_until_the_day_on_which_updates_are_blocked() -> None:
    await rules("2027-03-02T23:59:59").check_update("python3.9")
    with pytest.raises(InvalidParameterValue, match=r"runtime parameter of python3\.9 is no longer supported"):
        await rules("2027-03-03T00:00:00").check_update("python3.9")


def test_a_function_gets_no_other_code_from_that_day_on() -> None:
    rules("2027-03-02T23:59:59").check_code_update("provided.al2")
    with pytest.raises(InvalidParameterValue, match=r"runtime parameter of provided\.al2 is no longer supported"):
        rules("2027-03-03T00:00:00").check_code_update("provided.al2")


@pytest.mark.parametrize("identifier", ["nodejs", "python2.7", "dotnetcore1.0"])
async def test_what_was_blocked_long_ago_is_blocked_on_any_day(identifier: str) -> None:
    with pytest.raises(InvalidParameterValue, match="is no longer supported"):
        await rules("2026-01-01T00:00:00").check_update(identifier)


async def test_what_aws_does_not_know_is_refused_before_this_host_is_asked() -> None:
    for identifier in ("nodejs21.x", "NODEJS22.X"):
        with pytest.raises(InvalidParameterValue, match=f"Value {identifier} at 'runtime' failed to satisfy"):
            await rules("2026-11-21T00:00:00", unavailable="not here").check_create(identifier)


async def test_what_this_host_has_not_is_refused_with_the_reason() -> None:
    text = "Runtime java21 is not available on this host: because"
    for check in (RuntimeRules.check_create, RuntimeRules.check_update):
        with pytest.raises(InvalidParameterValue, match=text):
            await check(rules("2026-11-21T00:00:00", unavailable="because"), "java21")


async def test_a_deprecated_runtime_is_accepted_with_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await rules("2026-04-29T00:00:00").check_create("nodejs20.x")
        assert caplog.messages == []
        await rules("2026-04-30T00:00:00").check_create("nodejs20.x")
        await rules("2026-04-30T00:00:00").check_update("nodejs20.x")
    text = (
        "The runtime nodejs20.x is deprecated since 2026-04-30. Functions can't be created with it from 2027-02-01 on, "
        "nor updated from 2027-03-03 on."
    )
    assert caplog.messages == [text, text]
