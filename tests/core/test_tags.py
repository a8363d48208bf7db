"""Which resources have tags, and how many."""

import pytest

from lambent.core.errors import AccessDenied, ApiError, InvalidParameterValue, ResourceNotFound
from lambent.core.scope import Scope
from lambent.core.tags import (
    ResourceKind,
    TaggedResource,
    check_added_tags,
    check_tags,
    parse_tagged_resource,
    resource_not_found,
)

SCOPE = Scope("123456789012", "us-east-1")
PREFIX = "arn:aws:lambda:us-east-1:123456789012"
MAPPING = "event-source-mapping:88ebee7a-3ed8-4b1c-9a2a-4f8ac2d5c2ab"


def test_a_resource_has_50_tags_at_most() -> None:
    """Source: recorded (api-errors.md §13)."""
    check_tags({str(number): "" for number in range(50)})
    with pytest.raises(InvalidParameterValue, match="Number of tags exceeds resource tag limit"):
        check_tags({str(number): "" for number in range(51)})


@pytest.mark.parametrize("key", ["aws:cloudformation:stack-name", "AWS:x"])
def test_keys_of_aws_are_refused(key: str) -> None:
    """Source: developer guide, "Tag restrictions"; the text is unverified."""
    with pytest.raises(InvalidParameterValue, match="aws: prefixed tag key names"):
        check_tags({key: "value"})


def test_adding_no_tags_is_an_error() -> None:
    """Source: recorded (api-errors.md §13)."""
    with pytest.raises(InvalidParameterValue, match=r"An error occurred and the request cannot be processed\."):
        check_added_tags({})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ResourceKind.FUNCTION, "my-function"),
        (ResourceKind.EVENT_SOURCE_MAPPING, MAPPING.partition(":")[2]),
        (ResourceKind.CODE_SIGNING_CONFIG, "csc-0123456789abcdefg"),
        (ResourceKind.CAPACITY_PROVIDER, "my-provider"),
        (ResourceKind.NETWORK_CONNECTOR, "my-connector"),
    ],
)
def test_a_resource_is_known_by_its_arn(kind: ResourceKind, name: str) -> None:
    resource = parse_tagged_resource(f"{PREFIX}:{kind}:{name}", scope=SCOPE)
    assert resource == TaggedResource(SCOPE, kind, name)
    assert resource.arn == f"{PREFIX}:{kind}:{name}"


def test_the_uuid_of_a_mapping_may_be_in_capitals() -> None:
    resource = parse_tagged_resource(f"{PREFIX}:event-source-mapping:{'A' * 8}", scope=SCOPE)
    assert resource.name == "a" * 8


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "live"])
def test_versions_and_aliases_have_no_tags(qualifier: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Tags on function aliases and versions are not supported"):
        parse_tagged_resource(f"{PREFIX}:function:my-function:{qualifier}", scope=SCOPE)


@pytest.mark.parametrize("rest", ["function:my-function", MAPPING])
def test_another_accounts_resource_is_denied(rest: str) -> None:
    with pytest.raises(AccessDenied):
        parse_tagged_resource(f"arn:aws:lambda:us-east-1:999999999999:{rest}", scope=SCOPE)


def test_another_regions_function_is_not_reachable() -> None:
    with pytest.raises(ResourceNotFound, match="Functions from 'us-west-2' are not reachable in this region"):
        parse_tagged_resource("arn:aws:lambda:us-west-2:123456789012:function:my-function", scope=SCOPE)


@pytest.mark.parametrize("start", ["arn:aws:lambda:us-west-2", "arn:aws-cn:lambda:us-east-1"])
def test_what_is_elsewhere_is_not_found(start: str) -> None:
    with pytest.raises(ResourceNotFound, match=f"Event source mapping not found: {start}"):
        parse_tagged_resource(f"{start}:123456789012:{MAPPING}", scope=SCOPE)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ResourceKind.FUNCTION, "Function not found: arn"),
        (ResourceKind.EVENT_SOURCE_MAPPING, "Event source mapping not found: arn"),
        (ResourceKind.CODE_SIGNING_CONFIG, "The Lambda code signing configuration arn can not be found."),
        (ResourceKind.CAPACITY_PROVIDER, "Capacity provider not found: arn"),
        (ResourceKind.NETWORK_CONNECTOR, "Network connector not found: arn"),
    ],
)
def test_each_kind_has_its_words_for_what_is_not_there(kind: ResourceKind, expected: str) -> None:
    error: ApiError = resource_not_found(kind, "arn")
    assert (error.status, error.message) == (404, expected)
