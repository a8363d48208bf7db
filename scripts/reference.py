"""Write the pages of docs/reference that are made from the code; with --check, only say whether they are current."""

import sys
from collections.abc import Iterator
from pathlib import Path

from lambent.settings import CONFIG_FILE, CONFIG_VARIABLE, Setting, table

_PAGES = Path(__file__).parent.parent / "docs" / "reference"
_MADE_FROM = "<!-- Made by scripts/reference.py from {}; don't edit. -->"


def main() -> int:
    """Return 0 when all pages are current or were written, 1 when --check has found an old one."""
    pages = {_PAGES / "settings.md": _page(_settings_page())}
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


if __name__ == "__main__":
    sys.exit(main())
