"""Constraint validation, in AWS's words. Expected texts are recorded from AWS (api-errors.md §3, golden samples)."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from lambent.core.errors import ValidationFailed
from lambent.wire.constraints import VALUE_SETS, check_constraints
from lambent.wire.rest_json import RestJsonCodec
from lambent.wire.service_model import ModelDefinition, ServiceModel, load_lambda_model
from tests.golden import Sample, fill, samples
from tests.shared_data import files
from tests.wire.botocore_requests import serialize

MODEL = load_lambda_model()
CODEC = RestJsonCodec(MODEL)
ROLE = "arn:aws:iam::000000000000:role/r"
FAILED = "failed to satisfy constraint: Member must"
FUNCTION_NAME = MODEL.shape("NamespacedFunctionName").definition.pattern
LAYER = MODEL.shape("LayerVersionArn").definition.pattern
ENVIRONMENT_KEY = "[a-zA-Z]([a-zA-Z0-9_])+"


def violations(operation: str, **request: Any) -> str | None:
    """What is answered to a decoded request; None if nothing is wrong with it."""
    try:
        check_constraints(MODEL.operations[operation], request)
    except ValidationFailed as failed:
        return failed.message
    return None


def of_create(**members: Any) -> str | None:
    return violations("CreateFunction", **{"function_name": "f", "role": ROLE, "code": {}, **members})


def one(text: str) -> str:
    return f"1 validation error detected: {text}"


def test_a_good_request_passes() -> None:
    assert of_create(timeout=3, memory_size=128, architectures=["arm64"], vpc_config={"subnet_ids": []}) is None


LENGTHS = "Member must have length less than or equal to {}, Member must have length greater than or equal to {}"
ARCHITECTURES = "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
SUBNETS = f"[{LENGTHS.format(1024, 0)}, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"
LAYERS = (
    f"[{LENGTHS.format(2048, 1)}, Member must satisfy regular expression pattern: {LAYER}, Member must not be null]"
)
KEY = "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()"


@pytest.mark.parametrize(
    ("members", "value", "path", "must"),
    [
        ({"role": None}, "null", "role", "not be null"),
        ({"ephemeral_storage": {}}, "null", "ephemeralStorage.size", "not be null"),
        ({"timeout": 0}, "'0'", "timeout", "have value greater than or equal to 1"),
        ({"timeout": 5401}, "'5401'", "timeout", "have value less than or equal to 5400"),
        ({"description": "x" * 257}, f"'{'x' * 257}'", "description", "have length less than or equal to 256"),
        ({"handler": "a b"}, "'a b'", "handler", r"satisfy regular expression pattern: [^\s]+"),
        ({"handler": ""}, "''", "handler", r"satisfy regular expression pattern: [^\s]+"),
        ({"kms_key_arn": "k"}, "'k'", "kMSKeyArn", f"satisfy regular expression pattern: {KEY}"),
        ({"package_type": "Jar"}, "'Jar'", "packageType", "satisfy enum value set: [Zip, Image]"),
        ({"architectures": []}, "'[]'", "architectures", "have length greater than or equal to 1"),
        ({"architectures": ["arm64"] * 2}, "'[arm64, arm64]'", "architectures", "have length less than or equal to 1"),
        ({"architectures": ["X86_64"]}, "'[X86_64]'", "architectures", f"satisfy constraint: {ARCHITECTURES}"),
        ({"architectures": [None]}, "'[null]'", "architectures", f"satisfy constraint: {ARCHITECTURES}"),
        ({"vpc_config": {"subnet_ids": ["s"]}}, "'[s]'", "vpcConfig.subnetIds", f"satisfy constraint: {SUBNETS}"),
        ({"layers": ["l"]}, "'[l]'", "layers", f"satisfy constraint: {LAYERS}"),
    ],
)
def test_what_violates_the_model_is_said_in_awss_words(
    members: dict[str, Any], value: str, path: str, must: str
) -> None:
    assert of_create(**members) == one(f"Value {value} at '{path}' {FAILED} {must}")


def test_a_variables_name_is_never_repeated_because_it_is_sensitive() -> None:
    """Source: observed (the value is left out of the message)."""
    message = of_create(environment={"variables": {"1": "secret"}})
    assert message == one(
        "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: "
        f"[Member must satisfy regular expression pattern: {ENVIRONMENT_KEY}]"
    )


def test_the_runtime_of_a_function_is_checked_by_the_operation() -> None:
    """An unknown one is an InvalidParameterValueException, so the constraint isn't the framework's."""
    assert of_create(runtime="cobol") is None
    assert violations("UpdateFunctionConfiguration", function_name="f", runtime="cobol") is None


def test_all_violations_of_a_member_are_said_length_before_pattern() -> None:
    name = "!" * 257
    assert violations("GetFunction", function_name=name) == (
        f"2 validation errors detected: Value '{name}' at 'functionName' {FAILED} have length less than or equal to 256; "
        f"Value '{name}' at 'functionName' {FAILED} satisfy regular expression pattern: {FUNCTION_NAME}"
    )


def test_all_violations_are_in_one_message_the_qualifier_before_the_name() -> None:
    assert violations("GetFunction", function_name="*", qualifier="a" * 129) == (
        f"2 validation errors detected: Value '{'a' * 129}' at 'qualifier' {FAILED} have length less than or equal to 128; "
        f"Value '*' at 'functionName' {FAILED} satisfy regular expression pattern: {FUNCTION_NAME}"
    )


def test_the_runtimes_of_a_layer_come_before_its_architectures() -> None:
    content = {"zip_file": b""}
    message = violations(
        "PublishLayerVersion",
        layer_name="l",
        content=content,
        compatible_runtimes=["b"],
        compatible_architectures=["c"],
    )
    assert message == (
        f"2 validation errors detected: Value '[b]' at 'compatibleRuntimes' {FAILED} satisfy constraint: [Member must "
        f"satisfy enum value set: [{', '.join(VALUE_SETS['Runtime'])}], Member must not be null]; "
        f"Value '[c]' at 'compatibleArchitectures' {FAILED} satisfy constraint: "
        "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )


def test_weights_of_an_alias_are_said_as_a_map_of_doubles() -> None:
    def of_weights(weights: Mapping[str, float]) -> str | None:
        routing = {"additional_version_weights": weights}
        return violations("CreateAlias", function_name="f", name="a", function_version="1", routing_config=routing)

    where = "at 'routingConfig.additionalVersionWeights' failed to satisfy constraint:"
    assert of_weights({"2": 2}) == one(
        f"Value '{{2=2.0}}' {where} Map value must satisfy constraint: [Member must have value less than or equal to "
        "1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
    )
    assert of_weights({"$LATEST": 0.5}) == one(
        f"Value '{{$LATEST=0.5}}' {where} Map keys must satisfy constraint: [Member must have length less than or equal "
        "to 1024, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: [0-9]+]"
    )
    assert of_weights({"1": float("nan")}) is not None


def test_elements_that_are_structures_are_named_by_their_position() -> None:
    """Source: unverified for Lambda; so do other services on the same framework."""
    filters = [{"pattern": "{}"}, {"pattern": "x" * 4097}, None]
    message = violations("UpdateEventSourceMapping", uuid="0" * 36, filter_criteria={"filters": filters})
    assert message == (
        f"2 validation errors detected: Value '{'x' * 4097}' at 'filterCriteria.filters.2.member.pattern' {FAILED} have "
        f"length less than or equal to 4096; Value null at 'filterCriteria.filters.3.member' {FAILED} not be null"
    )


def test_a_list_of_structures_is_printed_as_java_does() -> None:
    configs = [{"arn": "a", "local_mount_path": "/mnt/x"}, {"arn": None, "local_mount_path": "/mnt/y"}]
    message = of_create(file_system_configs=configs)
    assert message is not None
    printed = (
        "[FileSystemConfig(arn=a, localMountPath=/mnt/x, s3FilesConfig=null), "
        "FileSystemConfig(arn=null, localMountPath=/mnt/y, s3FilesConfig=null)]"
    )
    assert f"Value '{printed}' at 'fileSystemConfigs' {FAILED} have length less than or equal to 1" in message


def test_lists_as_values_of_a_map_are_checked_with_their_elements() -> None:
    source = {"endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["host"]}}
    message = violations("CreateEventSourceMapping", function_name="f", self_managed_event_source=source)
    assert message is not None
    assert "Value '{KAFKA_BOOTSTRAP_SERVERS=[host]}' at 'selfManagedEventSource.endpoints'" in message
    assert "Map value must satisfy constraint: [Member must have length less than or equal to 10" in message


@pytest.mark.parametrize(
    ("key", "good"),
    [("a", True), ("größe", True), ("名前", True), ("a b\u2003c", True), ("²½", True), ("a!", False), ("a\tb", False)],
)
def test_unicode_categories_of_javas_patterns_are_understood(key: str, good: bool) -> None:
    assert (of_create(tags={key: ""}) is None) is good


def test_digits_of_other_scripts_are_no_digits() -> None:
    """Java's \\d is ASCII."""
    assert of_create(role="arn:aws:iam::٠٠٠٠٠٠٠٠٠٠٠٠:role/r") is not None


@pytest.mark.parametrize("name", VALUE_SETS.keys() - {"Runtime"})
def test_a_value_set_is_the_models_in_the_order_of_the_server(name: str) -> None:
    assert sorted(VALUE_SETS[name]) == sorted(MODEL.shape(name).definition.enum)


def test_each_runtime_of_the_value_set_is_one_of_the_models() -> None:
    assert set(VALUE_SETS["Runtime"]) <= set(MODEL.shape("Runtime").definition.enum)


@pytest.mark.parametrize("name", [name for name, shape in MODEL.definition.shapes.items() if shape.pattern])
def test_each_pattern_of_the_model_can_be_compiled(name: str) -> None:
    assert MODEL.shape(name).pattern is not None


def test_sensitive_values_within_others_are_redacted_and_booleans_are_javas() -> None:
    document = {
        "operations": {"Do": {"name": "Do", "http": {"method": "GET", "requestUri": "/"}, "input": {"shape": "Input"}}},
        "shapes": {
            "Input": {"type": "structure", "members": {"Ones": {"shape": "Ones"}}},
            "Ones": {"type": "list", "member": {"shape": "One"}, "max": 0},
            "One": {"type": "structure", "members": {"Secret": {"shape": "Secret"}, "Flag": {"shape": "Flag"}}},
            "Secret": {"type": "string", "sensitive": True},
            "Flag": {"type": "boolean"},
        },
    }
    model = ServiceModel(msgspec.convert(document, ModelDefinition))
    with pytest.raises(ValidationFailed) as caught:
        check_constraints(model.operations["Do"], {"ones": [{"secret": "x", "flag": True}]})
    assert caught.value.message == one(
        "Value '[One(secret=*** Sensitive Data Redacted ***, flag=true)]' at 'ones' "
        f"{FAILED} have length less than or equal to 0"
    )


def golden_samples() -> list[Any]:
    return [
        pytest.param(sample, id=f"{sample.operation}: {sample.when}")
        for path in files("answers", "*.json")
        for sample in samples(path.stem)
        if sample.error == "ValidationException"
    ]


VALUES = {
    "account": "000000000000",
    "region": "eu-west-1",
    "function": "my-function",
    "role": "my-role",
    "layer": "my-layer",
    "stream": "my-stream",
    "zip": b"PK",
    "subnet:1": "subnet-1",
    "security-group:1": "sg-1",
    "security-group:2": "security-1",
}
"""Of the placeholders in the samples."""

NEWER_PATTERN = {"layer ARN without version": "LayerVersionArn", "ARN of no known kind": "TaggableResource"}
"""Samples whose pattern the model has in a newer form than the recording."""


@pytest.mark.parametrize("sample", golden_samples())
def test_the_golden_samples_of_validation_are_answered_as_aws_did(sample: Sample) -> None:
    request, expected = fill(sample.request, VALUES), fill(sample.body["message"], VALUES)
    if sample.when in NEWER_PATTERN:
        pattern = MODEL.shape(NEWER_PATTERN[sample.when]).definition.pattern
        expected = re.sub(r"pattern: .*?(?=, Member must not be null]|$)", lambda _: f"pattern: {pattern}", expected)
    sent = serialize(sample.operation, request)
    match = CODEC.match(sent.method, sent.path, sent.query)
    assert match is not None
    assert match.operation.name == sample.operation
    with pytest.raises(ValidationFailed) as caught:
        CODEC.decode(match, query=sent.query, headers=sent.headers, body=sent.body)
    assert caught.value.message == expected
