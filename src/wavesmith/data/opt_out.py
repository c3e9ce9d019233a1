"""Opt-outs: lists of authors, sources and files that must not be trained on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from wavesmith.data.manifest import Entry
from wavesmith.errors import DataError

OPT_OUT = "opt-out.txt"
KINDS = ("author", "source", "path", "sha256")


class OptOut(NamedTuple):
    """Entries of opt-out lists, in lower case."""

    authors: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    def covers(self, entry: Entry) -> bool:
        """Return whether a file is opted out by its manifest entry, author, source or path.

        An author matches where the name occurs in the credit as whole words; a path matches the file, or
        everything in the folder.
        """
        path, credit = entry.path.lower(), (entry.credit or "").lower()
        return (
            entry.opt_out
            or any(re.search(rf"(?<!\w){re.escape(author)}(?!\w)", credit) for author in self.authors)
            or (entry.source or "").lower() in self.sources
            or any(path == one or path.startswith(f"{one}/") for one in self.paths)
        )


def read_opt_out(*files: Path) -> OptOut:
    """Read lists of lines `author: NAME`, `source: NAME`, `path: FILE OR FOLDER` or `sha256: HASH`.

    Empty lines and lines that begin with # are skipped. The hash is that of a file, or `Sound.sha256` of its
    audio, which stays the same when a sound is stored in another format.

    Raises:
        DataError: when a file cannot be read, or a line is anything else.
    """
    entries: dict[str, set[str]] = {kind: set() for kind in KINDS}
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
                    f"{file}, line {number}: is no opt-out; write 'author: NAME', 'source: NAME', "
                    "'path: FILE OR FOLDER' or 'sha256: HASH'."
                )
            if kind == "sha256" and not re.fullmatch("[0-9a-f]{64}", value):
                raise DataError(f"{file}, line {number}: '{value}' is no SHA-256; it needs 64 hex digits.")
            entries[kind].add(value.rstrip("/") if kind == "path" else value)
    return OptOut(*(frozenset(entries[kind]) for kind in KINDS))
