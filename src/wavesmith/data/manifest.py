"""Manifests: label, origin and licence of each file of a data set."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from wavesmith.errors import DataError

MANIFEST = "manifest.jsonl"


class Entry(BaseModel):
    """One file of a data set.

    `path` is relative to the data set's folder, with forward slashes. Where two names are common the
    manifest may use either: `class` or `label`, `licence` or `license`, `credit` or `author`, `source` or
    `source_repo`, `url` or `source_url`. A file with `opt_out` is never trained on. Keys that are not listed
    here are ignored.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True, coerce_numbers_to_str=True
    )

    path: str
    label: str | None = Field(default=None, validation_alias=AliasChoices("label", "class"))
    tags: tuple[str, ...] = ()
    kit: str | None = None
    split_family: str | None = None
    licence: str | None = Field(default=None, validation_alias=AliasChoices("licence", "license"))
    licence_basis: str | None = None
    credit: str | None = Field(default=None, validation_alias=AliasChoices("credit", "author"))
    source: str | None = Field(default=None, validation_alias=AliasChoices("source", "source_repo"))
    title: str | None = None
    url: str | None = Field(default=None, validation_alias=AliasChoices("url", "source_url"))
    opt_out: bool = False
    sha256: str | None = None

    @property
    def group(self) -> str:
        """Source that this sound shares with near-identical ones; a split never divides a group.

        It is `split_family` if given, else `kit`, else the sub-folder below the label (`kick/909/a.wav` is
        in `kick/909`), else the file's name without the number at its end (`kick/deep 03.wav` is in
        `kick/deep`; a name that is only a number is a group of its own).
        """
        return self.split_family or self.kit or _group_of_path(PurePosixPath(self.path))


def _group_of_path(path: PurePosixPath) -> str:
    if len(path.parts) > 2:
        return "/".join(path.parts[:2])
    stem = re.sub(r"[ ._-]*\d+$", "", path.stem) or path.stem
    return str(path.with_name(stem))


def read_manifest(folder: str | Path) -> dict[str, Entry]:
    """Read `manifest.jsonl` (one JSON object a line): entries by path, in its order; none without that file.

    Raises:
        DataError: naming the line, when it is not JSON, has no path, names a path outside the folder, gives
            a value of the wrong kind, or describes a file for the second time.
    """
    manifest = Path(folder) / MANIFEST
    if not manifest.is_file():
        return {}
    try:
        lines = manifest.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {manifest} as UTF-8 text: {error}; save it again or remove it."
        ) from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = _parse(line)
            if entry.path in entries:
                raise ValueError(f"describes {entry.path} a second time")
        except ValueError as error:
            raise DataError(
                f"{manifest}, line {number}: {_reason(error)}; correct or remove that line."
            ) from error
        entries[entry.path] = entry
    return entries


def _parse(line: str) -> Entry:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("is not a JSON object")
    entry = Entry.model_validate({key: value for key, value in record.items() if value is not None})
    windows, posix = PureWindowsPath(entry.path), PurePosixPath(entry.path)
    if windows.anchor or posix.is_absolute() or ".." in windows.parts or not posix.parts:
        raise ValueError(f"'{entry.path}' is not a relative path inside the data set's folder")
    return entry.model_copy(update={"path": str(posix)})


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON ({error})"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"'{first['loc'][0]}': {first['msg'].lower()}"
    return str(error)
