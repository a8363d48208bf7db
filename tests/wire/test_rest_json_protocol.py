"""botocore's protocol cases (generated from Smithy's), read the other way round: its client's requests are decoded, and
what it parses from an answer is encoded.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import Member, ModelDefinition, ServiceModel, Shape
from tests.shared_data import cases

NOT_FOR_A_SERVER = {
    "RestJsonHostWithPath": "a path in front of the API's is the endpoint's, cut off before",
    "SDKAppliedContentEncoding_restJson1": "the case has no body",
    "SDKAppendedGzipAfterProvidedEncoding_restJson1": "the case has no body",
    "RestJsonDateTimeWithNegativeOffset": "this server always answers in UTC",
    "RestJsonDateTimeWithPositiveOffset": "this server always answers in UTC",
}
ANY_TOKEN = {"RestJsonQueryIdempotencyTokenAutoFill"}


def protocol_cases(path: str, needs: str) -> list[Any]:
    return [
        pytest.param(suite, case, id=case["id"])
        for suite in cases(path)
        for case in suite["cases"]
        if needs in case and case["id"] not in NOT_FOR_A_SERVER
    ]


def model_of(suite: Mapping[str, Any], case: Mapping[str, Any]) -> ServiceModel:
    """A service of the one operation that a case is about."""
    given = case["given"]
    document = {"operations": {given["name"]: given}, "shapes": suite["shapes"]}
    return ServiceModel(msgspec.convert(document, ModelDefinition))


def inside(shape: Shape, value: Any) -> Any:
    """What a structure of a case is inside Lambent; the cases have moments as numbers and bytes as text."""
    return {
        member.snake_name: _inside(member, value[member.name])
        for member in shape.members
        if value.get(member.name) is not None
    }


def _inside(member: Member, value: Any) -> Any:
    shape = member.shape
    if value is None or shape.definition.document:
        return value
    if member.jsonvalue:
        return json.loads(value)
    if shape.type == "structure":
        return inside(shape, value)
    if shape.type == "list":
        return [_inside(shape.element, one) for one in value]
    if shape.type == "map":
        return {key: _inside(shape.value, one) for key, one in value.items()}
    return SCALARS.get(shape.type, lambda scalar: scalar)(value)


SCALARS: dict[str, Callable[[Any], Any]] = {
    "timestamp": lambda seconds: datetime.fromtimestamp(seconds, UTC),
    "blob": str.encode,
    "float": float,
    "double": float,
}


def without_empty(value: Any) -> Any:
    """A structure without what can't be seen outside of a body: lists and maps of nothing."""
    return {name: one for name, one in value.items() if one not in ([], {})}


def equal(one: Any, other: Any) -> bool:
    """`==`, but NaN is NaN."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


@pytest.mark.parametrize(("suite", "case"), protocol_cases("rest-json/input.json", "serialized"))
def test_a_clients_request_is_decoded_to_what_the_caller_meant(suite: dict[str, Any], case: dict[str, Any]) -> None:
    codec = RestJsonCodec(model_of(suite, case))
    sent = case["serialized"]
    target = urlsplit(sent["uri"])
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    match = codec.match(sent["method"], target.path, target.query)
    assert match is not None
    decoded = codec.decode(match, query=target.query, headers=headers, body=sent.get("body", "").encode())
    if match.operation.input is None:
        assert decoded == {}
        return
    expected = inside(match.operation.input, case["params"])
    for member in match.operation.input.members:
        if member.location == "querystring" and member.shape.type == "map":
            # A server can't tell which parameters a client had in the map: it has them all.
            every = decoded.pop(member.snake_name)
            assert every.keys() >= expected.pop(member.snake_name, {}).keys()
    if case["id"] in ANY_TOKEN:
        assert decoded.keys() == {"token"}
        return
    assert equal(without_empty(decoded), without_empty(expected)), (decoded, expected)


@pytest.mark.parametrize(("suite", "case"), protocol_cases("rest-json/output.json", "result"))
def test_an_answer_is_encoded_to_what_a_client_parses(suite: dict[str, Any], case: dict[str, Any]) -> None:
    model = model_of(suite, case)
    codec = RestJsonCodec(model)
    operation = model.operations[case["given"]["name"]]
    result = {} if operation.output is None else inside(operation.output, case["result"])
    status, headers, body = codec.encode(operation, result)
    response = case["response"]
    assert status == response["status_code"]
    sent = {name.lower(): value for name, value in headers}
    for name, value in response.get("headers", {}).items():
        if name.lower() not in {"content-type", "content-length"}:
            assert header_value(sent[name.lower()]) == header_value(value)
    expected = response.get("body", "").strip()
    if not expected or expected == "{}":
        assert body in {b"", b"{}"}
    elif expected.startswith(("{", "[", '"')):
        assert visible(json.loads(body)) == visible(json.loads(expected))
    else:
        assert body.decode() == expected


def header_value(text: str) -> str:
    """A list is the same with and without blanks and quotes that it can do without."""
    return text.replace(", ", ",")


def visible(value: Any) -> Any:
    """JSON as a client sees it: null members are absent, and unions carry no __type."""
    if isinstance(value, dict):
        return {name: visible(one) for name, one in value.items() if one is not None and name != "__type"}
    return [visible(one) for one in value] if isinstance(value, list) else value
