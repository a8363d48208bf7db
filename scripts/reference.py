"""Write the pages of docs/reference that are made from the code; with --check, only say whether they are current."""

import sys
from collections.abc import Iterator
from pathlib import Path

from lambent.core.honesty import KEPT_NOT_IN_FORCE, REFUSED_SETTINGS
from lambent.gateway.operations.table import OPERATIONS
from lambent.settings import CONFIG_FILE, CONFIG_VARIABLE, Setting, table
from lambent.wire.service_model import load_lambda_model

_PAGES = Path(__file__).parent.parent / "docs" / "reference"
_MADE_FROM = "<!-- Made by scripts/reference.py from {}; don't edit. -->"


def main() -> int:
    """Return 0 when all pages are current or were written, 1 when --check has found an old one."""
    pages = {
        _PAGES / "operations.md": _page(_operations_page()),
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


def _operations_page() -> Iterator[str]:
    operations = load_lambda_model().operations
    in_force = {"Invoke", *OPERATIONS}  # Invoke has a way of its own through the gateway
    yield _MADE_FROM.format("AWS's model of the API and src/lambent/gateway/operations")
    yield ""
    yield "# Operations of the API"
    yield ""
    yield f"AWS Lambda's API has {len(operations)} operations; {len(in_force)} of them are in force."
    yield "Every other one answers with an error that names it, and changes nothing."
    yield ""
    yield "## In force"
    yield ""
    yield "| operation | request |"
    yield "|---|---|"
    for name in sorted(in_force):
        yield f"| {name} | `{operations[name].method} {operations[name].uri}` |"
    yield ""
    yield "## Kept with a function, but not in force"
    yield ""
    yield "These are stored and returned, so that deployment tools are content, and have no effect yet:"
    yield ""
    yield from (f"- `{kept.setting}`: {kept.effect}" for kept in KEPT_NOT_IN_FORCE)
    yield ""
    yield "## Refused"
    yield ""
    yield "A request that asks for one of these gets an `InvalidParameterValueException` that names it:"
    yield ""
    yield from (f"- `{refused.setting}`" for refused in REFUSED_SETTINGS)
    yield ""
    yield "## Not there yet"
    yield ""
    yield from (f"- {name}" for name in sorted(set(operations) - in_force))


if __name__ == "__main__":
    sys.exit(main())
