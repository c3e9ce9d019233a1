"""People who do not want their sounds to be trained on, and the lists that say so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from wavesmith.data.manifest import Entry
from wavesmith.errors import DataError

OPT_OUT = "opt-out.txt"
KINDS = ("author", "source", "path", "sha256")


class OptOut(NamedTuple):
    """Who or what shall not be trained on: lower-case text by kind of line."""

    authors: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    def names(self, entry: Entry) -> bool:
        """Whether what is known of a file opts it out: its manifest's line, its author, source or path.

        An author is meant wherever the name stands in the credit as whole words; a path means the file, or
        everything in the folder.
        """
        path, credit = entry.path.lower(), (entry.credit or "").lower()
        return (
            entry.opt_out
            or any(re.search(rf"(?<!\w){re.escape(author)}(?!\w)", credit) for author in self.authors)
            or (entry.source or "").lower() in self.sources
            or any(path == given or path.startswith(f"{given}/") for given in self.paths)
        )


def read_opt_out(*files: Path) -> OptOut:
    """Read lists of one wish a line: `author: NAME`, `source: NAME`, `path: FILE OR FOLDER`, `sha256: HASH`.

    Empty lines and lines that begin with # count for nothing. The hash is that of a file, or that of its
    audio as `Sound.sha256` has it, which stays the same when a sound is stored in another format.

    Raises:
        DataError: when a file cannot be read, or a line says anything else.
    """
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"Cannot read the opt-out list {file} as UTF-8 text: {error}.") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            kind, _, value = (part.strip().lower() for part in line.partition(":"))
            if kind not in KINDS or not value:
                raise DataError(
                    f"{file}, line {number}: cannot be understood; write 'author: NAME', 'source: NAME', "
                    "'path: FILE OR FOLDER' or 'sha256: HASH'."
                )
            if kind == "sha256" and not re.fullmatch("[0-9a-f]{64}", value):
                raise DataError(f"{file}, line {number}: '{value}' is no SHA-256; give its 64 hex digits.")
            found[kind].add(value.rstrip("/") if kind == "path" else value)
    return OptOut(*(frozenset(found[kind]) for kind in KINDS))
