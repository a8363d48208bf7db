"""Whatever the model allows, however odd, is carried out or refused: nothing that a caller sends is a bug."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.gateway.operations.table import OPERATIONS
from tests.api.calls import ROLE, package
from tests.api.constraint_oracle import input_of, model, shape
from tests.api.inventory import ALIAS, FUNCTION, Inventory
from tests.api.odd_values import odd_requests
from tests.api.violations import acceptable
from tests.lambent_server import REGION, LambentServer

pytestmark = [pytest.mark.root, pytest.mark.slow]

ACCOUNT = "100000000005"
PACKAGE = {"ZipFile": package()}
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": "123456789012"},
    "Action": "lambda:InvokeFunction",
    "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}",
}
GOOD: dict[str, dict[str, Any]] = {
    "CreateFunction": {
        "FunctionName": "new",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": PACKAGE,
    },
    "UpdateFunctionCode": PACKAGE,
    "PublishLayerVersion": {"Content": PACKAGE},
    "AddPermission": {"Principal": "s3.amazonaws.com", "StatementId": "new"},
    "CreateEventSourceMapping": {"EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:my-queue"},
    "PutFunctionEventInvokeConfig": {"MaximumRetryAttempts": 1},
    "PutResourcePolicy": {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})},
    "CreateFunctionUrlConfig": {"Qualifier": ALIAS},
    "CreateAlias": {"FunctionVersion": "1"},
    "UpdateAlias": {"FunctionVersion": "1"},
}
"""What a request needs beside the names of things, so that it isn't refused for the same reason each time."""
DELETING = ("Delete", "Remove", "Untag")


@pytest.fixture
def inventory(lambent: LambentServer) -> Iterator[Inventory]:
    made = Inventory(lambent.url, account=ACCOUNT)
    made.fill()
    yield made
    made.empty()


def undo(inventory: Inventory, operation: str, answer: dict[str, Any]) -> None:
    """What was made goes again, so that the next request isn't a duplicate."""
    match operation:
        case "CreateFunction":
            inventory.connection.call("DeleteFunction", {"FunctionName": answer["FunctionName"]})
        case "CreateEventSourceMapping":
            inventory.connection.call("DeleteEventSourceMapping", {"UUID": answer["UUID"]})
        case "AddPermission":
            statement = json.loads(answer["Statement"])["Sid"]
            inventory.connection.call("RemovePermission", {"FunctionName": FUNCTION, "StatementId": statement})
        case "UpdateFunctionCode" | "UpdateFunctionConfiguration":
            while answer.get("LastUpdateStatus") == "InProgress":
                asked = inventory.connection.call("GetFunctionConfiguration", {"FunctionName": FUNCTION})
                answer = json.loads(asked.body)


@pytest.mark.timeout(300)
def test_nothing_that_the_model_allows_is_a_bug(inventory: Inventory) -> None:
    """Operations that delete come last: until then there is one of everything."""
    carried_out = 0
    operations = [name for name in OPERATIONS if "input" in model()["operations"][name]]
    for operation in sorted(operations, key=lambda name: name.startswith(DELETING)):
        required = shape(input_of(operation)).get("required", [])
        named = {member: inventory.names[member][0] for member in required if member in inventory.names}
        base = {**acceptable(operation), **named, **GOOD.get(operation, {})}
        for request in odd_requests(operation, base):
            answer = inventory.connection.call(operation, request)
            assert answer.status < 500, f"{operation} {request}: {answer}"
            if answer.status < 300:
                carried_out += 1
                undo(inventory, operation, json.loads(answer.body or b"{}"))
    assert carried_out > 1_000
