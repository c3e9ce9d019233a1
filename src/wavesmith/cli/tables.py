"""Writes what is derived from verbs into files: tables of settings in docs, and `summaries.py`.

python -m wavesmith.cli.tables

A page has the table of a verb between `<!-- settings of VERB -->` and `<!-- end of settings -->`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from wavesmith.cli import summaries
from wavesmith.models import debug_model
from wavesmith.verbs import VERBS, Verb
from wavesmith.verbs.options import choices, default_text, defaults_of, fields_of, option_name, range_text

_MOST_LISTED = 6
_TABLE = re.compile(r"(<!-- settings of (\w+) -->\n).*?(<!-- end of settings -->)", re.S)
_SUMMARIES = '''"""Verbs and what they do, so that `wavesmith --help` need not import them.

Written by `python -m wavesmith.cli.tables`; do not edit.
"""

SUMMARIES = {{
{rows}
}}

KIT = "{kit}"

TRAIN = "{train}"
'''


def with_tables(page: str) -> str:
    """Return a page of the docs with its tables up to date."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table(VERBS[found[2]])}\n{found[3]}", page)


def table(verb: Verb[Any]) -> str:
    """Return the settings of a verb as a Markdown table."""
    given = defaults_of(verb, debug_model())
    lines = ["| option | setting | meaning | default | range |", "|---|---|---|---|---|"]
    for name, field in fields_of(verb).items():
        if field.is_required():
            default = "the model's" if name in given else "has to be given"
        else:
            default = default_text(field) or "none"
        names = choices(field)
        values = "[by name](samplers.md)" if len(names) > _MOST_LISTED else range_text(field)
        option = "`--count`" if name == "count" else f"`{option_name(name)}`"
        meaning = str(field.description).replace("|", "\\|")
        lines.append(f"| {option} | `{name}` | {meaning} | {default} | {values} |")
    return "\n".join(lines) + "\n"


def summaries_text() -> str:
    """Return the text of `summaries.py`."""
    rows = "\n".join(f"    {json.dumps(name)}: {json.dumps(verb.summary)}," for name, verb in VERBS.items())
    return _SUMMARIES.format(rows=rows, kit=summaries.KIT, train=summaries.TRAIN)


def main(docs: Path = Path("docs")) -> None:
    """Write all of them."""
    Path(summaries.__file__).write_text(summaries_text(), encoding="utf-8")
    for page in docs.glob("*.md"):
        before = page.read_text(encoding="utf-8")
        if (text := with_tables(before)) != before:
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
