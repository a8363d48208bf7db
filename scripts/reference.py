"""Write the pages of docs/reference that are made from the code; with --check, only say whether they are current."""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambent.core.honesty import KEPT_NOT_IN_FORCE, REFUSED_SETTINGS
from lambent.gateway.operations.table import APART, OPERATIONS
from lambent.settings import CONFIG_FILE, CONFIG_VARIABLE, Setting, table
from lambent.wire.service_model import load_lambda_model

_PAGES = Path(__file__).parent.parent / "docs" / "reference"
_MADE_FROM = "<!-- Made by scripts/reference.py from {}; don't edit. -->"
_STATUSES = {
    "kept": "These answer as AWS does and keep what they are told; not all of it has its effect yet.",
    "refused": "These answer with the error that AWS gives where something is missing that Lambent never has.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What Lambent is known to do differently; `referenced` is for tests/style/test_reference_coverage.py."""

    id: str
    title: str
    area: str
    aws: str
    lambent: str
    reason: str
    operations: Sequence[str] = ()
    referenced: bool = True


@dataclass(frozen=True, slots=True)
class KnownDifferences:
    """What docs/reference/differences.toml says.

    Attributes:
        statuses: of operations that are neither in force nor missing.
        reasons: of the same.
    """

    differences: Sequence[Difference]
    statuses: Mapping[str, str]
    reasons: Mapping[str, str]

    def of(self, operation: str) -> Iterator[tuple[int, Difference]]:
        """The differences that concern an operation most, with their numbers."""
        return ((number, one) for number, one in enumerate(self.differences, start=1) if operation in one.operations)


def known_differences() -> KnownDifferences:
    """Read the file.

    Raises:
        ValueError: it names an operation that the API doesn't have, or a status that there isn't.
    """
    document = tomllib.loads((_PAGES / "differences.toml").read_text(encoding="utf-8"))
    differences = [Difference(**one) for one in document["difference"]]
    statuses = {name: one["status"] for one in document["status"] for name in one["operations"]}
    reasons = {name: one["reason"] for one in document["status"] for name in one["operations"]}
    named = {*statuses, *(name for one in differences for name in one.operations)}
    unknown = {*(named - load_lambda_model().operations.keys()), *(set(statuses.values()) - _STATUSES.keys())}
    if unknown:
        raise ValueError(f"differences.toml names what there isn't: {', '.join(sorted(unknown))}")
    return KnownDifferences(differences, statuses, reasons)


def main() -> int:
    """Return 0 when all pages are current or were written, 1 when --check has found an old one."""
    known = known_differences()
    pages = {
        _PAGES / "operations.md": _page(_operations_page(known)),
        _PAGES / "known-differences.md": _page(_differences_page(known)),
        _PAGES / "settings.md": _page(_settings_page()),
    }
    old = [page for page, text in pages.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    for page in old:
        if "--check" in sys.argv:
            sys.stderr.write(f"{page.name} is not current: run .venv/bin/python scripts/reference.py\n")
        else:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(pages[page], encoding="utf-8")
    return 1 if old and "--check" in sys.argv else 0


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _settings_page() -> Iterator[str]:
    yield _MADE_FROM.format("src/lambent/settings.py")
    yield ""
    yield "# Settings"
    yield ""
    yield "Every setting of `lambent dev` and `lambent serve` can be written in three places, the first wins:"
    yield ""
    yield "1. on the command line: `--log-level debug`;"
    yield "2. as an environment variable: `LAMBENT_LOG_LEVEL=debug`;"
    yield f'3. in a TOML file: `log_level = "debug"`. The file is `--config FILE`, or what `{CONFIG_VARIABLE}` names, '
    yield f"   or `{CONFIG_FILE}` in the current folder."
    yield ""
    yield "Settings are read once, at the start."
    yield "A setting that isn't known or can't be understood stops the start."
    yield "One line then says where it is and what would be right."
    for group in dict.fromkeys(row.group for row in table()):
        yield ""
        yield f"## {group}"
        for row in table():
            if row.group == group:
                yield from _setting(row)


def _setting(row: Setting) -> Iterator[str]:
    yield ""
    yield f"### `{row.name}`"
    yield ""
    yield row.help
    yield ""
    yield f"- Flag: {' or '.join(f'`{flag}`' for flag in row.flags)}"
    yield f"- Variable: `{row.variable}`"
    yield f"- Value: {row.expects}{'; a list in TOML' if row.is_list else ''}"
    yield f"- Default: {row.default}"
    if len(row.postures) == 1:
        yield f"- Only for `lambent {row.postures[0]}`"


def _operations_page(known: KnownDifferences) -> Iterator[str]:
    operations = load_lambda_model().operations
    there = {*APART, *OPERATIONS}
    in_force = sorted(there - known.reasons.keys())
    yield _MADE_FROM.format("AWS's model of the API, src/lambent/gateway/operations and differences.toml")
    yield ""
    yield "# Operations of the API"
    yield ""
    yield f"AWS Lambda's API has {len(operations)} operations."
    yield f"{len(there)} of them are there, {len(in_force)} wholly in force."
    yield "One that isn't there validates the request, answers with an error that names it, and changes nothing."
    yield "A number in the last column leads to what differs: [Known differences](known-differences.md)."
    yield ""
    yield "## In force"
    yield ""
    yield from _operations_table(in_force, known)
    for status, meaning in _STATUSES.items():
        yield ""
        yield f"## {status.capitalize()}"
        yield ""
        yield meaning
        yield ""
        of_status = [name for name in sorted(there) if known.statuses.get(name) == status]
        yield from _operations_table(of_status, known, with_reason=True)
    yield ""
    yield "## Not there"
    yield ""
    yield from _operations_table(sorted(set(operations) - there), known)
    yield ""
    yield "## Settings that are kept, but not in force"
    yield ""
    yield "These are stored and returned, so that deployment tools are content, and have no effect yet:"
    yield ""
    yield from (f"- `{kept.setting}`: {kept.effect}" for kept in KEPT_NOT_IN_FORCE)
    yield ""
    yield "## Settings that are refused"
    yield ""
    yield "A request that asks for one of these gets an `InvalidParameterValueException` that names it:"
    yield ""
    yield from (f"- `{refused.setting}`" for refused in REFUSED_SETTINGS)


def _operations_table(names: Sequence[str], known: KnownDifferences, *, with_reason: bool = False) -> Iterator[str]:
    operations = load_lambda_model().operations
    yield f"| operation | request |{' reason |' if with_reason else ''} differences |"
    yield f"|---|---|{'---|' if with_reason else ''}---|"
    for name in names:
        reason = f" {known.reasons[name]} |" if with_reason else ""
        links = ", ".join(f"[{number}](known-differences.md#{one.id})" for number, one in known.of(name))
        yield f"| {name} | `{operations[name].method} {operations[name].uri}` |{reason} {links} |"


def _differences_page(known: KnownDifferences) -> Iterator[str]:
    yield _MADE_FROM.format("differences.toml")
    yield ""
    yield "# Known differences from AWS Lambda"
    yield ""
    yield "What Lambent is known to do differently, and why."
    yield "What isn't here and differs all the same is a bug."
    for area in dict.fromkeys(one.area for one in known.differences):
        yield ""
        yield f"## {area}"
        for number, one in enumerate(known.differences, start=1):
            if one.area == area:
                yield from _difference(number, one)


def _difference(number: int, one: Difference) -> Iterator[str]:
    yield ""
    yield f'### <a id="{one.id}"></a>{number}. {one.title}'
    yield ""
    yield f"- AWS: {one.aws}"
    yield f"- Lambent: {one.lambent}"
    yield f"- Why: {one.reason}"
    if one.operations:
        yield f"- Operations: {', '.join(one.operations)}"


if __name__ == "__main__":
    sys.exit(main())
