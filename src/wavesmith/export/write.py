"""Writing of kit folders: samples, instruments for several programs, description and credits."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wavesmith.errors import RequestError, WavesmithError, unknown
from wavesmith.export.decentsampler import dspreset_text
from wavesmith.export.describe import ABOUT, README, json_content, kit_values, readme_text
from wavesmith.export.hydrogen import drumkit_text, h2drumkit
from wavesmith.export.names import SAMPLES, SampleNames, kit_stem, sample_names
from wavesmith.export.pieces import Kit
from wavesmith.export.sfz import sfz_text
from wavesmith.files import remedy, replacing
from wavesmith.sound import Bits
from wavesmith.tags import InstrumentTags

FORMATS = {
    "sfz": "{kit}.sfz",
    "decentsampler": "{kit}.dspreset",
    "hydrogen": "drumkit.xml",
    "h2drumkit": "{kit}.h2drumkit",
}
"""Formats of kits, and their file names."""

_ELSEWHERE = "give another folder for the kit, or use --overwrite (in Python, overwrite=True)"


def write_kit(
    kit: Kit,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("sfz", "decentsampler", "hydrogen"),
    bits: Bits = 24,
    overwrite: bool = False,
) -> list[Path]:
    """Write `samples/`, a file for each of `formats`, `README.txt` and `kit.json` into a folder.

    All files are written into a temporary folder and moved when complete. The same kit always gives the same
    bytes, so writing it again changes nothing. `overwrite` replaces another kit, with all its files; files
    of no kit stay unless they have the name of a new one. Returns all files, `kit.json` last.

    Raises:
        RequestError: for an unknown format, or when the folder has other content.
        WavesmithError: when the folder cannot be written or the disk is full; it is then as it was before.
    """
    folder, names = Path(folder), sample_names(kit)
    for kind in formats:
        if kind not in FORMATS:
            raise RequestError(unknown("kit format", kind, FORMATS))
    instruments = {kind: FORMATS[kind].format(kit=kit_stem(kit.name)) for kind in formats}
    samples = [f"{SAMPLES}/{file}" for rows in names for row in rows for file in row]
    files = [*samples, *instruments.values(), README, ABOUT]
    values = kit_values(kit, names, files, bits)
    if not overwrite:
        check_place(folder, values)
    with _beside(folder) as fresh:
        _write_samples(kit, names, fresh / SAMPLES, bits)
        for file, content in _contents(kit, names, instruments, values, fresh / SAMPLES):
            with replacing(fresh / file) as temporary:
                temporary.write_bytes(content)
        _exchange(folder, fresh, files)
    return [folder / file for file in files]


def _write_samples(kit: Kit, names: SampleNames, folder: Path, bits: Bits) -> None:
    for piece, rows in zip(kit.pieces, names, strict=True):
        for layer, row in zip(piece.layers, rows, strict=True):
            for sound, file in zip(layer.sounds, row, strict=True):
                loop = (0, sound.frames) if piece.loops else None
                instrument = InstrumentTags(piece.key, loop, velocities=(layer.low, layer.high))
                sound.write(folder / file, bits=bits, instrument=instrument)


def _contents(
    kit: Kit, names: SampleNames, instruments: Mapping[str, str], values: Mapping[str, Any], samples: Path
) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of all files but the samples, which are already written."""
    for kind, file in instruments.items():
        if kind == "sfz":
            yield file, sfz_text(kit, names).encode()
        elif kind == "decentsampler":
            yield file, dspreset_text(kit, names).encode()
        elif kind == "hydrogen":
            yield file, drumkit_text(kit, names, f"{SAMPLES}/").encode()
        elif kind == "h2drumkit":
            contents = {path.name: path.read_bytes() for path in sorted(samples.iterdir())}
            yield file, h2drumkit(kit, names, contents)
    yield README, readme_text(kit, instruments).encode()
    yield ABOUT, json_content(values)


# The folder


def check_place(folder: Path, values: Mapping[str, Any] | None = None) -> None:
    """Check that a folder is missing, empty, or has the kit of these values, or any kit if they are None.

    Raises:
        RequestError: when it is a file, or has other content.
        WavesmithError: when it cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"{folder} is a file; give a folder for the kit.")
    with _disk_errors(folder):
        if not folder.exists() or not any(folder.iterdir()):
            return
    present = _kit_values(folder)
    if not present:
        raise RequestError(f"{folder} is not empty; {_ELSEWHERE}.")
    if values is not None and present != values:
        raise RequestError(f"{folder} has another kit, or this one in other formats; {_ELSEWHERE}.")


def _kit_values(folder: Path) -> dict[str, Any]:
    """Read `kit.json` of a folder; empty if it is missing or cannot be read."""
    try:
        values = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _kit_files(folder: Path) -> Iterator[str]:
    """Yield the files of the kit in a folder; a manipulated list never leads to files outside of it."""
    listed = _kit_values(folder).get("files")
    for name in listed if isinstance(listed, list) else []:
        if isinstance(name, str) and Path(name).name == name.removeprefix(f"{SAMPLES}/"):
            yield name


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder inside `folder`, and so on the same disk."""
    existed, complete = folder.exists(), False
    fresh = folder / f".kit-{uuid.uuid4().hex[:8]}"
    try:
        with _disk_errors(folder):
            (fresh / SAMPLES).mkdir(parents=True)
            yield fresh
        complete = True
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if not existed and not complete:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Convert errors of the disk to errors about the folder instead of temporary files."""
    try:
        yield
    except (OSError, WavesmithError) as error:
        cause = error.__cause__ if isinstance(error, WavesmithError) else error
        if not isinstance(cause, OSError):
            raise
        reason = cause.strerror or str(cause)
        raise WavesmithError(f"Cannot write {folder} ({reason}); {remedy(cause)}.") from cause


def _exchange(folder: Path, fresh: Path, files: Sequence[str]) -> None:
    """Move the old kit's files away and the new ones in; if one move fails, undo all."""
    (folder / SAMPLES).mkdir(exist_ok=True)
    (fresh / "old" / SAMPLES).mkdir(parents=True)
    out = [name for name in dict.fromkeys([*_kit_files(folder), *files]) if (folder / name).is_file()]
    moves = [(folder / name, fresh / "old" / name) for name in out]
    moves += [(fresh / name, folder / name) for name in files]
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            os.replace(source, target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            with suppress(OSError):
                os.replace(target, source)
        raise
