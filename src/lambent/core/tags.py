"""Tags: which resources have them, how many, and how a caller names the resource.

Keys and values are checked by the API model. A function has tags, its versions and aliases have none.

Source: api-errors.md §13, quotas.md §2 (recorded from AWS where not said otherwise).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lambent.core.arn import PARTITION, parse_function_reference
from lambent.core.errors import AccessDenied, ApiError, InvalidParameterValue, ResourceNotFound
from lambent.core.scope import Scope

MAX_TAGS = 50
"""Of one resource."""

_RESERVED_PREFIX: Final = "aws:"
_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<kind>[a-z-]+):(?P<name>.+)"
)


class ResourceKind(StrEnum):
    """The kinds of resources that have tags, as their ARNs spell them."""

    FUNCTION = "function"
    EVENT_SOURCE_MAPPING = "event-source-mapping"
    CODE_SIGNING_CONFIG = "code-signing-config"
    CAPACITY_PROVIDER = "capacity-provider"
    NETWORK_CONNECTOR = "network-connector"


@dataclass(frozen=True, slots=True)
class TaggedResource:
    """One resource that can have tags.

    Attributes:
        name: what follows the kind in its ARN: a function's name, a mapping's UUID, a code signing configuration's id.
    """

    scope: Scope
    kind: ResourceKind
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:{PARTITION}:lambda:{self.scope.region}:{self.scope.account}:{self.kind}:{self.name}"


def parse_tagged_resource(arn: str, *, scope: Scope) -> TaggedResource:
    """The resource of an ARN that has passed the API model's pattern.

    Args:
        scope: the caller's account and the endpoint's region.

    Raises:
        InvalidParameterValue: the ARN of a function's version or alias.
        AccessDenied: a resource of another account. Source: unverified, as functions.
        ResourceNotFound: a resource of another region or partition.
    """
    match = _ARN.fullmatch(arn)
    assert match is not None, f"{arn} has passed the model's pattern"
    kind, name = ResourceKind(match["kind"]), match["name"]
    if kind is ResourceKind.FUNCTION:
        reference = parse_function_reference(arn, scope=scope)
        if reference.qualifier is not None:
            raise InvalidParameterValue(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return TaggedResource(scope, kind, reference.name)
    if match["region"] != scope.region or match["partition"] != PARTITION:
        raise resource_not_found(kind, arn)
    if match["account"] != scope.account:
        raise AccessDenied(None)
    return TaggedResource(scope, kind, name.lower() if kind is ResourceKind.EVENT_SOURCE_MAPPING else name)


def check_tags(tags: Mapping[str, str]) -> None:
    """What a resource may be created with, or have after tags were added.

    Raises:
        InvalidParameterValue: too many; or a key that AWS keeps for itself (Source of the text: unverified).
    """
    if len(tags) > MAX_TAGS:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")
    if any(key.lower().startswith(_RESERVED_PREFIX) for key in tags):
        raise InvalidParameterValue("aws: prefixed tag key names are not allowed for external use.")


def check_added_tags(added: Mapping[str, str]) -> None:
    """What TagResource may add, before anything is known of the resource. Raises InvalidParameterValue."""
    if not added:
        raise InvalidParameterValue("An error occurred and the request cannot be processed.")
    check_tags(added)


def resource_not_found(kind: ResourceKind, arn: str) -> ApiError:
    """The answer of the tag operations for a resource that isn't there.

    Source: unverified for code signing configurations and network connectors.
    """
    match kind:
        case ResourceKind.FUNCTION:
            return ResourceNotFound(f"Function not found: {arn}")
        case ResourceKind.EVENT_SOURCE_MAPPING:
            return ResourceNotFound(f"Event source mapping not found: {arn}")
        case ResourceKind.CODE_SIGNING_CONFIG:
            return ResourceNotFound(f"The Lambda code signing configuration {arn} can not be found.", typeless=True)
        case ResourceKind.CAPACITY_PROVIDER:
            return ResourceNotFound(f"Capacity provider not found: {arn}")
        case ResourceKind.NETWORK_CONNECTOR:
            return ResourceNotFound(f"Network connector not found: {arn}")
