"""Mean spectrum, envelope, crest factor, decay and stereo image of real and generated sounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wavesmith.evaluation.fields import renamed
from wavesmith.sound import Sound

FLOOR_DB = -80.0
BANDS_HZ = tuple(1000 * 2 ** (k / 3) for k in range(-17, 14))
"""Centres of the 31 third-octave bands, 19.7 Hz to 20.2 kHz."""

SLOTS = 64
FIGURES = ("crest_db", "correlation", "decay_seconds")
WIDTH = len(BANDS_HZ) + SLOTS + len(FIGURES)

Profile = NDArray[np.float32]
"""`[WIDTH]`: levels of the bands, levels of the slots, and `FIGURES`; NaN where undefined."""


class Curve(BaseModel):
    """Levels in dB over sounds: mean, 10 % and 90 % quantile."""

    model_config = ConfigDict(frozen=True)

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class SpectralSummary(BaseModel):
    """Mean spectrum, envelope and figures of a set of sounds.

    Attributes:
        sounds: number of sounds.
        spectrum: level of each of `BANDS_HZ` relative to the whole sound; bands beyond half the lowest rate
            of all sets are left out.
        envelope: rms of 64 equal slots of the compared time, relative to the loudest slot.
        crest_db: mean peak over rms, measured until the sound stays 60 dB below its peak.
        decay_seconds: mean of that time.
        correlation: mean correlation of left and right, -1 to 1; None if all are mono. 1 is mono on two
            channels, near 0 is wide.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    spectrum: Curve
    envelope: Curve
    crest_db: float
    decay_seconds: float
    correlation: float | None


class SpectralDifference(BaseModel):
    """Generated and real sounds, and the rms difference in dB between their mean curves."""

    model_config = ConfigDict(frozen=True)

    generated: SpectralSummary
    reference: SpectralSummary
    spectrum_db: float
    envelope_db: float


class SpectraReport(BaseModel):
    """Spectral differences of all sounds and of each label.

    Attributes:
        seconds: the compared time, from the start.
        bands_hz: centres of the bands.
        overall, labels: generated sounds against the reference.
        held_out: held-out real sounds against the reference; None if there are none.
    """

    model_config = ConfigDict(frozen=True)

    seconds: float
    bands_hz: tuple[float, ...]
    overall: SpectralDifference
    labels: dict[str, SpectralDifference]
    held_out: SpectralDifference | None = renamed("held_out", "yardstick")


def profile(sound: Sound, seconds: float) -> Profile:
    """Measure the first `seconds` of one sound: return a `Profile`."""
    part = sound.crop(max(1, round(seconds * sound.rate)))
    figures = (_crest(part), _correlation(part), _decay(part))
    return np.concatenate([_bands(part), _slots(part), figures]).astype(np.float32)


def compare_profiles(generated: NDArray[np.float32], reference: NDArray[np.float32]) -> SpectralDifference:
    """Compare profiles `[N, WIDTH]` with `[M, WIDTH]`."""
    bands = len(BANDS_HZ)
    # A band counts where every sound has it: rates may differ.
    shared = ~np.isnan(np.concatenate([generated, reference])[:, :bands]).any(axis=0)
    one, two = _summary(generated, shared), _summary(reference, shared)
    return SpectralDifference(
        generated=one,
        reference=two,
        spectrum_db=_rms_difference(one.spectrum, two.spectrum),
        envelope_db=_rms_difference(one.envelope, two.envelope),
    )


def spectra(
    generated: Mapping[str | None, NDArray[np.float32]],
    reference: Mapping[str | None, NDArray[np.float32]],
    held_out: NDArray[np.float32] | None,
    seconds: float,
) -> SpectraReport:
    """Compare profiles by label; sounds without a label count in the whole only."""
    everything = np.concatenate(list(reference.values()))
    overall = compare_profiles(np.concatenate(list(generated.values())), everything)
    return SpectraReport(
        seconds=seconds,
        bands_hz=BANDS_HZ[: len(overall.generated.spectrum.mean)],
        overall=overall,
        labels={
            label: compare_profiles(rows, reference[label])
            for label, rows in generated.items()
            if label is not None and label in reference
        },
        held_out=None if held_out is None else compare_profiles(held_out, everything),
    )


def _bands(sound: Sound) -> NDArray[np.floating]:
    """Return the level of each band in dB; NaN for bands that reach beyond half the rate."""
    power = np.square(np.abs(np.fft.rfft(sound.samples))).sum(axis=0)
    running = np.concatenate([[0.0], power.cumsum()])
    step = sound.rate / sound.frames
    edges = np.array([centre * 2 ** (-1 / 6) for centre in BANDS_HZ] + [BANDS_HZ[-1] * 2 ** (1 / 6)]) / step
    # Cumulative energy with each bin spread over its width, so that bands narrower than a bin have some.
    below = np.interp(edges + 0.5, np.arange(len(running)), running)
    levels = _decibels(np.diff(below) / max(float(running[-1]), 1e-20))
    levels[np.array(BANDS_HZ) > sound.rate / 2 * 0.9] = np.nan
    return levels


def _slots(sound: Sound) -> NDArray[np.floating]:
    power = np.square(sound.samples, dtype=np.float64).mean(axis=0)
    running = np.concatenate([[0.0], power.cumsum()])
    slots = np.diff(np.interp(np.linspace(0, sound.frames, SLOTS + 1), np.arange(len(running)), running))
    return _decibels(slots / max(float(slots.max()), 1e-20))


def _crest(sound: Sound) -> float:
    size = np.abs(sound.samples[:, : _sounding(sound)])
    rms = math.sqrt(float(np.square(size, dtype=np.float64).mean())) if size.size else 0.0
    return 20 * math.log10(sound.peak / rms) if rms else math.nan


def _decay(sound: Sound) -> float:
    return _sounding(sound) / sound.rate


def _sounding(sound: Sound) -> int:
    """Return the number of samples until the sound stays 60 dB below its peak."""
    loud = np.flatnonzero(np.abs(sound.samples).max(axis=0) > sound.peak / 1000)
    return int(loud[-1]) + 1 if loud.size else 0


def _correlation(sound: Sound) -> float:
    if sound.channels < 2:
        return math.nan
    left, right = sound.samples[:2].astype(np.float64)
    size = math.sqrt(float(left @ left) * float(right @ right))
    return float(left @ right) / size if size else math.nan


def _decibels(power: NDArray[np.floating]) -> NDArray[np.floating]:
    levels: NDArray[np.floating] = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return levels


def _summary(rows: NDArray[np.float32], shared: NDArray[np.bool_]) -> SpectralSummary:
    bands = len(BANDS_HZ)
    figures = dict(zip(FIGURES, rows[:, -len(FIGURES) :].T, strict=True))
    return SpectralSummary(
        sounds=len(rows),
        spectrum=_curve(rows[:, :bands][:, shared]),
        envelope=_curve(rows[:, bands : bands + SLOTS]),
        crest_db=_mean(figures["crest_db"]) or 0.0,
        decay_seconds=_mean(figures["decay_seconds"]) or 0.0,
        correlation=_mean(figures["correlation"]),
    )


def _curve(levels: NDArray[np.float32]) -> Curve:
    low, high = np.quantile(levels, (0.1, 0.9), axis=0)
    return Curve(mean=_rounded(levels.mean(axis=0)), low=_rounded(low), high=_rounded(high))


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in values)


def _mean(values: NDArray[np.floating]) -> float | None:
    defined = values[~np.isnan(values)]
    return round(float(defined.mean()), 4) if defined.size else None


def _rms_difference(one: Curve, two: Curve) -> float:
    return round(math.sqrt(_squares(one.mean, two.mean)), 3)


def _squares(one: Sequence[float], two: Sequence[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) / len(one)
