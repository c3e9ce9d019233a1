"""Sounds of any length on disk: read in parts, and written in parts that survive an interruption."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from wavesmith.audio_file import Bits, check_target, encode, read_header, unreadable
from wavesmith.errors import AudioError, WavesmithError
from wavesmith.files import remedy, replacing
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound

_BLOCK = 1 << 18


class AudioFile:
    """A sound file that is read in parts; its attributes are those of a `Sound` in memory."""

    def __init__(self, path: str | Path) -> None:
        """Open `path`; raises what `Sound.read` raises."""
        self.path = Path(path)
        self.rate, self.channels, self.frames, self.recipe = read_header(self.path)

    def part(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return samples `[channels, stop - start]` of a part; zeros beyond the end.

        Raises:
            AudioError: when it cannot be read or has samples that are not finite.
        """
        try:
            with soundfile.SoundFile(self.path) as file:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True).T
        except (soundfile.SoundFileError, TypeError) as error:
            raise unreadable(self.path) from error
        short = stop - start - samples.shape[1]
        try:
            return Sound(np.pad(samples, ((0, 0), (0, max(0, short)))), self.rate).samples
        except AudioError as error:
            raise AudioError(f"{self.path}: {error}") from error

    @cached_property
    def peak(self) -> float:
        """The largest absolute sample; reads the whole file once."""
        return max((float(np.abs(block).max(initial=0)) for block in self._blocks()), default=0.0)

    @cached_property
    def sha256(self) -> str:
        """`Sound.sha256` of the same audio; reads the whole file once for each channel."""
        digest = hashlib.sha256(f"{self.rate} {(self.channels, self.frames)}".encode())
        for channel in range(self.channels):
            for block in self._blocks():
                digest.update(np.ascontiguousarray(block[channel]).data)
        return digest.hexdigest()

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        for start in range(0, self.frames, _BLOCK):
            yield self.part(start, min(start + _BLOCK, self.frames))


class ResumableWriter:
    """A writer of a sound file in parts; the parts written so far survive an interruption.

    Two hidden files beside the target hold the state. One has the finished samples; the other, replaced as a
    whole, has their number and the samples that still overlap with the next part. They belong to a recipe:
    a state of another recipe is discarded.

    Attributes:
        parts: number of parts written.
        peak: largest absolute sample of the parts.
        pending: samples `[channels, n]` that overlap with the next part; None before the first part.
    """

    def __init__(self, path: Path, recipe: Recipe, rate: int, channels: int) -> None:
        self._target, self._recipe = path, recipe
        self._rate, self._channels = rate, channels
        self._samples = path.with_name(f".{path.name}.part")
        self._state = path.with_name(f".{path.name}.state")
        self.parts, self.peak, self._frames = 0, 0.0, 0
        self.pending: NDArray[np.float32] | None = None
        self._resume()

    def _resume(self) -> None:
        try:
            header, _, pending = self._state.read_bytes().partition(b"\n")
            state = json.loads(header)
            complete = self._samples.stat().st_size >= 4 * self._channels * state["frames"]
            if state["recipe"] == self._recipe.to_json() and complete:
                self.pending = self._unpacked(np.frombuffer(pending, dtype="<f4"))
                self.parts, self.peak, self._frames = state["parts"], state["peak"], state["frames"]
        except (OSError, ValueError, KeyError, TypeError):
            return

    def add(self, done: NDArray[np.float32], pending: NDArray[np.float32]) -> None:
        """Append a part: finished samples `[channels, n]`, and those that overlap with the next part.

        The state is replaced last, so an interruption at any point leaves the previous one.

        Raises:
            WavesmithError: when the folder cannot be written or the disk is full.
        """
        try:
            self._samples.parent.mkdir(parents=True, exist_ok=True)
            with open(self._samples, "r+b" if self.parts else "wb") as file:
                file.seek(4 * self._channels * self._frames)
                file.write(_packed(done))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise WavesmithError(
                f"Cannot write {self._target} ({error.strerror or error}); {remedy(error)}."
            ) from error
        peak = max(self.peak, float(np.abs(done).max(initial=0)))
        parts, frames = self.parts + 1, self._frames + done.shape[1]
        state = {"recipe": self._recipe.to_json(), "parts": parts, "peak": peak, "frames": frames}
        with replacing(self._state) as temporary:
            temporary.write_bytes(json.dumps(state).encode() + b"\n" + _packed(pending))
        self.parts, self.peak, self._frames, self.pending = parts, peak, frames, pending

    def finish(self, gain: float, bits: Bits) -> None:
        """Write the target file, scaled by `gain`, and remove the state."""
        blocks = (
            self._read(start, min(_BLOCK, self._frames - start)) * np.float32(gain)
            for start in range(0, self._frames, _BLOCK)
        )
        write_blocks(self._target, blocks, self._rate, self._channels, self._recipe, bits)
        self._samples.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def _read(self, start: int, frames: int) -> NDArray[np.float32]:
        count, offset = frames * self._channels, 4 * start * self._channels
        return self._unpacked(np.fromfile(self._samples, dtype="<f4", count=count, offset=offset))

    def _unpacked(self, flat: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(flat.reshape(-1, self._channels).T, dtype=np.float32)


def _packed(samples: NDArray[np.float32]) -> bytes:
    """Return samples `[channels, n]` as bytes, frame by frame."""
    return np.ascontiguousarray(samples.T, dtype="<f4").tobytes()


def write_blocks(
    path: Path,
    blocks: Iterable[NDArray[np.float32]],
    rate: int,
    channels: int,
    recipe: Recipe | None,
    bits: Bits,
) -> None:
    """Write a sound file from consecutive blocks `[channels, n]`, as `Sound.write` writes a whole one.

    Raises:
        RequestError: for a file ending or sample format that is not supported.
        WavesmithError: when the folder cannot be written or the disk is full.
    """
    check_target(path, bits)
    with replacing(path) as temporary, open(temporary, "w+b") as file:
        encode(file, path.suffix.lower(), blocks, rate, channels, recipe, bits)
