"""Folders of sounds as data sets: sub-folders are labels, a manifest adds the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from wavesmith.data.manifest import Entry, read_manifest
from wavesmith.errors import DataError

AUDIO_ENDINGS = frozenset({".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3"})


class Listing(NamedTuple):
    """The files of a data set, and the paths in its manifest that do not exist."""

    entries: list[Entry]
    missing: list[str]


def read_folder(folder: str | Path) -> Listing:
    """List the sounds under `folder`, sorted by relative path; nothing is opened but the manifest.

    A sound's label is the first sub-folder of its path (none for a file at the root), unless the manifest
    gives another. Hidden files and folders and `__MACOSX` are skipped.

    Raises:
        DataError: when the folder is missing, is a file, cannot be opened or holds no audio, when a file's
            name is not valid Unicode, or when the manifest is broken.
    """
    folder = Path(folder)
    if not folder.exists():
        raise DataError(f"There is no folder {folder}; check the spelling.")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; give the folder that holds the sounds.")
    paths = _audio_paths(folder)
    if not paths:
        endings = ", ".join(sorted(ending[1:] for ending in AUDIO_ENDINGS))
        raise DataError(f"There is no audio in {folder}; put files of these kinds in it: {endings}.")
    manifest = read_manifest(folder)
    entries = [_with_label(manifest.get(path) or Entry(path=path)) for path in paths]
    return Listing(entries, sorted(manifest.keys() - set(paths)))


def _audio_paths(root: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise DataError(f"Cannot open {error.filename}: {error.strerror}; change its permissions or move it.")

    paths = []
    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        paths += [
            (Path(folder) / name).relative_to(root).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_ENDINGS
        ]
    for path in paths:
        if not path.isascii() and path.encode(errors="ignore").decode() != path:
            raise DataError(f"The file name {path!r} in {root} is not valid Unicode; rename the file.")
    return sorted(paths)


def _with_label(entry: Entry) -> Entry:
    top, _, below = entry.path.partition("/")
    return entry if entry.label or not below else entry.model_copy(update={"label": top})
