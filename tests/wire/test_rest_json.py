"""The Lambda API through the codec: routes, requests as clients send them, answers, errors."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.core.errors import (
    AccessDenied,
    ApiError,
    InvalidParameterValue,
    ResourceNotFound,
    SerializationFailed,
    ServiceFault,
    TooManyRequests,
    ValidationFailed,
)
from lambent.wire.rest_json import RestJsonCodec, encode_error
from lambent.wire.service_model import load_lambda_model
from tests.shared_data import files
from tests.wire.botocore_requests import serialize, service_model

MODEL = load_lambda_model()
CODEC = RestJsonCodec(MODEL)
FUNCTIONS = "/2015-03-31/functions"
ROLE = "arn:aws:iam::000000000000:role/r"


def decode(method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    path, _, query = target.partition("?")
    match = CODEC.match(method, path, query)
    assert match is not None, f"no operation for {method} {target}"
    return CODEC.decode(match, query=query, headers=headers or {}, body=body)


def operation_of(method: str, target: str) -> str | None:
    path, _, query = target.partition("?")
    match = CODEC.match(method, path, query)
    return None if match is None else match.operation.name


def create(**members: Any) -> bytes:
    request = {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": "UEs="}, **members}
    return json.dumps(request).encode()


class TestRoutes:
    def test_the_model_has_all_91_operations(self) -> None:
        assert len(MODEL.operations) == 91

    @pytest.mark.parametrize("name", MODEL.operations)
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_each_operation_is_found_with_and_without_trailing_slash(self, name: str, slash: str) -> None:
        operation = MODEL.operations[name]
        path, _, query = operation.uri.removesuffix("/").partition("?")
        path = path.replace("{", "a").replace("}", "z") + slash
        assert operation_of(operation.method, f"{path}?{query}") == name

    def test_the_query_selects_among_operations_of_one_path(self) -> None:
        path = "/2019-09-30/functions/f/provisioned-concurrency"
        assert operation_of("GET", f"{path}?List=ALL") == "ListProvisionedConcurrencyConfigs"
        assert operation_of("GET", f"{path}?Qualifier=1") == "GetProvisionedConcurrencyConfig"
        assert operation_of("GET", "/2018-10-31/layers?find=LayerVersion&Arn=x") == "GetLayerVersionByArn"
        assert operation_of("GET", "/2018-10-31/layers?CompatibleRuntime=x") == "ListLayers"

    def test_the_date_in_the_path_selects_the_operation(self) -> None:
        assert operation_of("PUT", "/2017-10-31/functions/f/concurrency") == "PutFunctionConcurrency"
        assert operation_of("GET", "/2019-09-30/functions/f/concurrency") == "GetFunctionConcurrency"
        assert operation_of("GET", "/2017-10-31/functions/f/concurrency") is None

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", ""),
            ("GET", "*"),
            ("PATCH", FUNCTIONS),
            ("GET", "/2025-09-09/microvms"),
            ("GET", f"/{FUNCTIONS}"),
            ("GET", f"{FUNCTIONS}//configuration"),
            ("GET", f"{FUNCTIONS}/f//"),
        ],
    )
    def test_anything_else_is_no_operation(self, method: str, path: str) -> None:
        assert CODEC.match(method, path, "") is None

    def test_a_segment_is_decoded_after_the_path_was_split(self) -> None:
        arn = "arn:aws:lambda:eu-west-1:000000000000:function:f:$LATEST/durable-execution/a/b"
        encoded = "arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af%3A%24LATEST%2Fdurable-execution%2Fa%2Fb"
        match = CODEC.match("GET", f"/2025-12-01/durable-executions/{encoded}/history", "")
        assert match is not None
        assert match.labels == {"DurableExecutionArn": arn}

    def test_bytes_of_a_label_that_are_not_utf8_are_refused_not_a_crash(self) -> None:
        with pytest.raises(ValidationFailed, match="at 'functionName'"):
            decode("GET", f"{FUNCTIONS}/%ff%fe")


class TestDecoding:
    def test_names_become_snake_case_blobs_bytes_and_names_in_maps_stay(self) -> None:
        request = decode(
            "POST",
            FUNCTIONS,
            create(KMSKeyArn="arn:aws:kms:a:b:c", Environment={"Variables": {"camelCase": "x"}}, MemorySize=128),
        )
        assert request == {
            "function_name": "f",
            "role": ROLE,
            "code": {"zip_file": b"PK"},
            "kms_key_arn": "arn:aws:kms:a:b:c",
            "environment": {"variables": {"camelCase": "x"}},
            "memory_size": 128,
        }

    def test_members_come_from_path_query_headers_and_body(self) -> None:
        request = decode(
            "POST",
            f"{FUNCTIONS}/f/invocations?Qualifier=live",
            b'{"a": 1}',
            {"x-amz-invocation-type": "Event", "x-amz-log-type": "None", "x-other": "y"},
        )
        assert request == {
            "function_name": "f",
            "qualifier": "live",
            "invocation_type": "Event",
            "log_type": "None",
            "payload": b'{"a": 1}',
        }

    def test_a_parameter_that_repeats_is_a_list(self) -> None:
        arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af"
        assert decode("DELETE", f"/2017-03-31/tags/{arn}?tagKeys=a&tagKeys=b+c%20d")["tag_keys"] == ["a", "b c d"]

    def test_numbers_and_booleans_of_path_and_query_are_typed(self) -> None:
        assert decode("GET", "/2018-10-31/layers/l/versions/3")["version_number"] == 3
        assert decode("GET", f"{FUNCTIONS}?MaxItems=10")["max_items"] == 10
        path = "/2025-12-01/durable-executions/arn/history"
        with pytest.raises(ValidationFailed):
            decode("GET", f"{path}?IncludeExecutionData=true&ReverseOrder=false")

    def test_moments_are_utc(self) -> None:
        source = {"FunctionName": "f", "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1700000000.5}
        request = decode("POST", "/2015-03-31/event-source-mappings", json.dumps(source).encode())
        assert request["starting_position_timestamp"] == datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)

    def test_unknown_members_are_ignored_and_null_is_absent(self) -> None:
        request = decode("POST", FUNCTIONS, create(Colour="blue", Description=None))
        assert "colour" not in request
        assert "description" not in request

    def test_a_body_of_an_operation_without_one_is_ignored(self) -> None:
        assert decode("GET", f"{FUNCTIONS}/f", b"not json") == {"function_name": "f"}

    @pytest.mark.parametrize("body", [b"", b"{}", b"null"])
    def test_no_body_is_an_empty_one(self, body: bytes) -> None:
        assert decode("POST", f"{FUNCTIONS}/f/versions", body) == {"function_name": "f"}

    @pytest.mark.parametrize(
        ("members", "text"),
        [
            ({"Timeout": "3"}, "STRING_VALUE can not be converted to an Integer"),
            ({"Timeout": True}, "TRUE_VALUE can not be converted to an Integer"),
            ({"Timeout": 3.5}, "DECIMAL_VALUE can not be converted to an Integer"),
            ({"Timeout": [3]}, "Start of list found where not expected"),
            ({"Timeout": 2**31}, "Numeric value (2147483648) out of range of int (-2147483648 - 2147483647)"),
            ({"Publish": "true"}, "STRING_VALUE can not be converted to a Boolean"),
            ({"Description": 1}, "NUMBER_VALUE can not be converted to a String"),
            ({"Description": False}, "FALSE_VALUE can not be converted to a String"),
            ({"Description": {}}, "Start of structure or map found where not expected."),
            ({"Layers": "l"}, "Expected list or null"),
            ({"Tags": "t"}, "Expected map or null"),
            ({"Tags": {"a": 1}}, "NUMBER_VALUE can not be converted to a String"),
            ({"VpcConfig": []}, "Start of list found where not expected"),
            ({"Code": "c"}, "Unexpected field type"),
            ({"Code": {"ZipFile": "not base64"}}, "Unable to decode the base64 of a binary value"),
        ],
    )
    def test_another_type_than_the_models_is_a_serialization_exception(
        self, members: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(SerializationFailed) as caught:
            decode("POST", FUNCTIONS, create(**members))
        assert caught.value.message == text

    def test_a_number_without_a_fraction_is_an_integer_however_it_is_written(self) -> None:
        assert decode("POST", FUNCTIONS, create(Timeout=3.0))["timeout"] == 3

    def test_a_number_that_no_double_can_hold_is_a_serialization_exception(self) -> None:
        alias = {"Name": "a", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"1": 10**400}}}
        with pytest.raises(SerializationFailed, match="out of range"):
            decode("POST", f"{FUNCTIONS}/f/aliases", json.dumps(alias).encode())

    @pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b'{"a": NaN}', b"\xff", b"[" * 100_000])
    def test_a_body_that_is_no_json_object_is_a_serialization_exception(self, body: bytes) -> None:
        with pytest.raises(SerializationFailed):
            decode("POST", FUNCTIONS, body)

    @pytest.mark.parametrize("moment", ["x", True, [], 1e300, "9999-12-31T23:59:59-12:00", "Xyz, 99 Foo"])
    def test_what_is_no_moment_is_a_serialization_exception(self, moment: Any) -> None:
        body = json.dumps({"FunctionName": "f", "StartingPositionTimestamp": moment}).encode()
        with pytest.raises(SerializationFailed):
            decode("POST", "/2015-03-31/event-source-mappings", body)

    @pytest.mark.parametrize("number", ["x", "", "1.5", "1_0", "٣", " 1", "9" * 30])
    def test_what_is_no_number_in_a_query_is_a_serialization_exception(self, number: str) -> None:
        with pytest.raises(SerializationFailed):
            decode("GET", f"{FUNCTIONS}?MaxItems={number.encode().decode('latin-1')}")

    @pytest.mark.parametrize("path", files("json", "[yn]_*.json"), ids=lambda path: path.stem)
    def test_what_is_json_is_read_and_what_is_not_is_refused(self, path: Path) -> None:
        """JSONTestSuite; a member with the document in it, so that each document is met by the decoder."""
        body = b'{"FunctionName": "f", "Unknown": ' + path.read_bytes() + b"}"
        accepted = True
        try:
            decode("POST", FUNCTIONS, body)
        except SerializationFailed:
            accepted = False
        except ValidationFailed:
            pass
        assert accepted == path.name.startswith("y_")

    @pytest.mark.parametrize("path", files("json", "*.json"), ids=lambda path: path.stem)
    def test_no_document_is_a_crash(self, path: Path) -> None:
        for body in (path.read_bytes(), b'{"Environment": {"Variables": ' + path.read_bytes() + b"}}"):
            with pytest.raises((SerializationFailed, ValidationFailed)):
                decode("POST", FUNCTIONS, body)

    @settings(deadline=None)
    @given(
        st.sampled_from(sorted(MODEL.operations)),
        st.text("/%:aZ0$. ~é", max_size=20),
        st.text("&=+%aQ1é", max_size=20),
        st.binary(max_size=30)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda some: st.lists(some) | st.dictionaries(st.sampled_from(["Code", "Layers", "Tags", "a"]), some),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    )
    def test_any_request_is_read_or_answered_with_an_error_of_the_callers(
        self, name: str, label: str, query: str, body: bytes
    ) -> None:
        operation = MODEL.operations[name]
        path, _, constants = operation.uri.partition("?")
        path = "/".join(label if segment.startswith("{") else segment for segment in path.split("/"))
        query = f"{constants}&{query}"
        match = CODEC.match(operation.method, path, query)
        if match is None:
            return
        try:
            request = CODEC.decode(match, query=query, headers={"x-amz-log-type": label}, body=body)
        except ApiError as refused:
            assert refused.status == 400  # noqa: PT017 - any other exception must reach pytest
        else:
            assert isinstance(request, dict)


class TestEncoding:
    def test_the_status_is_the_models(self) -> None:
        status, headers, body = CODEC.encode(MODEL.operations["CreateFunction"], {"function_name": "f"})
        assert (status, headers, body) == (201, [("Content-Type", "application/json")], b'{"FunctionName":"f"}')

    @pytest.mark.parametrize("result", [{}, {"status_code": 204}])
    def test_delete_function_answers_204_although_the_model_says_200(self, result: dict[str, Any]) -> None:
        assert CODEC.encode(MODEL.operations["DeleteFunction"], result) == (204, [], b"")

    def test_an_operation_without_content_sends_none(self) -> None:
        assert CODEC.encode(MODEL.operations["DeleteFunctionConcurrency"], {}) == (204, [], b"")

    def test_an_answer_with_nothing_set_is_an_empty_object(self) -> None:
        status, _, body = CODEC.encode(MODEL.operations["GetFunctionConcurrency"], {})
        assert (status, body) == (200, b"{}")

    def test_status_headers_and_payload_come_from_members(self) -> None:
        result = {"status_code": 202, "function_error": "Unhandled", "payload": b"\x00raw", "executed_version": "1"}
        status, headers, body = CODEC.encode(MODEL.operations["Invoke"], result)
        assert (status, body) == (202, b"\x00raw")
        assert ("X-Amz-Function-Error", "Unhandled") in headers
        assert ("X-Amz-Executed-Version", "1") in headers

    def test_none_is_left_out_at_every_level_but_in_lists(self) -> None:
        result: dict[str, Any] = {"configuration": {"description": None, "layers": []}, "tags": None}
        body = CODEC.encode(MODEL.operations["GetFunction"], result)[2]
        assert body == b'{"Configuration":{"Layers":[]}}'

    def test_moments_are_seconds_with_a_fraction_only_if_they_have_one(self) -> None:
        operation = MODEL.operations["GetEventSourceMapping"]
        whole = CODEC.encode(operation, {"last_modified": datetime(2025, 1, 1, tzinfo=UTC)})[2]
        fraction = CODEC.encode(operation, {"last_modified": datetime(2025, 1, 1, 0, 0, 0, 250_000, UTC)})[2]
        assert whole == b'{"LastModified":1735689600}'
        assert fraction == b'{"LastModified":1735689600.25}'

    def test_text_is_utf8_and_enumerations_are_their_value(self) -> None:
        class State(StrEnum):
            ACTIVE = "Active"

        result = {"state": State.ACTIVE, "description": "größer", "state_reason": "\u2028"}
        body = CODEC.encode(MODEL.operations["GetFunctionConfiguration"], result)[2]
        assert json.loads(body) == {"State": "Active", "Description": "größer", "StateReason": "\u2028"}

    def test_a_member_that_the_model_does_not_know_is_a_bug(self) -> None:
        with pytest.raises(ValueError, match="FunctionConfiguration has no member colour"):
            CODEC.encode(MODEL.operations["CreateFunction"], {"colour": "blue"})


class TestErrors:
    """Source: api-errors.md §1."""

    def test_a_service_exception_has_type_and_message_in_the_models_case(self) -> None:
        status, headers, body = encode_error(ResourceNotFound("gone"), "id-1")
        assert (status, json.loads(body)) == (404, {"Type": "User", "Message": "gone"})
        assert dict(headers) == {
            "Content-Type": "application/json",
            "x-amzn-RequestId": "id-1",
            "x-amzn-ErrorType": "ResourceNotFoundException",
        }

    def test_a_framework_exception_has_only_a_message(self) -> None:
        assert json.loads(encode_error(ValidationFailed("bad"), "")[2]) == {"message": "bad"}

    def test_ours_is_of_type_service(self) -> None:
        status, _, body = encode_error(ServiceFault("sorry"), "")
        assert (status, json.loads(body)) == (500, {"Type": "Service", "Message": "sorry"})

    def test_what_a_message_quotes_may_have_no_utf_8(self) -> None:
        assert json.loads(encode_error(InvalidParameterValue("no \ud800"), "")[2])["message"] == "no ?"

    def test_a_message_may_be_null(self) -> None:
        assert json.loads(encode_error(AccessDenied(None), "")[2]) == {"Message": None}

    def test_type_is_left_out_where_aws_leaves_it_out(self) -> None:
        assert json.loads(encode_error(InvalidParameterValue("x", typeless=True), "")[2]) == {"message": "x"}

    def test_a_throttle_has_reason_and_retry_after(self) -> None:
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        status, headers, body = encode_error(TooManyRequests(reason=reason), "")
        assert status == 429
        assert ("Retry-After", "1") in headers
        assert body == b'{"Reason":"%s","Type":"User","message":"Rate Exceeded."}' % reason.encode()


@pytest.mark.parametrize("name", MODEL.operations)
def test_botocores_request_of_every_operation_is_routed_and_its_labels_are_read(name: str) -> None:
    shape = MODEL.operations[name].input
    members = [] if shape is None else [member for member in shape.members if member.location == "uri"]
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:f"
    labels = {member.name: 7 if member.shape.type == "long" else arn for member in members}
    sent = serialize(name, labels)
    match = CODEC.match(sent.method, sent.path, sent.query)
    assert match is not None
    assert match.operation.name == name
    assert match.labels == {label: str(value) for label, value in labels.items()}


def test_the_model_is_the_one_that_botocores_loader_finds() -> None:
    """It is read without the loader (service_model.py); should botocore ship a newer version of the API, this says so."""
    assert service_model().api_version == "2015-03-31"
    assert set(service_model().operation_names) == MODEL.operations.keys()


def test_a_zip_of_a_request_is_what_the_caller_has() -> None:
    archive = bytes(range(256)) * 10
    body = create(Code={"ZipFile": base64.b64encode(archive).decode()})
    assert decode("POST", FUNCTIONS, body)["code"]["zip_file"] == archive
