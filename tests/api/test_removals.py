"""What goes with a function, and with an alias, and what stays. Source: api-errors.md sections 5 and 7 (recorded)."""

import json
from typing import Any

import pytest

from tests.api.calls import create, settle
from tests.api.inventory import ALIAS, FUNCTION, Inventory, Reading
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

STAYS = ("EventSourceMapping", "Layer", "CodeSigningConfig", "AccountSettings")


@pytest.fixture
def inventory(lambent: LambentServer, account: str) -> Any:
    """One of everything; the account is the test's own."""
    made = Inventory(lambent.url, account=account)
    made.fill()
    yield made
    made.empty()


def is_of_the_function(reading: Reading) -> bool:
    """Whether a reading is of something that belongs to the function."""
    if reading.operation == "ListTags":
        return ":function:" in str(reading.request)
    return reading.operation == "GetFunctionCodeSigningConfig" or not any(one in reading.operation for one in STAYS)


def test_a_function_takes_all_along_but_its_mappings(inventory: Inventory) -> None:
    before = inventory.look()
    inventory.make("DeleteFunction", {"FunctionName": FUNCTION})
    after = inventory.look()
    for reading, (status, body) in after.items():
        if is_of_the_function(reading):
            shown = body if status == 200 else {}
            assert not any(shown.values()), f"{reading}: {body}"
        elif reading.operation not in {"GetAccountSettings", "ListFunctionsByCodeSigningConfig"}:
            assert (status, body) == before[reading], reading
    assert after[Reading("ListFunctions", ())] == (200, {"Functions": []})


def test_what_is_made_anew_under_the_name_has_none_of_it(inventory: Inventory, client: Any) -> None:
    inventory.make("DeleteFunction", {"FunctionName": FUNCTION})
    create(client, FUNCTION)
    settle(client, FUNCTION)
    after = inventory.look()
    shown = {name: json.dumps(body) for (name, request), (status, body) in after.items() if status == 200 and request}
    assert "value" not in shown["GetFunction"]  # neither its tag nor its variable
    for name in ("ListAliases", "ListFunctionEventInvokeConfigs", "ListFunctionUrlConfigs"):
        assert not any(json.loads(shown[name]).values()), name
    for operation in ("GetPolicy", "GetFunctionUrlConfig", "GetFunctionEventInvokeConfig"):
        assert after[Reading(operation, (("FunctionName", FUNCTION),))][0] == 404
    assert json.loads(shown["GetFunctionConcurrency"]) == {}
    assert json.loads(shown["GetFunctionRecursionConfig"]) == {"RecursiveLoop": "Terminate"}


def test_an_alias_takes_all_along(inventory: Inventory) -> None:
    named = {reading for reading in inventory.look() if ("Qualifier", ALIAS) in reading.request}
    assert {
        "GetPolicy",
        "GetFunctionUrlConfig",
        "GetFunctionEventInvokeConfig",
        "GetProvisionedConcurrencyConfig",
    } <= {reading.operation for reading in named}
    before = inventory.look()
    inventory.make("DeleteAlias", {"FunctionName": FUNCTION, "Name": ALIAS})
    after = inventory.look()
    assert {reading: after[reading] for reading in named if after[reading][0] == 200} == {}
    inventory.make("CreateAlias", {"FunctionName": FUNCTION, "Name": ALIAS, "FunctionVersion": "1"})
    again = inventory.look()
    for operation in ("GetPolicy", "GetFunctionUrlConfig", "GetFunctionEventInvokeConfig"):
        assert again[Reading(operation, (("FunctionName", FUNCTION), ("Qualifier", ALIAS)))][0] == 404
        assert (
            again[Reading(operation, (("FunctionName", FUNCTION),))]
            == before[Reading(operation, (("FunctionName", FUNCTION),))]
        ), "what is the function's own stays"
