"""The X-Ray trace header: what of a caller's header an invocation keeps.

Root is kept. Parent is the invocation's own, so that what the function traces hangs below it. Sampled is the caller's
decision; only where there is none is one made. Lineage is the caller's with this invocation counted (`core.recursion`).
Other fields, `Self` among them, aren't passed on.

Source: logs-metrics-traces.md §7.1; X-Ray developer guide, "Tracing header". What AWS does with a Root that isn't one
is unverified: here the header then counts as missing.
"""

import re
from typing import NamedTuple

MAX_HEADER_BYTES = 256
"""No tracer writes a longer one, and a longer one is ignored."""

# What tracers write, in the order in which they do.
_USUAL = re.compile(
    r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;Parent=([0-9a-f]{16}))?(?:;Sampled=([01?]))?(?:;Lineage=([0-9a-f:|]{1,128}))?"
)
_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_PARENT = re.compile(r"[0-9a-fA-F]{16}")
_LINEAGE = re.compile(r"[0-9a-fA-F:|]{1,128}")
_DECISIONS = {"0": False, "1": True}


class TraceHeader(NamedTuple):
    """What of a header counts.

    Attributes:
        root: the trace's id.
        parent: id of the segment or subsegment that sent it; empty if it wasn't said.
        sampled: the decision, None where there is none yet.
        lineage: as received; empty if there is none.
    """

    root: str
    parent: str = ""
    sampled: bool | None = None
    lineage: str = ""

    def __str__(self) -> str:
        """In the order in which Lambda writes it."""
        text = f"Root={self.root}"
        if self.parent:
            text += f";Parent={self.parent}"
        if self.sampled is not None:
            text += ";Sampled=1" if self.sampled else ";Sampled=0"
        return f"{text};Lineage={self.lineage}" if self.lineage else text


def parse_trace_header(text: str) -> TraceHeader | None:
    """The header in a text; None for one that is too long or names no trace. Of fields given twice the first counts."""
    if len(text) > MAX_HEADER_BYTES:
        return None
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        root, parent, sampled, lineage = usual.groups("")
        return TraceHeader(root, parent, _DECISIONS.get(sampled), lineage)
    fields: dict[str, str] = {}
    for field in text.split(";"):
        name, _, value = field.partition("=")
        fields.setdefault(name.strip(), value.strip())
    root, parent, lineage = fields.get("Root", ""), fields.get("Parent", ""), fields.get("Lineage", "")
    if _ROOT.fullmatch(root) is None:
        return None
    return TraceHeader(
        root,
        parent if _PARENT.fullmatch(parent) else "",
        _DECISIONS.get(fields.get("Sampled", "")),
        lineage if _LINEAGE.fullmatch(lineage) else "",
    )
