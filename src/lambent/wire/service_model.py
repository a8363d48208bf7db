"""AWS's own description of the Lambda API: its operations and shapes, read from the model that botocore ships.

Everything here is built when it is first looked at: a server start reads one file (documentation left out) and nothing
more. The names inside Lambent are snake_case; each member knows both, so the codec is the one place that translates.
"""

from __future__ import annotations

import gzip
import importlib.resources
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Final

import msgspec
from botocore import xform_name

_MODEL_FOLDER: Final = "data/lambda/2015-03-31"


class MemberDefinition(msgspec.Struct, rename="camel", frozen=True):
    """How the model describes a member of a structure, or an element, key or value."""

    shape: str
    location: str | None = None
    location_name: str | None = None
    timestamp_format: str | None = None
    jsonvalue: bool = False


class ShapeDefinition(msgspec.Struct, rename="camel", frozen=True):
    """How the model describes a type."""

    type: str
    members: dict[str, MemberDefinition] = {}
    required: tuple[str, ...] = ()
    member: MemberDefinition | None = None
    key: MemberDefinition | None = None
    value: MemberDefinition | None = None
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    payload: str | None = None
    timestamp_format: str | None = None
    sensitive: bool = False
    document: bool = False


class HttpDefinition(msgspec.Struct, rename="camel", frozen=True):
    """Where an operation is on HTTP."""

    method: str
    request_uri: str
    response_code: int = 200


class ShapeReference(msgspec.Struct, frozen=True):
    """The name of a shape."""

    shape: str


class OperationDefinition(msgspec.Struct, frozen=True):
    """How the model describes an operation."""

    name: str
    http: HttpDefinition
    input: ShapeReference | None = None
    output: ShapeReference | None = None


class ModelDefinition(msgspec.Struct, frozen=True):
    """A whole service; what the codec doesn't need isn't read."""

    operations: dict[str, OperationDefinition]
    shapes: dict[str, ShapeDefinition]


class Member:
    """A member of a structure, or an element, key or value, in its place.

    Attributes:
        name: in the model.
        snake_name: inside Lambent.
        wire_name: in the URI, query, headers or JSON.
        location: `uri`, `querystring`, `header`, `headers` (all with a prefix), `statusCode`; None is the body.
        jsonvalue: the string is JSON, in base64 where it is a header.
    """

    __slots__ = ("jsonvalue", "location", "name", "required", "shape", "snake_name", "timestamp_format", "wire_name")

    def __init__(self, name: str, definition: MemberDefinition, shape: Shape, *, required: bool) -> None:
        self.name = name
        self.snake_name: str = xform_name(name)
        self.wire_name = name if definition.location_name is None else definition.location_name
        self.location = definition.location
        self.shape = shape
        self.required = required
        self.jsonvalue = definition.jsonvalue
        self.timestamp_format = definition.timestamp_format or shape.definition.timestamp_format

    @property
    def path_name(self) -> str:
        """As validation messages spell it: only the first letter is lowered (`kMSKeyArn`)."""
        return self.name[:1].lower() + self.name[1:]


class Shape:
    """A type of the API; shapes may contain themselves, so what they refer to is resolved when it is used."""

    def __init__(self, name: str, model: ServiceModel) -> None:
        self.name = name
        self.definition = model.definition.shapes[name]
        self._model = model

    @property
    def type(self) -> str:
        """structure, list, map, string, blob, timestamp, boolean, integer, long, float or double."""
        return self.definition.type

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Of a structure, in the model's order."""
        required = self.definition.required
        return tuple(
            Member(name, definition, self._model.shape(definition.shape), required=name in required)
            for name, definition in self.definition.members.items()
        )

    @cached_property
    def by_snake_name(self) -> Mapping[str, Member]:
        """The members of a structure by their name inside Lambent."""
        return {member.snake_name: member for member in self.members}

    @cached_property
    def body_members(self) -> tuple[Member, ...]:
        """The members of a structure that are in a JSON body: neither located elsewhere nor the payload."""
        return tuple(member for member in self.members if member.location is None and member is not self.payload)

    @cached_property
    def payload(self) -> Member | None:
        """The one member that is the whole body."""
        return next((member for member in self.members if member.name == self.definition.payload), None)

    @cached_property
    def element(self) -> Member:
        """Of a list."""
        return self._part("member", self.definition.member)

    @cached_property
    def key(self) -> Member:
        """Of a map."""
        return self._part("key", self.definition.key)

    @cached_property
    def value(self) -> Member:
        """Of a map."""
        return self._part("value", self.definition.value)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What a string must match as a whole; the model's dialect is Java's."""
        return None if self.definition.pattern is None else _compile(self.definition.pattern)

    def _part(self, name: str, definition: MemberDefinition | None) -> Member:
        assert definition is not None, f"{self.name} is a {self.type}, which has no {name}"
        return Member(name, definition, self._model.shape(definition.shape), required=False)


class Operation:
    """One operation of the API, e.g. CreateFunction."""

    def __init__(self, definition: OperationDefinition, model: ServiceModel) -> None:
        self.name = definition.name
        self.method = definition.http.method
        self.uri = definition.http.request_uri
        self.status = definition.http.response_code
        self._definition = definition
        self._model = model

    @cached_property
    def input(self) -> Shape | None:
        """The structure of a request."""
        return None if self._definition.input is None else self._model.shape(self._definition.input.shape)

    @cached_property
    def output(self) -> Shape | None:
        """The structure of an answer."""
        return None if self._definition.output is None else self._model.shape(self._definition.output.shape)


class ServiceModel:
    """A service: its operations by name, and its shapes."""

    def __init__(self, definition: ModelDefinition) -> None:
        self.definition = definition
        self.operations = {name: Operation(one, self) for name, one in definition.operations.items()}
        self._shapes: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        """The shape of that name, always the same object. Raises KeyError if the model has none."""
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = Shape(name, self)
        return shape


def load_lambda_model() -> ServiceModel:
    """The Lambda API as the installed botocore knows it.

    The file is read as a resource, not through botocore's loader: the loader takes 100 ms to import and to read what
    takes 5 here, and would let a model in the home folder of the user change what the server answers.
    """
    file = importlib.resources.files("botocore").joinpath(_MODEL_FOLDER, "service-2.json.gz")
    return ServiceModel(msgspec.json.decode(gzip.decompress(file.read_bytes()), type=ModelDefinition))


# Java's Unicode categories, which Python's `re` doesn't have, as the inside of a character class. Letters and numbers
# are exactly \w less the underscore, and each pattern that uses them allows both of them and the underscore anyway.
_CATEGORIES: Final = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


def _compile(pattern: str) -> re.Pattern[str]:
    """A pattern in the dialect of Java, where digits and word characters are ASCII."""
    translated = pattern
    for category, python in _CATEGORIES.items():
        translated = translated.replace(category, python)
    return re.compile(translated, 0 if translated != pattern else re.ASCII)
