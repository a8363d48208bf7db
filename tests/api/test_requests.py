"""Requests that no client library would send: unknown operations, other bodies than the model's, too much of it."""

import json
import re
from typing import Any

import pytest

from lambent.gateway.body_limits import PACKAGE_BYTES
from lambent.gateway.operations.table import APART, OPERATIONS
from lambent.wire.service_model import Operation, load_lambda_model
from tests.api.calls import ROLE, send
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

MODEL = load_lambda_model()


def path_of(operation: Operation) -> str:
    """A path that is this operation's, whatever its labels stand for."""
    return re.sub(r"\{[^}]*\}", "x", operation.uri)


def test_every_operation_of_the_model_is_accounted_for() -> None:
    assert len(MODEL.operations) == 91
    assert OPERATIONS.keys() | APART <= MODEL.operations.keys()


WITH_A_BODY = ["CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"]
NO_DOCUMENTS: dict[str, bytes] = {
    "cut off": b'{"FunctionName": "x"',
    "a list": b"[]",
    "a number": b"1",
    "a string": b'"x"',
    "not UTF-8": b'{"FunctionName": "\xff"}',
    "two documents": b"{}{}",
    "nested deeply": b'{"Environment":' * 20_000,
    "a zero byte": b"{}\0",
    "no JSON number": b'{"Timeout": NaN}',
}


@pytest.mark.parametrize("name", [*WITH_A_BODY, "PutFunctionConcurrency"])
@pytest.mark.parametrize("kind", NO_DOCUMENTS)
def test_a_body_that_is_no_json_object_is_refused(name: str, kind: str, lambent: LambentServer, account: str) -> None:
    operation = MODEL.operations[name]
    answer = send(lambent.url, operation.method, path_of(operation), NO_DOCUMENTS[kind], account=account)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "SerializationException")


OTHER_TYPES: dict[str, dict[str, Any]] = {
    "text for a number": {"Timeout": "3"},
    "a fraction for an integer": {"Timeout": 1.5},
    "more than 32 bits": {"MemorySize": 2**31},
    "a number for text": {"Handler": 5},
    "a boolean for text": {"Description": True},
    "text for a boolean": {"Publish": "true"},
    "text for a structure": {"Environment": "x"},
    "a list for a map": {"Environment": {"Variables": []}},
    "a number for a map's text": {"Environment": {"Variables": {"KEY": 1}}},
    "text for a list": {"Architectures": "x86_64"},
    "a number in a list of text": {"Architectures": [1]},
    "no base64": {"Code": {"ZipFile": "!"}},
    "a list for a structure": {"Code": []},
}


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_a_value_of_another_type_is_refused(kind: str, client: Any, lambent: LambentServer, account: str) -> None:
    request = {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": ""}, **OTHER_TYPES[kind]}
    answer = send(lambent.url, "POST", "/2015-03-31/functions", json.dumps(request).encode(), account=account)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "SerializationException")
    assert client.list_functions()["Functions"] == []


class TestSize:
    def test_one_byte_more_than_a_request_may_have_is_refused(self, lambent: LambentServer, account: str) -> None:
        answer = send(lambent.url, "POST", "/2015-03-31/functions", b" " * (PACKAGE_BYTES + 1), account=account)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")
        assert (
            json.loads(answer.body)["message"]
            == "Request must be smaller than 70167211 bytes for the CreateFunction operation"
        )

    def test_exactly_as_much_is_read(self, lambent: LambentServer, account: str) -> None:
        body = b"{}" + b" " * (PACKAGE_BYTES - 2)
        answer = send(lambent.url, "POST", "/2015-03-31/functions", body, account=account)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
