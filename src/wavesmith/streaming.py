"""Sounds of any length on disk: read in parts, and made in parts that survive an interruption."""

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

from wavesmith.errors import AudioError, WavesmithError
from wavesmith.files import remedy, replacing
from wavesmith.recipe import Recipe
from wavesmith.sound import Bits, Sound, check_target, encode, read_header

_BLOCK = 1 << 18


class SoundFile:
    """A sound file that is read in parts; what `Sound` says of one in memory, it says of one on disk."""

    def __init__(self, path: str | Path) -> None:
        """Open `path`; raises what `Sound.read` raises."""
        self.path = Path(path)
        self.rate, self.channels, self.frames, self.recipe = read_header(self.path)

    def part(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples `[channels, stop - start]` of a part.

        Raises:
            AudioError: when it cannot be read or has samples that are not finite.
        """
        try:
            with soundfile.SoundFile(self.path) as file:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True).T
        except (soundfile.SoundFileError, TypeError) as error:
            raise AudioError(f"{self.path} cannot be read as audio: it is damaged; get it again.") from error
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
        """What `Sound.sha256` says of the same audio; reads the whole file once for each channel."""
        digest = hashlib.sha256(f"{self.rate} {(self.channels, self.frames)}".encode())
        for channel in range(self.channels):
            for block in self._blocks():
                digest.update(np.ascontiguousarray(block[channel]).data)
        return digest.hexdigest()

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        for start in range(0, self.frames, _BLOCK):
            yield self.part(start, min(start + _BLOCK, self.frames))


class Unfinished:
    """A sound in the making, on disk beside where it will be: what is done survives an interruption.

    One file has the finished samples, another, replaced as a whole, how far they count, and those that are
    still to be joined with what follows. They belong to a recipe: what another left there is thrown away.

    Attributes:
        parts: how many parts are done.
        peak: the largest absolute sample of the parts.
        pending: the samples `[channels, n]` that are still to be joined; None before the first part.
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
            there = self._samples.stat().st_size >= 4 * self._channels * state["frames"]
            if state["recipe"] == self._recipe.to_json() and there:
                self.pending = self._unpacked(np.frombuffer(pending, dtype="<f4"))
                self.parts, self.peak, self._frames = state["parts"], state["peak"], state["frames"]
        except (OSError, ValueError, KeyError, TypeError):
            return

    def add(self, done: NDArray[np.float32], pending: NDArray[np.float32]) -> None:
        """Keep one more part: finished samples `[channels, n]`, and those still to be joined.

        Samples count from the moment that the state says so: whatever interrupts this leaves the last part.

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
        """Write the finished sound at a gain to where it belongs, and clear up."""
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
    """Samples `[channels, n]`, frame after frame."""
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
        RequestError: for an ending or width that is not supported.
        WavesmithError: when the folder cannot be written or the disk is full.
    """
    check_target(path, bits)
    with replacing(path) as temporary, open(temporary, "w+b") as file:
        encode(file, path.suffix.lower(), blocks, rate, channels, recipe, bits)
