"""Requests that no client library would send: unknown operations, other bodies than the model's, too much of it."""

import json
import re
from typing import Any

import pytest

from lambent.gateway.body_limits import PACKAGE_BYTES
from lambent.gateway.operations.table import OPERATIONS
from lambent.wire.service_model import Operation, load_lambda_model
from tests.api.calls import ROLE, call, create, package, send, settle
from tests.lambent_server import LambentServer

pytestmark = pytest.mark.root

MODEL = load_lambda_model()
ELSEWHERE = {"Invoke"}  # gateway/invoke.py
NOT_IMPLEMENTED = sorted(MODEL.operations.keys() - OPERATIONS.keys() - ELSEWHERE)


def path_of(operation: Operation) -> str:
    """A path that is this operation's, whatever its labels stand for."""
    return re.sub(r"\{[^}]*\}", "x", operation.uri)


def test_every_operation_of_the_model_is_accounted_for() -> None:
    assert len(MODEL.operations) == 91
    assert OPERATIONS.keys() | ELSEWHERE <= MODEL.operations.keys()


@pytest.mark.parametrize("name", NOT_IMPLEMENTED)
@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense"])
def test_an_operation_that_lambent_lacks_answers_with_its_name(
    name: str, body: bytes, lambent: LambentServer, account: str
) -> None:
    operation = MODEL.operations[name]
    answer = send(lambent.url, operation.method, path_of(operation), body, account=account)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (501, "NotImplementedException")
    assert json.loads(answer.body) == {
        "Type": "Service",
        "message": f"Lambent does not implement the operation {name} yet.",
    }


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


FUNCTION_NAME = "my-function"
LAYER_VERSION: dict[str, Any] = {"LayerName": "my-layer", "VersionNumber": 1}
VALID: dict[str, dict[str, Any]] = {
    "CreateFunction": {
        "FunctionName": "another-function",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": package()},
    },
    "GetFunction": {"FunctionName": FUNCTION_NAME},
    "GetFunctionConfiguration": {"FunctionName": FUNCTION_NAME},
    "UpdateFunctionCode": {"FunctionName": FUNCTION_NAME, "ZipFile": package("other")},
    "UpdateFunctionConfiguration": {"FunctionName": FUNCTION_NAME, "Timeout": 60},
    "ListFunctions": {},
    "DeleteFunction": {"FunctionName": FUNCTION_NAME},
    "PublishVersion": {"FunctionName": FUNCTION_NAME},
    "ListVersionsByFunction": {"FunctionName": FUNCTION_NAME},
    "PutFunctionConcurrency": {"FunctionName": FUNCTION_NAME, "ReservedConcurrentExecutions": 1},
    "GetFunctionConcurrency": {"FunctionName": FUNCTION_NAME},
    "DeleteFunctionConcurrency": {"FunctionName": FUNCTION_NAME},
    "ListTags": {"Resource": "arn:aws:lambda:eu-west-1:000000000000:function:my-function"},
    "GetAccountSettings": {},
    "PublishLayerVersion": {"LayerName": "my-layer", "Content": {"ZipFile": package()}},
    "GetLayerVersion": LAYER_VERSION,
    "GetLayerVersionByArn": {"Arn": "arn:aws:lambda:eu-west-1:100000000001:layer:my-layer:1"},
    "ListLayers": {},
    "ListLayerVersions": {"LayerName": "my-layer"},
    "DeleteLayerVersion": LAYER_VERSION,
    "AddLayerVersionPermission": {
        **LAYER_VERSION,
        "StatementId": "s1",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
    },
    "GetLayerVersionPolicy": LAYER_VERSION,
    "RemoveLayerVersionPermission": {**LAYER_VERSION, "StatementId": "s1"},
}
REFUSED_IN_OTHER_WORDS = {"Runtime"}  # not a ValidationException: tests/api/test_functions.py


def violations() -> list[Any]:
    """Every constraint that the model has for a top-level scalar, violated: operation, member, value, AWS's words."""
    cases = []
    for name in VALID:
        shape = MODEL.operations[name].input
        for member in () if shape is None else shape.members:
            definition = member.shape.definition
            if member.shape.type not in {"string", "integer", "long"} or member.name in REFUSED_IN_OTHER_WORDS:
                continue
            text = member.shape.type == "string"
            quantity = "length" if text else "value"
            wrong: list[tuple[Any, str]] = []
            if definition.enum:
                wrong.append(("!", "Member must satisfy enum value set: ["))
            if definition.pattern is not None and not re.fullmatch(definition.pattern, "!"):
                wrong.append(("!", f"Member must satisfy regular expression pattern: {definition.pattern}"))
            if definition.max is not None:
                above = "a" * (int(definition.max) + 1) if text else definition.max + 1
                wrong.append((above, f"Member must have {quantity} less than or equal to {definition.max}"))
            if definition.min and member.location != "uri":  # an empty label is another path
                below = "a" * (int(definition.min) - 1) if text else definition.min - 1
                wrong.append((below, f"Member must have {quantity} greater than or equal to {definition.min}"))
            if member.required and member.location != "uri":
                wrong.append((None, "Member must not be null"))
            for value, words in wrong:
                label = f"{name} {member.name} {str(value)[:5]} {words[:32]}"
                cases.append(pytest.param(name, member.name, member.path_name, value, words, id=label))
    return cases


@pytest.fixture(scope="module")
def untouched(lambent: LambentServer) -> Any:
    """A client of an account with one function, which no request of these tests may change."""
    return lambent.client(account="100000000001", parameter_validation=False)


@pytest.fixture(scope="module")
def before(untouched: Any) -> Any:
    create(untouched, FUNCTION_NAME)
    settle(untouched, FUNCTION_NAME)
    yield everything(untouched)
    untouched.delete_function(FunctionName=FUNCTION_NAME)


def everything(client: Any) -> list[Any]:
    """What there is in the account."""
    functions = client.list_functions(FunctionVersion="ALL")["Functions"]
    usage = client.get_account_settings()
    return [functions, client.list_layers()["Layers"], usage["AccountUsage"], usage["AccountLimit"]]


def test_every_operation_that_there_is_is_tried_here() -> None:
    assert VALID.keys() == OPERATIONS.keys()


@pytest.mark.parametrize(("name", "member", "path", "value", "words"), violations())
def test_a_violated_constraint_is_named_and_nothing_is_done(
    name: str, member: str, path: str, value: Any, words: str, untouched: Any, before: Any
) -> None:
    request = {**VALID[name], member: value}
    if value is None:
        del request[member]
    answer = call(untouched, name, request)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    message = json.loads(answer.body)["message"]
    shown = "Value null" if value is None else f"Value '{value}'"
    assert re.match(r"1 validation error detected: |\d+ validation errors detected: ", message)
    assert f"{shown} at '{path}' failed to satisfy constraint: {words}" in message
    assert everything(untouched) == before
