"""Sound files on disk: what libsndfile reads and writes, with recipes inside and clear errors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from wavesmith import tags
from wavesmith.errors import AudioError, RequestError
from wavesmith.recipe import Recipe

Bits = Literal[16, 24, "float"]
"""Sample formats that are written: integers of 16 or 24 bits, or 32-bit floats."""

MOST_SAMPLES = 30 * 60 * 48_000 * 2
"""Samples that are read into memory at most: half an hour of 48 kHz stereo."""

_SUBTYPES: dict[str, dict[Bits, str]] = {
    ".wav": {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"},
    ".flac": {16: "PCM_16", 24: "PCM_24"},
}


class Header(NamedTuple):
    """Size and recipe of a sound file: `rate` in Hz, `channels`, `frames`, and `recipe` if it has one."""

    rate: int
    channels: int
    frames: int
    recipe: Recipe | None


class Content(NamedTuple):
    """Samples `[channels, frames]` of a sound file, their `rate` in Hz, and `recipe` if it has one."""

    samples: NDArray[np.float32]
    rate: int
    recipe: Recipe | None


def read_header(path: Path) -> Header:
    """Read size and recipe of a sound file; raises AudioError when it cannot be read."""
    check_readable(path)
    try:
        with soundfile.SoundFile(path) as file:
            return Header(file.samplerate, file.channels, file.frames, _recipe(_comment(file, path)))
    except (soundfile.SoundFileError, TypeError) as error:
        raise unreadable(path) from error


def read_content(path: Path, start: float = 0.0, seconds: float | None = None) -> Content:
    """Read a sound file, or the part from `start` that lasts `seconds` (less where the file ends).

    Raises:
        AudioError: when the file cannot be read, is cut short, or has more than `MOST_SAMPLES`.
        RequestError: when the part is not inside the file.
    """
    if not 0 <= start < math.inf or (seconds is not None and not 0 < seconds < math.inf):
        raise RequestError(f"Cannot read {seconds} s from {start} s: times must be positive numbers.")
    check_readable(path)
    try:
        with soundfile.SoundFile(path) as file:
            comment = _comment(file, path)
            samples = _read_part(file, path, start, seconds)
            return Content(samples.T, file.samplerate, _recipe(comment))
    except (soundfile.SoundFileError, TypeError) as error:
        raise unreadable(path) from error


def check_readable(path: Path) -> None:
    """Raise AudioError for what libsndfile calls a system error or ignores: no file, empty, cut short."""
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not a sound file.")
    if not path.is_file():
        raise AudioError(f"There is no sound file at {path}.")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioError(f"{path} is empty (0 bytes).")
            missing = tags.missing(file)
    except OSError as error:
        raise AudioError(f"{path} cannot be opened: {error.strerror}.") from error
    if missing:
        raise AudioError(f"{path} is cut short: it lacks {missing}.")


def check_target(path: Path, bits: Bits) -> None:
    """Raise RequestError for a file ending or sample format that is not written."""
    subtypes = _SUBTYPES.get(path.suffix.lower())
    if subtypes is None:
        raise RequestError(f"Cannot write {path}: the name must end in {' or '.join(_SUBTYPES)}.")
    if bits not in subtypes:
        choices = ", ".join(map(str, subtypes))
        raise RequestError(f"Cannot write {path} with bits={bits}; choose one of: {choices}.")


def encode(
    file: BinaryIO,
    ending: str,
    blocks: Iterable[NDArray[np.float32]],
    rate: int,
    channels: int,
    recipe: Recipe | None,
    bits: Bits,
) -> None:
    """Encode consecutive blocks `[channels, n]` into an open file; the same sound gives the same bytes.

    Raises:
        soundfile.SoundFileError: when the format cannot hold such a sound.
    """
    comment = recipe.to_json() if recipe else None
    subtype, kind = _SUBTYPES[ending][bits], ending[1:].upper()
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind) as encoder:
        if comment and kind == "FLAC":
            encoder.comment = comment
        for block in blocks:
            encoder.write(block.T if bits == "float" else _integers(block.T, bits))
    tags.clear_time_stamp(file)
    if comment and kind == "WAV":
        tags.write_comment(file, comment)


def unreadable(path: Path) -> AudioError:
    """Return the error for a file that is not audio."""
    return AudioError(
        f"{path} cannot be read as audio: it is damaged, or not a WAV, FLAC, AIFF, OGG or MP3 file."
    )


def _read_part(
    file: soundfile.SoundFile, path: Path, start: float, seconds: float | None
) -> NDArray[np.float32]:
    """Read `[frames, channels]` from an open file, never more than `MOST_SAMPLES`."""
    first = round(start * file.samplerate)
    left = file.frames - first
    if first and left <= 0:
        raise RequestError(f"Cannot read from {start:g} s: {path} lasts {file.frames / file.samplerate:g} s.")
    wanted = left if seconds is None else min(left, max(1, round(seconds * file.samplerate)))
    if wanted * file.channels > MOST_SAMPLES:
        minutes = MOST_SAMPLES // file.channels // file.samplerate // 60
        raise AudioError(f"{path} is too long to read at once; read at most {minutes} minutes of it.")
    if first:
        file.seek(first)
    samples: NDArray[np.float32] = file.read(wanted, dtype="float32", always_2d=True)
    # An MP3 file may only estimate its length, so a little less is no damage.
    if len(samples) < 0.99 * wanted:
        raise AudioError(
            f"{path} is cut short: {wanted - len(samples)} of its {file.frames} frames are missing."
        )
    return samples


def _comment(file: soundfile.SoundFile, path: Path) -> str | None:
    if file.format in ("WAV", "WAVEX"):
        with path.open("rb") as raw:
            return tags.read_comment(raw)
    comment: str = file.comment
    return comment


def _recipe(comment: str | None) -> Recipe | None:
    try:
        return Recipe.from_json(comment) if comment else None
    except ValueError:
        return None


def _integers(samples: NDArray[np.float32], bits: Literal[16, 24]) -> NDArray[np.int32]:
    """Round to the nearest step (libsndfile rounds down, a constant offset) and clip at full scale.

    The steps fill the upper bits of 32, from where libsndfile takes as many as the format has.
    """
    steps = 2 ** (bits - 1)
    rounded: NDArray[np.float64] = np.clip(np.rint(samples * float(steps)), -steps, steps - 1)
    return rounded.astype(np.int32) << (32 - bits)
