"""Layers: what one is called, what a version of one is, and which of them a function may have.

Words:
    layer           a name in an account and region; it exists as long as it has a version.
    layer version   an archive that was published under the name, with the next number. Numbers are never used again.
    reference       how a caller names a layer (`LayerReference`) or one version of it (`LayerVersionReference`).
    function layer  what a function keeps of a layer version (`core.function.FunctionLayer`): enough to run and to
                    show it after the layer version was deleted.

Compatible runtimes and architectures are information for those who look for a layer: they limit nothing.

Source: api-errors.md §8, quotas.md §2 and §3 (recorded from AWS where not said otherwise).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

from lambent.core.arn import PARTITION
from lambent.core.concurrency import CODE_SIZE_UNZIPPED
from lambent.core.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambent.core.function import Code, FunctionLayer
from lambent.core.scope import Scope

MAX_LAYERS_PER_FUNCTION = 5

_LAYER_ARN: Final = re.compile(
    rf"arn:{PARTITION}:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):layer:"
    r"(?P<name>[a-zA-Z0-9_-]+)(?::(?P<version>[0-9]+))?"
)
_HIGHEST_VERSION = 2**31 - 1


class LayerReference(NamedTuple):
    """A layer as a caller named it; the account may be another than the caller's."""

    scope: Scope
    name: str


class LayerVersionReference(NamedTuple):
    """One version of a layer as a caller named it."""

    scope: Scope
    name: str
    version: int

    @property
    def layer(self) -> LayerReference:
        """The layer that it is a version of."""
        return LayerReference(self.scope, self.name)


class LayerFilter(NamedTuple):
    """Which layer versions a caller looks for: those that say that they go with these; None is all."""

    runtime: str | None = None
    architecture: str | None = None


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A published version of a layer."""

    scope: Scope
    name: str
    version: int
    description: str
    code: Code
    unpacked_bytes: int
    created_ms: int
    compatible_runtimes: tuple[str, ...] | None = None
    """None when the caller didn't send any: the answer then has no such key."""
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None

    @property
    def arn(self) -> str:
        """Its ARN, number included."""
        return layer_version_arn(self.scope, self.name, self.version)

    def for_function(self) -> FunctionLayer:
        """What a function keeps of it."""
        return FunctionLayer(
            arn=self.arn, sha256=self.code.sha256, size=self.code.size, unpacked_bytes=self.unpacked_bytes
        )


def layer_arn(scope: Scope, name: str) -> str:
    """The ARN of a layer."""
    return f"arn:{PARTITION}:lambda:{scope.region}:{scope.account}:layer:{name}"


def layer_version_arn(scope: Scope, name: str, version: int) -> str:
    """The ARN of one version of a layer."""
    return f"{layer_arn(scope, name)}:{version}"


def parse_layer_reference(text: str, *, scope: Scope) -> LayerReference:
    """Understand the name or the ARN of a layer; `text` has passed the API model's pattern.

    Raises:
        ResourceNotFound: an ARN of another region or partition. Source: unverified.
    """
    if not text.startswith("arn:"):
        return LayerReference(scope, text)
    match = _LAYER_ARN.fullmatch(text)
    if match is None or match["region"] != scope.region:
        raise no_such_layer()
    return LayerReference(Scope(match["account"], match["region"]), match["name"])


def parse_layer_version_arn(arn: str) -> LayerVersionReference | None:
    """Understand the ARN of a layer version, of any region.

    Returns:
        None for what passes the API model's pattern and can't exist here: another partition, AWS's own layers.
    """
    match = _LAYER_ARN.fullmatch(arn)
    if match is None or match["version"] is None:
        return None
    return LayerVersionReference(Scope(match["account"], match["region"]), match["name"], int(match["version"]))


def is_possible_version(version: int) -> bool:
    """Whether a layer could have a version of that number."""
    return 0 < version <= _HIGHEST_VERSION


def check_version_number(version: int) -> None:
    """Raises InvalidParameterValue for what is no number of a version."""
    if version < 1:
        raise InvalidParameterValue("Layer Version Cannot be less than 1")


def check_layers_of_function(arns: Sequence[str], *, scope: Scope) -> None:
    """What can be said of a function's `Layers` without looking any of them up.

    Raises:
        InvalidParameterValue: too many, one layer twice, or a layer of the account's in another region.
    """
    if len(arns) > MAX_LAYERS_PER_FUNCTION:
        raise InvalidParameterValue(f"Cannot reference more than {MAX_LAYERS_PER_FUNCTION} layers.")
    named = [(arn, reference) for arn in arns if (reference := parse_layer_version_arn(arn)) is not None]
    for (arn, reference), (other_arn, other) in combinations(named, 2):
        if reference.layer == other.layer:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{arn} and {other_arn} are versions of the same layer."
            )
    for _, reference in named:
        if reference.scope.account == scope.account:
            check_region(reference, scope=scope)


def check_region(reference: LayerVersionReference, *, scope: Scope) -> None:
    """Raises InvalidParameterValue for a layer of another region than the function's."""
    if reference.scope.region != scope.region:
        raise InvalidParameterValue(
            f"Layers are not in the same region as the function. Layers are expected to be in region {scope.region}."
        )


def check_unpacked_size(layers: Sequence[FunctionLayer], *, code_bytes: int) -> None:
    """Code and layers have one limit; files that a later layer replaces count too.

    Args:
        code_bytes: the unpacked size of the deployment package.

    Raises:
        InvalidParameterValue: they are too large together. Source: quotas.md §3 (observed).
    """
    layers_bytes = sum(layer.unpacked_bytes for layer in layers)
    if layers_bytes > CODE_SIZE_UNZIPPED:
        raise InvalidParameterValue(f"Layers consume more than the available size of {CODE_SIZE_UNZIPPED} bytes")
    if layers and layers_bytes + code_bytes > CODE_SIZE_UNZIPPED:
        raise InvalidParameterValue(
            f"Function code combined with layers exceeds the maximum allowed size of {CODE_SIZE_UNZIPPED} bytes. "
            f"The actual size is {layers_bytes + code_bytes} bytes."
        )


def stack_digest(layers: Sequence[str]) -> str:
    """The key of the tree that layers come to when one is laid over the other: for one layer its own.

    Args:
        layers: digests of at least one layer, the lowest first.
    """
    if len(layers) == 1:
        return layers[0]
    return hashlib.sha256("\n".join(["layers", *layers]).encode()).hexdigest()


def no_such_layer() -> ResourceNotFound:
    """The answer of GetLayerVersion for a layer or version that isn't there."""
    return ResourceNotFound("The resource you requested does not exist.")


def no_such_layer_version(reference: LayerVersionReference) -> ResourceNotFound:
    """The answer of the permission operations for a layer or version that isn't there."""
    return ResourceNotFound(f"Layer version {layer_version_arn(*reference)} does not exist.")


def no_such_function_layer(arn: str) -> InvalidParameterValue:
    """The answer to a function whose layer isn't there."""
    return InvalidParameterValue(f"Layer version {arn} does not exist.")


def not_shared(scope: Scope, *, action: str, arn: str) -> AccessDenied:
    """The answer to who may not use another account's layer, whether it exists or not.

    Source: observed (GetLayerVersion). The caller is named as the account's root, whoever signed.
    """
    return AccessDenied(
        f"User: arn:{PARTITION}:iam::{scope.account}:root is not authorized to perform: lambda:{action} on resource: "
        f"{arn} because no resource-based policy allows the lambda:{action} action"
    )
