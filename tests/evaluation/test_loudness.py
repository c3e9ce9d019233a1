from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from wavesmith.evaluation.loudness import loudness
from wavesmith.sound import Sound


def sine(hertz: float, seconds: float, db: float = 0.0, rate: int = 48_000, channels: int = 2) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound(np.tile(10 ** (db / 20) * np.sin(2 * np.pi * hertz * time), (channels, 1)), rate)


def test_the_standards_own_example() -> None:
    """A stereo sine of 997 Hz at 0 dBFS has 0 LUFS (-3.01 LUFS for one channel of two): BS.1770-4, note 1."""
    assert loudness(sine(997, 1.0)) == pytest.approx(0.0, abs=0.05)
    assert loudness(sine(997, 1.0, db=-23)) == pytest.approx(-23, abs=0.05)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 96_000])
def test_rate_and_channels_do_not_matter(rate: int) -> None:
    assert loudness(sine(997, 1.0, rate=rate)) == pytest.approx(0.0, abs=0.1)
    assert loudness(sine(997, 1.0, rate=rate, channels=1)) == pytest.approx(0.0, abs=0.1)


def test_lows_count_less_and_highs_more() -> None:
    assert loudness(sine(30, 1.0)) < -6
    assert loudness(sine(6000, 1.0)) == pytest.approx(3.3, abs=0.4)


def test_the_loudest_moment_counts_and_short_sounds_are_softer() -> None:
    quiet = sine(997, 1.0, db=-30)
    both = Sound.concatenate([quiet, sine(997, 0.5), quiet])
    assert loudness(both) == pytest.approx(0.0, abs=0.05)
    assert loudness(sine(997, 0.1)) == pytest.approx(10 * math.log10(0.25), abs=0.1)


def test_silence() -> None:
    assert loudness(Sound(np.zeros((2, 100)), 8000)) == -math.inf


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_a_block_of_noise_has_the_loudness_that_pyloudnorm_measures(rate: int) -> None:
    """Of one block of 400 ms the gated integrated loudness is the momentary one."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, round(0.4 * rate)))
    expected = pyloudnorm.Meter(rate).integrated_loudness(noise.T)
    assert loudness(Sound(noise, rate)) == pytest.approx(expected, abs=0.1)
