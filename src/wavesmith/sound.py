"""Sound in memory, and its conversion from and to files, arrays and tensors.

A `Sound` never changes: every operation returns a new one. An operation keeps the recipe, which then states
the origin of the sound: making it again gives the sound as it was before the edits.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from wavesmith import tags
from wavesmith.audio_file import Bits as Bits
from wavesmith.audio_file import check_readable, check_target, encode, read_content
from wavesmith.errors import AudioError, RequestError
from wavesmith.files import replacing
from wavesmith.recipe import Recipe
from wavesmith.tags import InstrumentTags

if TYPE_CHECKING:
    import torch

REFERENCE_PEAK_DB = -1.0
"""Peak in dBFS of the sounds that models are trained on, and of what they generate unless set otherwise."""

REFERENCE_PEAK = 10 ** (REFERENCE_PEAK_DB / 20)
"""The same as an amplitude."""

_TAIL_SECONDS = 0.05
_SILENCE_DB = -90.0
_ATTACK_DB = -20.0


class Levels(BaseModel):
    """Measurements of one sound; decibels are relative to full scale (an amplitude of 1), silence is -inf.

    Attributes:
        peak_db: largest absolute sample.
        rms_db: root mean square over all channels.
        dc_db: absolute mean of the channel where it is largest.
        clipped: number of samples at full scale or beyond (32767/32768 counts as full scale).
        attack_seconds: time until the sound first comes within 20 dB of its peak.
        silence_seconds: duration of the silence at the end, below -90 dB in every channel.
        tail_db: root mean square of the last 50 ms: high if the sound is cut off before it has decayed.
    """

    model_config = ConfigDict(frozen=True)

    peak_db: float
    rms_db: float
    dc_db: float
    clipped: int
    attack_seconds: float
    silence_seconds: float
    tail_db: float


@dataclass(frozen=True, eq=False, repr=False)
class Sound:
    """A piece of audio; in a notebook it shows itself with a player, its waveform and mel spectrogram.

    Attributes:
        samples: float32 `[channels, frames]`, read-only, full scale at -1 and 1 (values beyond are allowed).
        rate: frames per second.
        recipe: everything needed to make the sound again, if a model made it.

    Raises:
        AudioError: when the samples are not two-dimensional or not finite, or the rate is not positive.
    """

    samples: NDArray[np.float32]
    rate: int
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", _checked(self.samples))
        if self.rate <= 0:
            raise AudioError(f"A sample rate of {self.rate} Hz is impossible; it must be positive.")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Number of samples in each channel."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.frames / self.rate

    @property
    def peak(self) -> float:
        """The largest absolute sample; 1 is full scale."""
        return float(np.abs(self.samples).max(initial=0))

    def part(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return samples `[channels, stop - start]` of a part."""
        return self.samples[:, start:stop]

    @property
    def sha256(self) -> str:
        """Content hash: hex SHA-256 of rate, shape and samples."""
        digest = hashlib.sha256(f"{self.rate} {self.samples.shape}".encode())
        digest.update(self.samples.data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        origin = f", {self.recipe.verb} by {self.recipe.model}" if self.recipe else ""
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"Sound({channels}, {self.seconds:.3g} s at {self.rate} Hz{origin})"

    # Listening

    def play(self) -> None:
        """Play the sound on the default output device and return when it has ended.

        Raises:
            AudioError: when the package `sounddevice` is not installed, or there is no output device.
        """
        from wavesmith.playback import play

        play(self)

    def _repr_html_(self) -> str:
        from wavesmith.playback import player_html

        return player_html(self)

    # Files

    @classmethod
    def read(
        cls, path: str | Path, *, start: float = 0.0, seconds: float | None = None, allow_empty: bool = False
    ) -> Sound:
        """Read a sound file, or the part from `start` that lasts `seconds` (less where the file ends).

        WAV, FLAC, AIFF, OGG and MP3 of any rate, width and number of channels. The recipe that wavesmith
        wrote into the file comes with it; a damaged one is ignored. A file that was cut short is refused.

        Raises:
            AudioError: when there is no such file, it is not audio, is damaged, has no samples (unless
                `allow_empty`), has NaN or infinite ones, or more than `MOST_SAMPLES` would be read.
            RequestError: when the part is not inside the file.
        """
        content = read_content(Path(path), start, seconds)
        if not content.samples.size and not allow_empty:
            raise AudioError(f"{path} has no samples; leave it out.")
        try:
            return cls(*content)
        except AudioError as error:
            raise AudioError(f"{path}: {error}") from error

    def write(self, path: str | Path, *, bits: Bits = 24, instrument: InstrumentTags | None = None) -> None:
        """Write a WAV or FLAC file (by the ending), with the recipe inside as its comment.

        Integer formats clip at full scale; FLAC has no float format. WAV files can hold key, loop and markers
        for hardware and software samplers. The same sound always gives the same bytes, and a failure leaves
        the previous file.

        Raises:
            RequestError: for another ending or sample format, or when `instrument` does not fit the sound.
            AudioError: when the sound is empty or the format cannot hold it.
            WavesmithError: when the folder cannot be written or the disk is full.
        """
        path = Path(path)
        check_target(path, bits)
        if not self.frames:
            raise AudioError(f"Cannot write {path}: the sound is empty.")
        if instrument:
            self._check_instrument(instrument, path)
        # Encoding in memory leaves the disk to Python, which, unlike libsndfile, names the cause of failure.
        try:
            content = self.encode(path.suffix, bits=bits, instrument=instrument)
        except soundfile.SoundFileError as error:
            form = f"{self.channels} channels at {self.rate} Hz"
            raise AudioError(f"Cannot write {path}: the format cannot hold {form}.") from error
        with replacing(path) as temporary:
            temporary.write_bytes(content)

    def encode(
        self, ending: str = ".wav", *, bits: Bits = 24, instrument: InstrumentTags | None = None
    ) -> bytes:
        """Return the content of a `.wav` or `.flac` file of this sound.

        Raises:
            soundfile.SoundFileError: when the format cannot hold it.
        """
        memory = io.BytesIO()
        encode(memory, ending.lower(), [self.samples], self.rate, self.channels, self.recipe, bits)
        if instrument:
            tags.write_instrument(memory, instrument, self.rate)
        return memory.getvalue()

    def _check_instrument(self, instrument: InstrumentTags, path: Path) -> None:
        if path.suffix.lower() != ".wav":
            raise RequestError(f"Cannot write {path} with a key or a loop; only WAV files have them.")
        start, end = instrument.loop or (0, self.frames)
        low, high = instrument.velocities or (1, 127)
        if not 0 <= start < end <= self.frames or not all(0 <= cue < self.frames for cue in instrument.cues):
            raise RequestError(
                f"Cannot write {path}: its loop or a marker lies outside its {self.frames} frames."
            )
        if not 0 <= instrument.note <= 127 or not 1 <= low <= high <= 127:
            raise RequestError(f"Cannot write {path}: keys go from 0 to 127, velocities from 1 to 127.")

    @staticmethod
    def read_instrument(path: str | Path) -> InstrumentTags | None:
        """Read key, loop, markers and velocities of a WAV file; None if it has none of them.

        Raises:
            AudioError: when there is no such file, or it is cut short.
        """
        check_readable(Path(path))
        with Path(path).open("rb") as file:
            return tags.read_instrument(file)

    # Tensors

    @classmethod
    def from_tensor(cls, tensor: torch.Tensor, rate: int, recipe: Recipe | None = None) -> Sound:
        """Convert a tensor `[channels, frames]` of any type and device."""
        return cls(tensor.detach().cpu().float().numpy(), rate, recipe)

    def tensor(self) -> torch.Tensor:
        """Copy the samples into a float32 tensor `[channels, frames]`."""
        import torch

        return torch.from_numpy(self.samples.copy())

    # Edits

    def with_recipe(self, recipe: Recipe | None) -> Sound:
        """Replace the recipe."""
        return replace(self, recipe=recipe)

    def resample(self, rate: int) -> Sound:
        """Convert to another rate with soxr's high quality; lasts round(frames * rate / old rate) frames.

        Raises:
            RequestError: when the rate is not positive.
        """
        if rate <= 0:
            raise RequestError(f"Cannot resample to {rate} Hz; the rate must be positive.")
        if rate == self.rate:
            return self
        converted = soxr.resample(self.samples.T, self.rate, rate, quality="HQ").T
        return Sound(converted, rate, self.recipe).crop(round(self.frames * rate / self.rate))

    def mono(self) -> Sound:
        """Mix all channels into one: their mean."""
        return self._with(self.samples.mean(axis=0, keepdims=True))

    def stereo(self) -> Sound:
        """Convert to two channels: mono is doubled; of more, the first two stay (front left and right)."""
        return self._with(self.samples[[0, 0]] if self.channels == 1 else self.samples[:2])

    def channels_as(self, channels: int) -> Sound:
        """Convert to a number of channels: as `mono` and `stereo` do, or one channel repeated.

        Raises:
            RequestError: for a number that this sound cannot be turned into.
        """
        if channels == self.channels:
            return self
        if channels == 1:
            return self.mono()
        if channels == 2:
            return self.stereo()
        if channels > 2 and self.channels == 1:
            return self._with(self.samples.repeat(channels, axis=0))
        raise RequestError(f"Cannot turn {self.channels} channels into {channels}; ask for 1 or 2.")

    def trim(self, threshold_db: float = -70.0) -> Sound:
        """Cut off the end where every channel stays below the threshold (dB relative to full scale).

        The start stays where it is; at least one frame is kept, so that silence can still be written.
        """
        return self.crop(min(self.frames, max(1, self._loud_frames(threshold_db))))

    def crop(self, frames: int) -> Sound:
        """Cut the end, or add zeros, to exactly this many frames.

        Raises:
            RequestError: when `frames` is negative.
        """
        if frames < 0:
            raise RequestError(f"Cannot make a sound of {frames} frames; the number must not be negative.")
        return self._with(np.pad(self.samples[:, :frames], ((0, 0), (0, max(0, frames - self.frames)))))

    def fade(self, in_seconds: float = 0.0, out_seconds: float = 0.0) -> Sound:
        """Fade in and out along half a cosine; a fade longer than the sound takes all of it.

        Raises:
            RequestError: when a time is negative.
        """
        if in_seconds < 0 or out_seconds < 0:
            raise RequestError("A fade cannot last less than 0 seconds.")
        gains = self._rise(in_seconds) * self._rise(out_seconds)[::-1]
        return self._with(self.samples * gains)

    def gain(self, db: float) -> Sound:
        """Change the level by `db` decibels.

        Raises:
            RequestError: when `db` is not a number or beyond 200.
        """
        if not db <= 200:  # also catches NaN
            raise RequestError(f"A gain of {db} dB makes no sense; use at most 200.")
        return self._with(self.samples * np.float32(10 ** (db / 20)))

    def normalise(self, peak_db: float = REFERENCE_PEAK_DB) -> Sound:
        """Scale the peak to `peak_db` (dB relative to full scale); silence stays silence."""
        peak = np.abs(self.samples).max(initial=0)
        return self if peak == 0 else self._with(self.samples * (10 ** (peak_db / 20) / float(peak)))

    @classmethod
    def concatenate(cls, sounds: Sequence[Sound]) -> Sound:
        """Join sounds end to end; the result has no recipe, as no single one makes it.

        Raises:
            RequestError: when there are none, or rates or channels differ.
        """
        if len({(sound.rate, sound.channels) for sound in sounds}) != 1:
            raise RequestError(
                "Only sounds of one rate and number of channels can be joined; convert them first."
            )
        return cls(np.concatenate([sound.samples for sound in sounds], axis=1), sounds[0].rate)

    # Measurements

    def levels(self) -> Levels:
        """Measure levels, faults and silence."""
        size = np.abs(self.samples)
        envelope, peak = size.max(axis=0), size.max(initial=0)
        loud = np.flatnonzero(envelope >= peak * 10 ** (_ATTACK_DB / 20))
        tail = self.samples[:, -max(1, round(_TAIL_SECONDS * self.rate)) :]
        return Levels(
            peak_db=_decibels(peak),
            rms_db=_decibels(_rms(self.samples)),
            dc_db=_decibels(np.abs(self.samples.sum(axis=1, dtype=np.float64)).max() / max(1, self.frames)),
            clipped=int((size >= 32767 / 32768).sum()),
            attack_seconds=int(loud[0]) / self.rate if loud.size else 0.0,
            silence_seconds=(self.frames - self._loud_frames(_SILENCE_DB)) / self.rate,
            tail_db=_decibels(_rms(tail)),
        )

    def _with(self, samples: NDArray[np.floating]) -> Sound:
        return Sound(samples.astype(np.float32, copy=False), self.rate, self.recipe)

    def _loud_frames(self, threshold_db: float) -> int:
        """Count frames up to and including the last one with a channel at or above the threshold."""
        loud = np.flatnonzero(np.abs(self.samples).max(axis=0) >= 10 ** (threshold_db / 20))
        return int(loud[-1]) + 1 if loud.size else 0

    def _rise(self, seconds: float) -> NDArray[np.float64]:
        length = min(self.frames, round(min(seconds, self.seconds) * self.rate))
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length))
        return np.concatenate([rise, np.ones(self.frames - length)])


SoundLike: TypeAlias = Sound | str | os.PathLike[str] | tuple[ArrayLike, int]
"""Anything accepted as a sound: a `Sound`, the path of a file, or `(array, rate)`; see `as_sound`."""


def as_sound(given: SoundLike) -> Sound:
    """Return a `Sound`: itself, read from a file, or made of `(array, rate)`.

    The array is a numpy array, a torch tensor (on any device), or anything that numpy converts. It holds
    floats, full scale at -1 and 1, and has the shape `[frames]` or `[channels, frames]`. Integers are
    refused, as their full scale is unknown, and so is an array with more channels than frames: it is most
    likely `[frames, channels]`, the layout of the soundfile package.

    Raises:
        AudioError: when the file cannot be read, or the array is not such an array.
        RequestError: when `given` is none of these.
    """
    match given:
        case Sound():
            return given
        case str() | os.PathLike():
            return Sound.read(Path(given))
        case (array, rate):
            whole = _whole_rate(rate)
            return Sound(_channels_first(array), whole)
    raise RequestError(
        f"A sound cannot be made of {type(given).__name__}; give a Sound, a path, or (array, rate)."
    )


def _channels_first(array: Any) -> NDArray[np.float32]:
    """Convert an array or tensor `[frames]` or `[channels, frames]` of floats to `[channels, frames]`."""
    if hasattr(array, "detach"):  # a tensor; numpy has no bfloat16
        array = array.detach().cpu()
        array = array.float() if array.is_floating_point() else array
    samples = np.asarray(array)
    shape = list(samples.shape)
    if samples.dtype.kind != "f":
        raise AudioError(
            f"An array of {samples.dtype} has no known full scale; convert it to floats from -1 to 1."
        )
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim != 2:
        raise AudioError(f"An array of shape {shape} is not one sound; give [frames] or [channels, frames].")
    if samples.shape[0] > samples.shape[1] > 0:
        raise AudioError(
            f"An array of shape {shape} has more channels than frames; give [channels, frames], "
            "so transpose it if it is [frames, channels]."
        )
    return samples


def _whole_rate(rate: Any) -> int:
    """Convert any type of number to an int; an array in its place means that the pair was swapped."""
    try:
        if int(rate) == rate:
            return int(rate)
    except (TypeError, ValueError, OverflowError):
        pass
    raise AudioError(f"The sample rate in (array, rate) must be a whole number of Hz, not {rate!r:.40}.")


def _checked(samples: ArrayLike) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        own = np.array(samples, dtype=np.float32, order="C")
    if own.ndim != 2 or own.shape[0] == 0:
        raise AudioError(f"Samples must have the shape [channels, frames], not {list(own.shape)}.")
    if not np.isfinite(own).all():
        raise AudioError(
            "Some samples are NaN or infinite, so the sound cannot be used; make or export it again."
        )
    own.setflags(write=False)
    return own


def _decibels(amplitude: float | np.floating) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _rms(samples: NDArray[np.float32]) -> float:
    return math.sqrt(np.square(samples, dtype=np.float64).mean()) if samples.size else 0.0
