from __future__ import annotations

import math

import numpy as np
import pytest

from wavesmith.evaluation.spectra import (
    BANDS_HZ,
    FIGURES,
    SLOTS,
    WIDTH,
    Profile,
    SpectraReport,
    compare_profiles,
    profile,
    spectra,
)
from wavesmith.sound import Sound

RATE = 44_100


def sine(hertz: float, decay: float = 0.0, rate: int = RATE, seconds: float = 0.5) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound((0.5 * np.exp(-decay * time) * np.sin(2 * np.pi * hertz * time))[None], rate)


def noise(seed: int, slope: float = 0.0) -> Sound:
    """Noise whose level falls by `slope` dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(RATE // 2))
    hertz = np.maximum(np.fft.rfftfreq(RATE // 2, 1 / RATE), 20)
    wave = np.fft.irfft(spectrum * hertz ** (-slope / 6.02))
    return Sound((wave / np.abs(wave).max())[None], RATE)


def figures(found: Profile) -> dict[str, float]:
    return dict(zip(FIGURES, found[-len(FIGURES) :].tolist(), strict=True))


@pytest.mark.parametrize("hertz", [50, 1000, 10_000])
def test_a_tone_is_loud_in_its_band(hertz: float) -> None:
    bands = profile(sine(hertz), 0.5)[: len(BANDS_HZ)]
    assert BANDS_HZ[int(np.nanargmax(bands))] == pytest.approx(hertz, rel=0.13)
    assert np.nanmax(bands) == pytest.approx(0, abs=1.0)


def test_the_envelope_falls_as_the_sound_does() -> None:
    slots = profile(sine(500, decay=20), 0.5)[len(BANDS_HZ) : -len(FIGURES)]
    assert len(slots) == SLOTS
    assert slots[0] == 0
    slope = np.polyfit(np.arange(SLOTS) * 0.5 / SLOTS, slots, 1)[0]
    assert slope == pytest.approx(-20 * 20 / math.log(10), rel=0.02)


def test_crest_decay_and_correlation() -> None:
    found = figures(profile(sine(500), 0.5))
    assert found["crest_db"] == pytest.approx(3.01, abs=0.02)
    assert math.isnan(found["correlation"])
    assert figures(profile(sine(500, decay=30), 0.5))["decay_seconds"] == pytest.approx(
        math.log(1000) / 30, abs=0.005
    )
    one, two = noise(0).samples[0], noise(1).samples[0]
    assert figures(profile(Sound(np.stack([one, one]), RATE), 0.5))["correlation"] == pytest.approx(1)
    assert figures(profile(Sound(np.stack([one, -one]), RATE), 0.5))["correlation"] == pytest.approx(-1)
    assert abs(figures(profile(Sound(np.stack([one, two]), RATE), 0.5))["correlation"]) < 0.05


def test_two_sets_are_as_far_apart_as_their_spectra() -> None:
    flat = np.stack([profile(noise(k), 0.5) for k in range(8)])
    same = np.stack([profile(noise(10 + k), 0.5) for k in range(8)])
    dull = np.stack([profile(noise(20 + k, slope=3), 0.5) for k in range(8)])
    assert compare_profiles(same, flat).spectrum_db < 1
    assert compare_profiles(dull, flat).spectrum_db > 5


def test_only_bands_that_all_rates_have_are_compared() -> None:
    coarse = profile(sine(500, rate=8000), 0.5)[None]
    fine = profile(sine(500), 0.5)[None]
    found = compare_profiles(coarse, fine)
    assert len(found.generated.spectrum.mean) == len(found.reference.spectrum.mean)
    assert BANDS_HZ[len(found.generated.spectrum.mean) - 1] <= 4000


def test_the_report_goes_to_json_and_back_and_has_each_label() -> None:
    tones = {
        "low": np.stack([profile(sine(100 + k), 0.5) for k in range(3)]),
        None: profile(noise(1), 0.5)[None],
    }
    found = spectra(tones, {"low": tones["low"], "high": tones[None]}, None, 0.5)
    assert set(found.labels) == {"low"}
    assert found.overall.generated.sounds == 4
    assert found.held_out is None
    assert SpectraReport.model_validate_json(found.model_dump_json()) == found


def test_silence_and_crumbs_have_profiles() -> None:
    for sound in (Sound(np.zeros((2, 500)), 8000), Sound(np.ones((1, 1)), 8000)):
        assert profile(sound, 0.25).shape == (WIDTH,)
