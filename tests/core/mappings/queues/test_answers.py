"""What an answer means. Source: event-sources.md §2, the table."""

import json

import pytest

from lambent.core.mappings.queues.answers import WholeBatchFailed, reported_failures

IDS = ["a", "b", "c"]


@pytest.mark.parametrize(
    "answer", [b"{}", b"null", b'""', b"[]", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}', b""]
)
def test_the_whole_batch_succeeded(answer: bytes) -> None:
    assert reported_failures(answer, IDS) == frozenset()


def test_some_have_failed() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}, {"itemIdentifier": "a"}]}
    assert reported_failures(json.dumps(answer).encode(), IDS) == {"a", "c"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"{", "isn't JSON"),
        (b"[" * 100_000, "isn't JSON"),
        (b'{"foo":1}', "has no batchItemFailures"),
        (b'{"batchItemFailures":[{"itemIdentifier":""}]}', "is empty"),
        (b'{"batchItemFailures":[{"itemIdentifier":null}]}', "is empty"),
        (b'{"batchItemFailures":[{"itemIdentifier":"unknown"}]}', "'unknown'"),
        (b'{"batchItemFailures":[{"itemIdentifier":"a"},{"other":"b"}]}', "has no itemIdentifier"),
        (b'{"batchItemFailures":["a"]}', "has no itemIdentifier"),
        # unverified
        (b'{"batchItemFailures":"a"}', "isn't a list"),
        (b'"ok"', "has no batchItemFailures"),
        (b"17", "has no batchItemFailures"),
    ],
)
def test_the_whole_batch_failed(answer: bytes, why: str) -> None:
    with pytest.raises(WholeBatchFailed, match=why):
        reported_failures(answer, IDS)
