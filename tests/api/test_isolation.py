"""An account sees its own, in the region it asks in, and nothing of anybody else's: every operation that there is.

What is tried comes from the API model, so a new operation is tried as soon as it is there. The owner has one of
everything; a stranger is another account in the same region, or the same account in another region.
Source: api-errors.md section 4 (ARN of another region, of another account).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.gateway.operations.table import APART, OPERATIONS
from tests.api.calls import create, settle
from tests.api.conftest import ClientFactory
from tests.api.constraint_oracle import input_of, model, shape
from tests.api.inventory import FUNCTION, LAYER, Inventory, Reading
from tests.api.raw_requests import Connection
from tests.api.violations import acceptable
from tests.golden import Answer
from tests.lambent_server import REGION, LambentServer

pytestmark = pytest.mark.root

OWNER = "100000000002"
ANOTHER_ACCOUNT = "100000000003"
ANOTHER_REGION = "us-east-1"
ALL = sorted({*OPERATIONS, *APART})
MAKES_ITS_OWN = {"CreateFunction", "PublishLayerVersion", "CreateCodeSigningConfig", "CreateCapacityProvider"}
"""What is named in a request for these needn't be there."""
IDEMPOTENT = {"DeleteLayerVersion", "DeleteAlias", "DeleteProvisionedConcurrencyConfig"}
"""Deleting what isn't there is no error (api-errors.md sections 7, 8 and 12)."""
EMPTY_FOR_WHAT_IS_NOT_THERE = {"ListLayerVersions", "ListEventSourceMappings", "ListLayers"}


def members_of(operation: str) -> dict[str, Any]:
    """The members of an operation's request."""
    members: dict[str, Any] = (
        shape(input_of(operation))["members"] if "input" in model()["operations"][operation] else {}
    )
    return members


def required_of(operation: str) -> list[str]:
    return list(shape(input_of(operation)).get("required", [])) if members_of(operation) else []


@pytest.fixture(scope="module")
def owner(lambent: LambentServer) -> Iterator[Inventory]:
    made = Inventory(lambent.url, account=OWNER)
    made.fill()
    yield made
    made.empty()


@pytest.fixture(scope="module")
def before(owner: Inventory) -> dict[Reading, Any]:
    """What the owner saw before any stranger came."""
    return owner.look()


@pytest.fixture(params=["another account", "another region"])
def stranger(request: pytest.FixtureRequest, lambent: LambentServer) -> Iterator[Connection]:
    if request.param == "another account":
        connection = Connection(lambent.url, account=ANOTHER_ACCOUNT)
    else:
        connection = Connection(lambent.url, account=OWNER, region=ANOTHER_REGION)
    yield connection
    connection.close()


@pytest.fixture(scope="module", autouse=True)
def _all_is_as_before(owner: Inventory, before: dict[Reading, Any]) -> Iterator[None]:
    yield
    assert owner.look() == before


def naming_what_is_the_owners(operation: str, owner: Inventory) -> dict[str, Any]:
    """A request for an operation on what the owner has, by name wherever there are names."""
    known = {member: owner.names[member][0] for member in required_of(operation) if member in owner.names}
    return {**acceptable(operation), **known} if members_of(operation) else {}


def error_of(answer: Answer) -> str:
    return answer.headers.get("x-amzn-errortype", "")


def test_the_owner_sees_what_is_there(owner: Inventory, before: dict[Reading, Any]) -> None:
    """So that the other tests don't hold only because there is nothing to see."""
    seen = {reading.operation for reading, (status, _) in before.items() if status == 200}
    durable = {name for name in OPERATIONS if "Durable" in name}
    providers = {name for name in OPERATIONS if "CapacityProvider" in name or "ScalingConfig" in name}
    assert {name for name in OPERATIONS if name.startswith(("Get", "List"))} - durable - providers <= seen


def test_a_stranger_reads_nothing(owner: Inventory, before: dict[Reading, Any], stranger: Connection) -> None:
    for reading, (status, body) in before.items():
        answer = stranger.call(reading.operation, dict(reading.request))
        shown = json.loads(answer.body)
        if answer.status == 200:
            assert not any(value for value in shown.values() if isinstance(value, list)), f"{reading}: {shown}"
            assert shown == {} or shown != body or status != 200 or not any(body.values()), f"{reading}: {shown}"
        assert "SECRET" not in str(shown)
        named = str(reading.request)
        assert owner.arn in named or owner.arn not in str(shown), f"{reading}: {shown}"


@pytest.mark.parametrize("operation", [name for name in ALL if name not in MAKES_ITS_OWN and required_of(name)])
def test_no_operation_reaches_what_is_a_strangers(operation: str, owner: Inventory, stranger: Connection) -> None:
    answer = stranger.call(operation, naming_what_is_the_owners(operation, owner))
    if operation in IDEMPOTENT:
        assert answer.status in {204, 404}
    elif operation in EMPTY_FOR_WHAT_IS_NOT_THERE:
        assert not any(json.loads(answer.body).values())
    else:
        assert 400 <= answer.status < 500 or error_of(answer) == "NotImplementedException", answer


@pytest.mark.parametrize("operation", [name for name in ALL if "FunctionName" in members_of(name)])
def test_the_arn_of_a_function_is_of_one_account_and_region(
    operation: str, owner: Inventory, stranger: Connection
) -> None:
    request = {**naming_what_is_the_owners(operation, owner), "FunctionName": f"{owner.arn}:function:{FUNCTION}"}
    assert_elsewhere(operation, stranger.call(operation, request), stranger)


@pytest.mark.parametrize("operation", [name for name in ALL if "LayerName" in required_of(name)])
def test_the_arn_of_a_layer_is_of_one_account_and_region(
    operation: str, owner: Inventory, stranger: Connection
) -> None:
    request = {**naming_what_is_the_owners(operation, owner), "LayerName": f"{owner.arn}:layer:{LAYER}"}
    assert_elsewhere(operation, stranger.call(operation, request), stranger)


@pytest.mark.parametrize(
    ("operation", "member"),
    [(name, one) for name in ALL for one in ("Arn", "Resource", "ResourceArn") if one in required_of(name)],
)
def test_other_arns_are_of_one_account_and_region_too(
    operation: str, member: str, owner: Inventory, stranger: Connection
) -> None:
    for arn in owner.names[member]:
        request = {**naming_what_is_the_owners(operation, owner), member: arn}
        assert_elsewhere(operation, stranger.call(operation, request), stranger)


def assert_elsewhere(operation: str, answer: Answer, stranger: Connection) -> None:
    """What is said of an ARN of another account, and of one of another region."""
    if error_of(answer) == "NotImplementedException":
        return
    expected = (403, "AccessDeniedException") if stranger.region == REGION else (404, "ResourceNotFoundException")
    assert (answer.status, error_of(answer)) == expected, f"{operation}: {answer}"


def test_figures_are_of_the_own_account_and_region(owner: Inventory, stranger: Connection) -> None:
    settings = json.loads(stranger.call("GetAccountSettings", {}).body)
    assert settings["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000


@pytest.mark.parametrize(("account", "region"), [(ANOTHER_ACCOUNT, REGION), (OWNER, ANOTHER_REGION)])
def test_the_same_names_are_other_things_elsewhere(
    owner: Inventory, before: dict[Reading, Any], lambent: LambentServer, account: str, region: str
) -> None:
    twin = Inventory(lambent.url, account=account, region=region)
    twin.fill()
    assert twin.arn in str(twin.look())
    assert owner.arn not in str(twin.look())
    assert owner.look() == before
    twin.empty()


def test_a_marker_of_a_stranger_shows_nothing_of_theirs(client: Any, lambda_client: ClientFactory) -> None:
    for name in ("first", "second"):
        create(client, name)
        settle(client, name)
    marker = client.list_functions(MaxItems=1)["NextMarker"]
    for elsewhere in (lambda_client(account=ANOTHER_ACCOUNT), lambda_client(region=ANOTHER_REGION)):
        assert elsewhere.list_functions(Marker=marker)["Functions"] == []
