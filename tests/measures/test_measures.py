"""Measures of synthetic sounds whose values are known, and of sounds that have none."""

import numpy as np
import pytest
import torch

from wavesmith.measures import (
    MEASURES,
    attack,
    bursts,
    decay,
    flatness,
    lead,
    measure,
    noise_flatness,
    noise_floor,
    octave_levels,
    partial_shares,
    pitch,
    ripples,
    scaled,
    standardised,
    width,
)

RATES = (22_050, 44_100, 48_000, 96_000)
NAMES = [one.name for one in MEASURES]


def time(seconds, rate):
    return np.arange(round(seconds * rate)) / rate


def ring(hertz, t60, seconds=1.0, rate=44_100):
    t = time(seconds, rate)
    return np.sin(2 * np.pi * hertz * t) * 10 ** (-3 * t / t60)


def white(seconds=1.0, rate=44_100, seed=0):
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)) / 4


def one(values):
    assert len(values) == 1
    return values[0]


@pytest.mark.parametrize("rate", RATES)
def test_a_damped_sine_is_one_partial_at_its_pitch(rate):
    """Its line is a Lorentzian: the share within 2.7 Hz of the strongest bin is an arc tangent."""
    wave = ring(220.5, 1.5, rate=rate)
    shares = one(partial_shares(wave, rate))
    assert shares[0] == pytest.approx(
        2 / np.pi * np.arctan(2 * np.pi * 3.36 / (3 * np.log(10) / 1.5)), abs=0.03
    )
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] <= 1
    assert one(pitch(wave, rate)) == pytest.approx(220.5, abs=0.5)


def test_partials_share_their_energy():
    wave = sum(ring(hertz, 3.0) for hertz in (200, 317, 553))
    shares, alone = one(partial_shares(wave, 44_100)), one(partial_shares(ring(200, 3.0), 44_100))
    assert shares[0] == pytest.approx(alone[0] / 3, abs=0.02)
    assert shares[1] == pytest.approx(alone[0], abs=0.03)


def test_noise_has_neither_partials_nor_pitch():
    shares = one(partial_shares(white(), 44_100))
    assert shares[-1] < 0.05
    assert np.isnan(one(pitch(white(), 44_100)))


@pytest.mark.parametrize("seconds", [0.186, 0.023])
def test_flatness_of_noise_is_that_of_an_exponential_distribution(seconds):
    # The geometric mean of exponentially distributed powers is exp(-0.5772) of their mean.
    flat = one(flatness(white(4.0), 44_100, seconds))[3:]
    np.testing.assert_allclose(flat, -2.5, atol=0.6)
    assert one(noise_flatness(white(4.0), 44_100)) == pytest.approx(-2.5, abs=0.2)


def test_a_tone_in_noise_makes_its_octave_less_flat():
    mixed = white(2.0) / 20 + np.sin(2 * np.pi * 1000 * time(2.0, 44_100)) / 4
    plain, toned = (one(flatness(wave, 44_100, 0.186)) for wave in (white(2.0), mixed))
    assert toned[4] < plain[4] - 6  # 1 kHz
    assert abs(toned[7] - plain[7]) < 0.3  # 8 kHz


def test_octaves_without_sound_have_no_flatness():
    low = one(flatness(np.sin(2 * np.pi * 100 * time(1.0, 44_100)) * np.hanning(44_100), 44_100, 0.186))
    assert np.isnan(low[-1])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("t60", [0.1, 0.4, 1.2])
def test_decay_is_found_in_each_octave(rate, t60):
    t = time(2.0, rate)
    wave = white(2.0, rate) * 10 ** (-3 * t / t60)
    found = one(decay(wave, rate))
    for octave in (3, 4, 5, 6):  # 500 Hz to 4 kHz
        assert found[octave] == pytest.approx(t60, rel=0.2)


def test_octaves_decay_apart():
    found = one(decay(ring(125, 1.0, 2.0) + ring(4000, 0.2, 2.0), 44_100))
    assert found[1] == pytest.approx(1.0, rel=0.1)
    assert found[6] == pytest.approx(0.2, rel=0.1)


def test_a_decaying_tone_does_not_burst_or_ripple_and_a_grainy_one_does():
    rate = 44_100
    smooth = ring(300, 1.0)
    grainy = smooth * (1 + 0.9 * np.sin(2 * np.pi * 10 * time(1.0, rate)))
    assert one(bursts(smooth, rate)) == 0
    assert one(ripples(smooth, rate)) == 0
    assert one(bursts(grainy, rate)) == pytest.approx(10, abs=2.5)
    assert one(bursts(grainy, rate, 400.0)) == pytest.approx(10, abs=2.5)
    beating = smooth * (1 + 0.9 * np.sin(2 * np.pi * 150 * time(1.0, rate)))
    assert one(ripples(beating, rate)) == pytest.approx(150, rel=0.1)


def test_sparse_noise_is_less_flat():
    spectrum = np.fft.rfft(white(1.0))
    keep = np.random.default_rng(1).uniform(size=spectrum.size) < 0.01
    sparse = np.fft.irfft(spectrum * keep)
    assert one(noise_flatness(sparse, 44_100)) < one(noise_flatness(white(1.0), 44_100)) - 1


@pytest.mark.parametrize("milliseconds", [2, 10, 40])
def test_attack_of_a_ramp(milliseconds):
    rate = 44_100
    t = time(0.5, rate)
    ramp = np.minimum(1, t / (milliseconds / 1000)) * white(0.5) ** 0 * np.sin(2 * np.pi * 3000 * t)
    assert one(attack(ramp, rate)) == pytest.approx(0.8 * milliseconds, rel=0.25)


def test_what_precedes_the_attack_is_its_lead():
    rate = 44_100
    hit = ring(500, 0.3, 0.5)
    before = 0.01 * np.sin(2 * np.pi * 500 * time(0.02, rate))
    assert one(lead(hit, rate)) < 1
    assert one(lead(np.concatenate([before, hit]), rate)) == pytest.approx(20, abs=2)


def test_noise_floor_is_the_level_of_hiss():
    rate = 44_100
    hit = np.pad(ring(200, 0.2, 0.3), (0, rate // 2))
    rms = np.sqrt(np.square(hit[: rate // 50]).mean())
    hissing = hit + rms * 10 ** (-50 / 20) * np.random.default_rng(0).standard_normal(hit.size)
    assert one(noise_floor(hissing, rate)) == pytest.approx(-50, abs=1)
    assert one(noise_floor(hit, rate)) < -70


def test_width_of_mono_wide_and_one_sided_sounds():
    left, right = white(seed=1), white(seed=2)
    assert one(width(np.stack([left, left]), 44_100)) == -60
    assert one(width(left, 44_100)) == -60
    assert one(width(np.stack([left, right]), 44_100)) == pytest.approx(-3, abs=0.1)
    assert one(width(np.stack([left, -left]), 44_100)) == pytest.approx(0, abs=0.01)
    low = np.stack([ring(100, 1.0), -ring(100, 1.0)]) + np.stack([ring(8000, 1.0)] * 2) / 10
    assert one(width(low, 44_100)) > -1
    assert one(width(low, 44_100, 2000.0)) < -30


def test_levels_of_octaves_add_up():
    levels = one(octave_levels(white(), 44_100))
    assert (10 ** (levels / 10)).sum() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(np.diff(levels)[1:7], 3, atol=0.8)


@pytest.mark.parametrize("rate", [*RATES, 8000])
@pytest.mark.parametrize(
    "wave",
    [
        np.zeros((1, 1000)),
        np.zeros((2, 0)),
        np.ones((1, 1)),
        np.full((1, 500), np.nan),
        np.full((2, 5000), 0.5),
        np.eye(1, 3000),
        np.random.default_rng(0).standard_normal((3, 700)),
        np.sign(np.sin(np.arange(90_000) / 30))[None],
        1e-7 * np.random.default_rng(0).standard_normal((2, 9000)),
        1e30 * np.random.default_rng(0).standard_normal((1, 9000)),
    ],
    ids=["silence", "empty", "one sample", "NaN", "DC", "click", "short", "square", "quiet", "loud"],
)
def test_any_sound_can_be_measured(wave, rate):
    with np.errstate(divide="raise", over="raise"):
        row = measure(wave, rate)
    assert row.shape == (1, len(MEASURES))
    assert not np.isinf(row).any()
    shares = row[0, [NAMES.index(f"partials_{count}") for count in (1, 3, 6, 12)]]
    assert ((shares >= 0) & (shares <= 1)).all()
    points = standardised(np.repeat(row, 3, 0), np.repeat(row, 5, 0))
    assert np.isfinite(points).all()


def test_gain_polarity_silence_and_batches_change_nothing():
    wave = (ring(180, 0.6) + 0.2 * white() * np.exp(-8 * time(1.0, 44_100)))[None]
    row = measure(wave, 44_100)
    np.testing.assert_allclose(measure(-0.03 * wave, 44_100), row, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(measure(np.stack([wave, wave]), 44_100), np.repeat(row, 2, 0), rtol=1e-4)
    np.testing.assert_allclose(measure(torch.tensor(wave)[None], 44_100), row, rtol=1e-4, atol=1e-5)
    double = measure(np.repeat(wave, 2, 0), 44_100)
    np.testing.assert_allclose(double, row, rtol=1e-3, atol=1e-3)


def test_another_rate_changes_little():
    rows = []
    for rate in (44_100, 48_000):
        t = time(1.0, rate)
        tones = sum(ring(hertz, 0.8, rate=rate) for hertz in (90, 151, 240))
        rows.append(measure(tones + 0.05 * white(1.0, rate) * 10 ** (-3 * t / 0.5), rate)[0])
    for name in ("partials_6", "decay_125", "decay_1k", "pitch", "noise_flatness"):
        place = NAMES.index(name)
        assert rows[0][place] == pytest.approx(rows[1][place], rel=0.15)


def test_scales_are_octaves_for_times_and_pitch():
    rows = np.full((2, len(MEASURES)), 0.5)
    rows[1] *= 2
    steps = np.diff(scaled(rows), axis=0)[0]
    logarithmic = np.array([one.logarithmic for one in MEASURES])
    np.testing.assert_allclose(steps[logarithmic], 1)
    np.testing.assert_allclose(steps[~logarithmic], 0.5)


def test_standardised_rows_have_mean_0_and_deviation_1_and_forgive_outliers():
    generator = np.random.default_rng(0)
    rows = np.exp2(generator.standard_normal((500, len(MEASURES))) * 3)
    points = standardised(rows, rows)
    loud = [one.least < 1 and one.logarithmic for one in MEASURES]
    np.testing.assert_allclose(points[:, loud].mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(points[:, loud].std(axis=0), 1, atol=0.1)
    rows[0] = 1e9
    assert np.abs(standardised(rows, rows)).max() <= 4


def test_names_are_unique_and_measures_explain_themselves():
    assert len(set(NAMES)) == len(NAMES)
    assert all(one.description and one.least > 0 for one in MEASURES)


def test_more_than_three_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"\[B, C, N\]"):
        measure(np.zeros((1, 1, 1, 10)), 44_100)
