"""The segment format: whatever is written is read, whatever was cut off is not there."""

from hypothesis import given
from hypothesis import strategies as st

from lambent.core.scope import Scope
from lambent.observe.log_segment import (
    LogEvent,
    complete_length,
    decode_events,
    encode_events,
    encode_header,
    file_name,
)

_SCOPE = Scope("000000000000", "eu-west-1")
_MESSAGES = st.text(st.characters(codec="utf-8") | st.sampled_from("\x10\x1e\tprS"))


@given(st.lists(st.tuples(st.integers(0, 1 << 45), _MESSAGES), min_size=1))
def test_any_text_is_read_as_it_was_written(events: list[tuple[int, str]]) -> None:
    content = encode_header(_SCOPE, "/aws/lambda/f") + encode_events("s", [f"{ms}\t{text}" for ms, text in events])
    assert list(decode_events(content)) == [LogEvent(ms, "s", text) for ms, text in events]


@given(st.lists(_MESSAGES, min_size=1), st.data())
def test_a_record_that_was_cut_off_is_left_out_and_the_ones_before_it_are_read(
    messages: list[str], data: st.DataObject
) -> None:
    content = encode_events("s", [f"1\t{message}" for message in messages])
    cut = data.draw(st.integers(0, len(content) - 1))
    read = [event.message for event in decode_events(content[:cut])]
    assert read == messages[: len(read)]
    assert len(read) < len(messages)
    assert complete_length(content[:cut]) <= cut


def test_events_belong_to_the_stream_named_before_them() -> None:
    content = encode_events("a", ["1\tx"]) + encode_events("b", ["2\ty", "3\tz"])
    assert [event.stream for event in decode_events(content)] == ["a", "b", "b"]


def test_a_lone_surrogate_does_not_lose_the_event() -> None:
    assert [event.message for event in decode_events(encode_events("s", ["1\tx\ud800y"]))] == ["x?y"]


@given(st.text())
def test_a_file_name_is_one_harmless_path_component(name: str) -> None:
    escaped = file_name(name)
    assert "/" not in escaped
    assert "\0" not in escaped
    assert not escaped.startswith(".")
    assert 0 < len(escaped.encode()) <= 255


@given(st.text(), st.text())
def test_different_names_have_different_files(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


def test_a_group_name_stays_readable_and_cannot_climb() -> None:
    assert file_name("/aws/lambda/hello") == "%2Faws%2Flambda%2Fhello"
    assert file_name("..") == "%2E."
    assert file_name("../../etc/passwd") == "%2E.%2F..%2Fetc%2Fpasswd"


def test_long_names_with_one_beginning_differ() -> None:
    assert file_name("a" * 500 + "x") != file_name("a" * 500 + "y")
