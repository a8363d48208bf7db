"""What a test of one's own function looks like."""

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

CODE = Path(__file__).parent.parent / "orders" / "app.py"


@pytest.fixture
def orders(lambda_client):
    """Deploys the function and gives something to invoke it with."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(CODE, "app.py")
    lambda_client.create_function(
        FunctionName="orders",
        Runtime=f"python3.{sys.version_info.minor}",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"CURRENCY": "CHF"}},
    )
    lambda_client.get_waiter("function_active_v2").wait(FunctionName="orders")

    def invoke(event):
        answer = lambda_client.invoke(FunctionName="orders", Payload=json.dumps(event))
        return answer.get("FunctionError"), json.load(answer["Payload"])

    return invoke


def test_an_order_is_added_up(orders):
    error, answer = orders({"order_id": "A-1", "items": [{"name": "tea", "price": 4.5, "count": 2}]})
    assert error is None
    assert answer["total"] == "9.00 CHF"


def test_receipts_stay_while_the_environment_does(orders):
    for number in range(3):
        _, answer = orders({"order_id": f"A-{number}", "items": [{"name": "tea", "price": 1, "count": 1}]})
    assert answer["receipts_here"] == 3


def test_an_empty_order_is_an_error(orders):
    error, answer = orders({"order_id": "A-1", "items": []})
    assert error == "Unhandled"
    assert answer["errorType"] == "EmptyOrder"
    assert answer["errorMessage"] == "order A-1 has no items"
