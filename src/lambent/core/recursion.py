"""Recursion detection: how a chain of invocations is followed, and when it is a loop.

Whatever a function calls carries the trace header on, with a field `Lineage=<hops>:<resource>:<loops>`: how many
invocations the chain has, one function of it (a hash), and how often the chain came back to that one. When it has come
back sixteen times the invocation is stopped, unless the function allows loops.

The header has room for one function only, so that the one that is watched changes until it is one of the loop: as long
as the chain hasn't come back to it, the second, fourth, eighth… function of the chain takes its place (Brent's way to
find a cycle). Functions that allow loops are never watched. From the 1,024th invocation on the watched one is replaced
even if the chain came back to it, since by then it should have been sixteen times.

What is sent of an event that was stopped goes on with the chain, which is marked: of one that is stopped after that
nothing is sent, or a loop by way of destinations for failures would never end. Source of this: unverified.

Source: developer guide, "Lambda recursive loop detection"; invocation.md §4; logs-metrics-traces.md §7.1 (form of the
field, observed); bounds of the numbers as OpenTelemetry's propagators check them. How AWS chooses the function that it
watches is unverified.
"""

import re
from typing import NamedTuple
from zlib import crc32

from lambent.core.scope import Scope
from lambent.core.trace_header import parse_trace_header

DEFAULT_RECURSIVE_LOOP = "Terminate"
"""Of a function that was never given a configuration; the other value is `Allow`."""

ALLOW_LOOPS = "Allow"

STOPPED = (
    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your "
    "function's invocation."
)
"""The message of a RecursiveInvocationException. Source: API model."""

_MOST_LOOPS = 16
_MOST_HOPS = 32_767
_LONG_CHAIN = 1_024

_FORM = re.compile(r"([0-9]{1,5}):([0-9a-f]{8}):([0-9]{1,3})")


class Lineage(NamedTuple):
    """Where a chain has been.

    Attributes:
        hops: how many invocations it has, the first included.
        resource: the function that is watched.
        loops: how often the chain came back to it.
    """

    hops: int
    resource: str
    loops: int

    def __str__(self) -> str:
        return f"{self.hops}:{self.resource}:{self.loops}"


def resource_hash(scope: Scope, function_name: str) -> str:
    """A function in a lineage: 8 hexadecimal digits, the same for all of its versions."""
    return f"{crc32(f'{scope.account}:{scope.region}:{function_name}'.encode()):08x}"


def parse_lineage(text: str) -> Lineage | None:
    """The lineage in a trace header; None for none, and for one of another form, which says nothing to us."""
    match = _FORM.fullmatch(text)
    return None if match is None else Lineage(int(match[1]), match[2], int(match[3]))


def passed(lineage: Lineage | None, resource: str, *, allows_loops: bool) -> Lineage | None:
    """A chain's lineage with one more invocation, of the function `resource`; None if that one is to be stopped.

    Args:
        lineage: before; None for an invocation that begins a chain.
        allows_loops: of that function.
    """
    if lineage is None:
        return Lineage(1, resource, 0)
    hops = min(lineage.hops + 1, _MOST_HOPS)
    if allows_loops:
        return Lineage(hops, lineage.resource, lineage.loops)
    if resource == lineage.resource:
        loops = lineage.loops + 1
        return None if loops >= _MOST_LOOPS else Lineage(hops, resource, loops)
    is_power_of_two = not hops & (hops - 1)
    if is_power_of_two and (not lineage.loops or hops >= _LONG_CHAIN):
        return Lineage(hops, resource, 0)
    return Lineage(hops, lineage.resource, lineage.loops)


def after_stop(trace_id: str) -> str | None:
    """The trace header of what is sent of an event that was stopped.

    Args:
        trace_id: the event's.

    Returns:
        None if its chain was stopped before: nothing is to be sent.
    """
    trace = parse_trace_header(trace_id)
    lineage = None if trace is None else parse_lineage(trace.lineage)
    if trace is None or lineage is None:
        return trace_id
    if lineage.loops >= _MOST_LOOPS:
        return None
    return str(trace._replace(lineage=str(lineage._replace(loops=_MOST_LOOPS))))
