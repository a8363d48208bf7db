"""Every constraint that the model has, violated: AWS's text, and nothing has happened.

All operations of the model are tried, those too that Lambent doesn't have yet: the validation comes first.
The texts come from an oracle of the tests' own. Source: api-errors.md sections 3 and 15; operations.md.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lambent.gateway.operations.table import APART, OPERATIONS
from tests.api.constraint_oracle import message, model
from tests.api.inventory import Inventory
from tests.api.raw_requests import Connection
from tests.api.violations import acceptable, violating, violating_all_at_once
from tests.golden import Answer
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

ACCOUNT = "100000000001"
WITH_INPUT = [name for name, operation in model()["operations"].items() if "input" in operation]
CONSTRAINED = [name for name in WITH_INPUT if next(violating(name), None) is not None]


@pytest.fixture(scope="module")
def connection(lambent: LambentServer) -> Iterator[Connection]:
    opened = Connection(lambent.url, account=ACCOUNT)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def inventory(lambent: LambentServer) -> Iterator[Inventory]:
    """What there is in the account: one of everything."""
    made = Inventory(lambent.url, account=ACCOUNT)
    made.fill()
    yield made
    made.empty()


def assert_refused(answer: Answer, expected: str | None, what: str, request: Mapping[str, Any]) -> None:
    said = (answer.status, answer.headers.get("x-amzn-errortype"), json.loads(answer.body))
    shown = {name: str(value)[:100] for name, value in request.items()}
    assert said == (400, "ValidationException", {"message": expected}), f"{what}: {shown}"


def test_all_but_a_few_operations_have_constraints() -> None:
    """So that what comes next doesn't hold only because there is nothing to try."""
    assert set(WITH_INPUT) - set(CONSTRAINED) == {"GetAccountSettings"}
    assert sum(1 for name in CONSTRAINED for _ in violating(name)) > 1_300


@pytest.mark.parametrize("operation", CONSTRAINED)
def test_each_violated_constraint_is_said_in_awss_words_and_nothing_is_done(
    operation: str, connection: Connection, inventory: Inventory
) -> None:
    before = inventory.look()
    for what, request in violating(operation):
        expected = message(operation, request)
        assert expected is not None, what
        assert_refused(connection.call(operation, request), expected, what, request)
    assert inventory.look() == before


@pytest.mark.parametrize("operation", CONSTRAINED)
def test_all_violations_of_a_request_are_said_together(operation: str, connection: Connection) -> None:
    request = violating_all_at_once(operation)
    expected = message(operation, request)
    assert_refused(connection.call(operation, request), expected, operation, request)


@pytest.mark.parametrize("operation", sorted(set(WITH_INPUT) - set(OPERATIONS) - APART))
def test_an_operation_that_lambent_lacks_says_so_when_the_request_is_right(
    operation: str, connection: Connection
) -> None:
    answer = connection.call(operation, acceptable(operation))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (501, "NotImplementedException")
    assert json.loads(answer.body) == {
        "Type": "Service",
        "message": f"Lambent does not implement the operation {operation} yet.",
    }
