"""X-Ray's trace header: logs-metrics-traces.md section 7.1."""

import pytest

from lambent.core.trace_header import TraceHeader, parse_trace_header

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (f"Root={ROOT}", TraceHeader(ROOT)),
        (f"Root={ROOT};Parent={PARENT};Sampled=1", TraceHeader(ROOT, PARENT, sampled=True)),
        (f"Root={ROOT};Parent={PARENT};Sampled=0", TraceHeader(ROOT, PARENT, sampled=False)),
        (f"Root={ROOT};Sampled=?", TraceHeader(ROOT)),
        (
            f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:bd4cecd5:0",
            TraceHeader(ROOT, PARENT, True, "1:bd4cecd5:0"),
        ),
        (f"Sampled=1; Parent={PARENT} ;Root={ROOT}", TraceHeader(ROOT, PARENT, sampled=True)),
        (f"Self=1-67891234-12456789abcdef012345678;Root={ROOT};CalledFrom=app", TraceHeader(ROOT)),
        (f"Root={ROOT};Root=1-00000000-000000000000000000000000", TraceHeader(ROOT)),
        (f"Root={ROOT.upper()};Sampled=1", TraceHeader(ROOT.upper(), sampled=True)),
    ],
)
def test_fields_are_found_in_any_order_among_others(text: str, header: TraceHeader) -> None:
    assert parse_trace_header(text) == header


@pytest.mark.parametrize(
    "field", ["Parent=x", "Parent=", "Sampled=2", "Sampled=", "Lineage=a b", "Lineage=" + "1" * 129]
)
def test_a_field_of_another_form_counts_as_missing(field: str) -> None:
    assert parse_trace_header(f"Root={ROOT};{field}") == TraceHeader(ROOT)


@pytest.mark.parametrize(
    "text",
    ["", ";", "Root=", "Root=1-5759e988", f"Root={ROOT}0", "Sampled=1", ROOT, f"Root={ROOT};x=" + "y" * 256],
)
def test_a_header_without_a_trace_is_none(text: str) -> None:
    assert parse_trace_header(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"Root={ROOT}",
        f"Root={ROOT};Sampled=0",
        f"Root={ROOT};Parent={PARENT};Sampled=1",
        f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:bd4cecd5:0",
    ],
)
def test_it_is_written_in_lambdas_order(text: str) -> None:
    assert str(parse_trace_header(text)) == text
