"""What a function's answer means for its batch, where the mapping asks for ReportBatchItemFailures.

Without that setting the answer is ignored: a batch succeeds or fails as a whole, by whether the function has raised.

Source: event-sources.md §2, the table (recorded from AWS). Unverified: answers that are neither objects nor empty.
"""

import json
from collections.abc import Collection
from typing import Final

_KEY: Final = "batchItemFailures"
_ITEM: Final = "itemIdentifier"


class WholeBatchFailed(Exception):
    """The answer isn't one to a batch, so that all of it counts as failed; the message says why."""


def reported_failures(answer: bytes, message_ids: Collection[str]) -> frozenset[str]:
    """The ids of the messages that failed.

    Args:
        answer: the function's, as JSON.
        message_ids: of the batch.

    Raises:
        WholeBatchFailed: the answer is of another form, or names a message that isn't of this batch.
    """
    try:
        said = json.loads(answer or b"null")
    except (ValueError, RecursionError) as error:
        raise WholeBatchFailed("the answer isn't JSON") from error
    if said in (None, "", [], {}):
        return frozenset()
    if not isinstance(said, dict) or _KEY not in said:
        raise WholeBatchFailed(f"the answer has no {_KEY}")
    items = said[_KEY]
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        raise WholeBatchFailed(f"{_KEY} isn't a list")
    return frozenset(_failed(item, message_ids) for item in items)


def _failed(item: object, message_ids: Collection[str]) -> str:
    if not isinstance(item, dict) or _ITEM not in item:
        raise WholeBatchFailed(f"an item of {_KEY} has no {_ITEM}")
    identifier = item[_ITEM]
    if not isinstance(identifier, str) or not identifier:
        raise WholeBatchFailed(f"an {_ITEM} is empty")
    if identifier not in message_ids:
        raise WholeBatchFailed(f"no message of the batch has the {_ITEM} {identifier[:100]!r}")
    return identifier
