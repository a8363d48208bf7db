from typing import Any

import pytest

from lambent.core.errors import InvalidParameterValue, ResourceNotFound
from lambent.core.function import Code, FunctionLayer
from lambent.core.layers import (
    LayerReference,
    LayerVersion,
    LayerVersionReference,
    check_layers_of_function,
    check_region,
    check_unpacked_size,
    check_version_number,
    is_possible_version,
    layer_version_arn,
    no_such_function_layer,
    no_such_layer_version,
    not_shared,
    parse_layer_reference,
    parse_layer_version_arn,
    stack_digest,
)
from lambent.core.scope import Scope

SCOPE = Scope("123456789012", "eu-west-1")
OTHERS = Scope("999999999999", "eu-west-1")
LIMIT = 262_144_000


def arn(name: str = "l", version: int = 1, scope: Scope = SCOPE) -> str:
    return layer_version_arn(scope, name, version)


def test_a_function_keeps_what_it_needs_of_a_version() -> None:
    version = LayerVersion(
        scope=SCOPE,
        name="l",
        version=7,
        description="",
        code=Code("ab" * 32, 10),
        unpacked_bytes=100,
        created_ms=1,
    )
    assert version.for_function() == FunctionLayer(arn("l", 7), "ab" * 32, 10, 100)


def layer_of(size: int) -> FunctionLayer:
    return FunctionLayer(arn=arn(), sha256="00" * 32, size=1, unpacked_bytes=size)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("my_layer-1", SCOPE),
        ("arn:aws:lambda:eu-west-1:123456789012:layer:my_layer-1", SCOPE),
        ("arn:aws:lambda:eu-west-1:999999999999:layer:my_layer-1", OTHERS),
    ],
)
def test_a_layer_is_named_by_name_or_arn(text: str, scope: Scope) -> None:
    assert parse_layer_reference(text, scope=SCOPE) == LayerReference(scope, "my_layer-1")


@pytest.mark.parametrize(
    "text", ["arn:aws:lambda:us-east-1:123456789012:layer:l", "arn:aws-cn:lambda:eu-west-1:123456789012:layer:l"]
)
def test_a_layer_of_another_region_or_partition_is_not_there(text: str) -> None:
    with pytest.raises(ResourceNotFound, match=r"The resource you requested does not exist\."):
        parse_layer_reference(text, scope=SCOPE)


def test_the_arn_of_a_version_is_understood_as_it_is_made() -> None:
    assert parse_layer_version_arn(arn("l", 7)) == LayerVersionReference(SCOPE, "l", 7)


@pytest.mark.parametrize("text", ["arn:aws:lambda:eu-west-1:123456789012:layer:l", "arn:aws:lambda:::awslayer:Name"])
def test_what_is_no_version_of_a_layer_here_is_none(text: str) -> None:
    assert parse_layer_version_arn(text) is None


@pytest.mark.parametrize(("number", "possible"), [(0, False), (1, True), (2**31 - 1, True), (2**31, False)])
def test_numbers_of_versions_begin_at_one_and_fit_the_database(number: int, possible: bool) -> None:
    assert is_possible_version(number) is possible


def test_a_number_below_one_is_refused() -> None:
    check_version_number(1)
    with pytest.raises(InvalidParameterValue, match=r"^Layer Version Cannot be less than 1$"):
        check_version_number(0)


class TestLayersOfAFunction:
    def test_five_different_ones_are_accepted_whosever_they_are(self) -> None:
        foreign = arn("foreign", scope=Scope("999999999999", "us-east-1"))  # whether it is shared comes first
        check_layers_of_function([arn("a"), arn("b"), arn("c"), foreign, "arn:aws:lambda:::awslayer:X"], scope=SCOPE)

    def test_the_same_name_in_another_account_is_another_layer(self) -> None:
        check_layers_of_function([arn("a"), arn("a", scope=OTHERS)], scope=SCOPE)

    @pytest.mark.parametrize(
        ("arns", "message"),
        [
            ([arn(f"l{n}") for n in range(6)], "Cannot reference more than 5 layers."),
            (
                [arn("a"), arn("b"), arn("a", 2)],
                (
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{arn('a')} and {arn('a', 2)} are versions of the same layer."
                ),
            ),
            (
                [arn(scope=Scope(SCOPE.account, "us-east-1"))],
                "Layers are not in the same region as the function. Layers are expected to be in region eu-west-1.",
            ),
        ],
    )
    def test_what_is_wrong_is_said_in_awss_words(self, arns: list[str], message: str) -> None:
        with pytest.raises(InvalidParameterValue) as caught:
            check_layers_of_function(arns, scope=SCOPE)
        assert caught.value.message == message

    def test_a_shared_layer_must_be_of_the_region_too(self) -> None:
        check_region(LayerVersionReference(OTHERS, "l", 1), scope=SCOPE)
        with pytest.raises(InvalidParameterValue, match="expected to be in region eu-west-1"):
            check_region(LayerVersionReference(Scope(OTHERS.account, "us-east-1"), "l", 1), scope=SCOPE)


class TestSize:
    @pytest.mark.parametrize(("layers", "code"), [([], 10 * LIMIT), ([1, LIMIT - 2], 1), ([LIMIT], 0)])
    def test_code_and_layers_may_fill_the_limit(self, layers: list[int], code: int) -> None:
        check_unpacked_size([layer_of(size) for size in layers], code_bytes=code)

    @pytest.mark.parametrize(
        ("layers", "code", "message"),
        [
            ([LIMIT, 1], 0, f"Layers consume more than the available size of {LIMIT} bytes"),
            (
                [LIMIT - 1],
                2,
                (
                    f"Function code combined with layers exceeds the maximum allowed size of {LIMIT} bytes. "
                    f"The actual size is {LIMIT + 1} bytes."
                ),
            ),
        ],
    )
    def test_more_is_refused(self, layers: list[int], code: int, message: str) -> None:
        with pytest.raises(InvalidParameterValue) as caught:
            check_unpacked_size([layer_of(size) for size in layers], code_bytes=code)
        assert caught.value.message == message


def test_a_stack_is_known_by_its_layers_and_their_order() -> None:
    assert stack_digest(["a"]) == "a"
    keys: set[Any] = {stack_digest(layers) for layers in (["a", "b"], ["b", "a"], ["a", "b", "c"], ["ab"])}
    assert len(keys) == 4


def test_a_version_that_is_missing_is_said_to_functions_by_its_arn() -> None:
    assert no_such_function_layer(arn()).message == f"Layer version {arn()} does not exist."


def test_refusals_name_the_version() -> None:
    reference = LayerVersionReference(OTHERS, "l", 3)
    assert no_such_layer_version(reference).message == f"Layer version {arn('l', 3, OTHERS)} does not exist."
    assert not_shared(SCOPE, action="GetLayerVersion", arn=arn("l", 3, OTHERS)).message == (
        "User: arn:aws:iam::123456789012:root is not authorized to perform: lambda:GetLayerVersion on resource: "
        "arn:aws:lambda:eu-west-1:999999999999:layer:l:3 because no resource-based policy allows the "
        "lambda:GetLayerVersion action"
    )
