"""Which operation a request is for: method, path and, where two operations share a path, constants of the query.

Clients send paths with and without a trailing slash, and percent-encode ARNs in labels (`arn%3Aaws…`, `%24LATEST`, a
slash within as `%2F`), so a path is first split, then each segment is decoded.
Source: operations.md, "Routing notes".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from lambent.wire.service_model import Operation

Query = Sequence[tuple[str, str]]
"""Names and values of a query string in order, decoded."""


class Match(NamedTuple):
    """The operation of a request, and the labels of its path by their name in the model, decoded."""

    operation: Operation
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Route:
    """Where an operation is.

    Attributes:
        head: segments, a label in braces.
        greedy: the label that takes any number of segments between head and tail, if there is one.
        constants: parameters that the query must have, with their values.
    """

    operation: Operation
    head: tuple[str, ...]
    greedy: str | None
    tail: tuple[str, ...]
    constants: frozenset[tuple[str, str]]

    @property
    def precedence(self) -> tuple[int, bool, int]:
        """Routes that ask for more come first."""
        literals = sum(not _is_label(segment) for segment in self.head + self.tail)
        return (-len(self.constants), self.greedy is not None, -literals)

    def match(self, segments: Sequence[str], query: Query) -> Mapping[str, str] | None:
        """The labels, or None if the request is for another operation."""
        labels: dict[str, str] = {}
        middle = len(segments) - len(self.tail)
        if self.greedy is None:
            if len(segments) != len(self.head):
                return None
        elif middle <= len(self.head):
            return None
        else:
            labels[self.greedy] = "/".join(segments[len(self.head) : middle])
        actual = [*segments[: len(self.head)], *(segments[middle:] if self.tail else ())]
        for expected, segment in zip(self.head + self.tail, actual, strict=True):
            if _is_label(expected) and segment:
                labels[expected[1:-1]] = segment
            elif expected != segment:
                return None
        return labels if self.constants.issubset(query) else None


class Router:
    """Finds operations.

    Args:
        operations: of one service.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._routes: dict[str, list[_Route]] = {}
        for operation in operations:
            self._routes.setdefault(operation.method, []).append(_route(operation))
        for routes in self._routes.values():
            routes.sort(key=lambda route: route.precedence)

    def match(self, method: str, path: str, query: str) -> Match | None:
        """The operation of a request, or None: a 404.

        Args:
            path: still percent-encoded, Latin-1.
            query: the same, without the question mark.
        """
        routes = self._routes.get(method)
        if routes is None or not path.startswith("/"):
            return None
        segments = [_decoded(segment) for segment in path[1:].removesuffix("/").split("/")]
        parameters = parse_query(query)
        for route in routes:
            labels = route.match(segments, parameters)
            if labels is not None:
                return Match(route.operation, labels)
        return None


def parse_query(query: str) -> Query:
    """Names and values in order; a name without a value has an empty one, bytes that aren't UTF-8 are replaced."""
    pairs = (pair.partition("=") for pair in query.replace("+", " ").split("&") if pair)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.encode("latin-1", "replace")).decode(errors="replace")


def _route(operation: Operation) -> _Route:
    path, _, query = operation.uri.partition("?")
    segments = tuple(path[1:].removesuffix("/").split("/"))
    constants = frozenset(parse_query(query))
    for position, segment in enumerate(segments):
        if segment.endswith("+}"):
            return _Route(operation, segments[:position], segment[1:-2], segments[position + 1 :], constants)
    return _Route(operation, segments, None, (), constants)


def _is_label(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
