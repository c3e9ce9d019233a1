"""All measures of a sound in one row, and what each of them is."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wavesmith.measures.arrays import Bands, Floats, as_waves
from wavesmith.measures.envelope import attack_and_lead, noise_floor, octave_decays
from wavesmith.measures.grain import LOW_HZ, grain, noise_flatness_of
from wavesmith.measures.stereo import width
from wavesmith.measures.tonality import (
    LONG_SECONDS,
    OCTAVES_HZ,
    PARTIALS,
    SHORT_SECONDS,
    levels_of,
    octave_flatness,
    shares_and_pitch,
    window_power,
)

Group = Literal["tonality", "flatness", "grain", "decay", "pitch", "attack", "stereo", "balance"]

WIDE_HZ = 2000.0


class Measure(NamedTuple):
    """One number of a sound.

    Attributes:
        name: by which reports know it.
        group: the kind of thing that it measures.
        unit: of its values; empty for shares and counts.
        description: of it, in reports.
        least: the difference that counts as one at least, in the units of `scaled`: what is hardly heard.
        logarithmic: whether `scaled` takes its logarithm to base 2.
    """

    name: str
    group: Group
    unit: str
    description: str
    least: float
    logarithmic: bool = False


def _octave(hertz: float) -> str:
    return f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}"


def _written(hertz: float) -> str:
    return f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz:g} Hz"


MEASURES: tuple[Measure, ...] = (
    *(
        Measure(
            f"partials_{count}",
            "tonality",
            "",
            f"share of energy in the {f'{count} strongest partials' if count > 1 else 'strongest partial'}",
            0.02,
        )
        for count in PARTIALS
    ),
    *(
        Measure(
            f"flatness_{word}_{_octave(hertz)}",
            "flatness",
            "dB",
            f"flatness at {_written(hertz)}, windows of {1000 * seconds:.0f} ms",
            0.5,
        )
        for word, seconds in (("long", LONG_SECONDS), ("short", SHORT_SECONDS))
        for hertz in (OCTAVES_HZ if word == "long" else OCTAVES_HZ[2:])
    ),
    Measure("noise_flatness", "grain", "dB", "flatness from 1.6 to 6 kHz, windows of about 20 ms", 0.5),
    Measure("bursts", "grain", "/s", "rises of more than 6 dB in the tail", 0.5),
    Measure("bursts_low", "grain", "/s", "rises of more than 6 dB in the tail, below 400 Hz", 0.5),
    Measure("ripples", "grain", "/s", "rises of more than 1 dB within 1.5 ms in the tail", 10.0),
    Measure("ripples_low", "grain", "/s", "rises of more than 1 dB within 1.5 ms, below 400 Hz", 10.0),
    *(
        Measure(f"decay_{_octave(hertz)}", "decay", "s", f"decay by 60 dB at {_written(hertz)}", 0.1, True)
        for hertz in OCTAVES_HZ
    ),
    Measure("noise_floor", "decay", "dB", "level of the quietest tenth re the loudest moment", 1.0),
    Measure("pitch", "pitch", "Hz", "frequency of the strongest partial", 0.05, True),
    Measure("attack", "attack", "ms", "attack, from 10 to 90 % of the peak", 0.25, True),
    Measure("lead", "attack", "ms", "audible before the attack", 0.25, True),
    Measure("width", "stereo", "dB", "share of side energy", 1.0),
    Measure("width_high", "stereo", "dB", "share of side energy above 2 kHz", 1.0),
    *(
        Measure(f"level_{_octave(hertz)}", "balance", "dB", f"level at {_written(hertz)} re the sound", 1.0)
        for hertz in OCTAVES_HZ
    ),
)
"""What `measure` measures, in its order."""

MEASURES_BY_NAME = {one.name: one for one in MEASURES}
"""Each of `MEASURES` by its name."""

_LEAST_MS = 0.1  # of an attack, so that its logarithm is finite


def measure(waves: ArrayLike, rate: int) -> NDArray[np.float32]:
    """Measure waves `[B, C, N]` at a rate in Hz: `[B, len(MEASURES)]`, NaN where there is no such thing.

    Nothing depends on gain, on polarity or on silence after a sound. Any length and rate will do.
    """
    sounds = as_waves(waves)
    peak = np.abs(sounds).max(axis=(1, 2), keepdims=True, initial=0.0)
    sounds = sounds / np.where(peak > 0, peak, 1.0)
    if sounds.shape[1] > 1 and sounds.shape[2]:
        alike = ~np.ptp(sounds, axis=1).any(axis=1)
        if alike.all():
            sounds = sounds[:, :1]  # one channel is enough, and twice as quick
        elif alike.any():
            rows = np.empty((len(sounds), len(MEASURES)), np.float32)
            rows[alike], rows[~alike] = measure(sounds[alike], rate), measure(sounds[~alike], rate)
            return rows
    shares, pitches = shares_and_pitch(sounds, rate)
    bands, short = Bands(sounds, rate), window_power(sounds, rate, SHORT_SECONDS)
    columns: list[Floats] = [
        shares,
        octave_flatness(window_power(sounds, rate, LONG_SECONDS), rate),
        octave_flatness(short, rate)[:, 2:],
        noise_flatness_of(short, rate)[:, None],
        *(np.stack(pair, axis=1) for pair in zip(grain(bands), grain(bands, LOW_HZ), strict=True)),
        octave_decays(bands),
        noise_floor(sounds, rate)[:, None],
        pitches[:, None],
        np.stack(attack_and_lead(sounds, rate), axis=1),
        np.stack([width(sounds, rate), width(sounds, rate, WIDE_HZ)], axis=1),
        levels_of(bands),
    ]
    row: NDArray[np.float32] = np.concatenate(columns, axis=1).astype(np.float32)
    return row


def scaled(rows: ArrayLike) -> Floats:
    """Convert rows `[N, len(MEASURES)]` to scales for differences: octaves for times and pitch."""
    values = np.array(rows, dtype=np.float64)
    for column, one in enumerate(MEASURES):
        if one.logarithmic:
            least = _LEAST_MS if one.unit == "ms" else 1e-4
            values[:, column] = np.log2(np.maximum(values[:, column], least))
    return values


def standardised(rows: ArrayLike, reference: ArrayLike) -> NDArray[np.float32]:
    """Express rows `[N, D]` in deviations from the mean of a reference `[M, D]`, between -4 and 4.

    Mean and deviation are taken between the 2nd and the 98th percentile, so that a few outliers do not make
    everything else alike; no deviation counts for less than `Measure.least`. What is missing is 0, the mean.
    """
    usual = scaled(reference)
    with np.errstate(all="ignore"):
        there = ~np.isnan(usual).all(axis=0)
        usual[:, ~there] = 0.0
        low, high = np.nanquantile(usual, (0.02, 0.98), axis=0)
        middle = np.clip(usual, low, high)
        mean, spread = np.nanmean(middle, axis=0), np.nanstd(middle, axis=0)
    spread = np.maximum(spread, [one.least for one in MEASURES])
    found = np.clip((scaled(rows) - mean) / spread, -4.0, 4.0)
    found[:, ~there] = 0.0
    points: NDArray[np.float32] = np.nan_to_num(found).astype(np.float32)
    return points
