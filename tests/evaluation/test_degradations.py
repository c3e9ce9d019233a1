"""Controlled damage does what it says, and the distances grow with it."""

import math

import pytest
import torch

from wavesmith.embeddings import Statistics
from wavesmith.evaluation import degradations, kernel_audio_distance, overlap

RATE = 44_100


def spectrum(wave):
    return torch.fft.rfft(wave).abs().square()


@pytest.fixture(scope="module")
def hits():
    """Forty decaying tones with a noisy attack, `[40, 1, N]`, followed by silence."""
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(8192) / RATE
    hertz = 80 * 2 ** torch.linspace(0, 3, 40)[:, None]
    fall = 20 + 40 * torch.rand(40, 1, generator=generator)
    tone = torch.sin(2 * math.pi * hertz * time) * torch.exp(-fall * time)
    noise = 0.3 * torch.randn(40, 8192, generator=generator) * torch.exp(-4 * fall * time)
    return torch.nn.functional.pad((tone + noise)[:, None] * 0.5, (0, 2000))


def test_noise_lies_so_far_below_the_sounding_part(hits):
    added = degradations.noise(hits, 20) - hits
    level = added.square().mean(dim=-1) / hits[..., :8192].square().mean(dim=-1)
    torch.testing.assert_close(level, torch.full((40, 1), 0.01), rtol=0.1, atol=0)


def test_a_low_pass_takes_3_db_there_and_nearly_nothing_or_all_an_octave_off():
    impulse = torch.zeros(1, 1, RATE)
    impulse[..., RATE // 2] = 1
    passed = spectrum(degradations.low_pass(impulse, RATE, 1000)[0, 0])
    decibels = 10 * passed[[500, 1000, 2000]].log10()
    torch.testing.assert_close(decibels, torch.tensor([0.0, -3.01, -48.2]), rtol=0, atol=0.2)


def test_clipping_cuts_at_a_level_below_the_peak(hits):
    clipped = degradations.clip(hits, 12)
    limit = hits.abs().amax(dim=-1) * 10 ** (-12 / 20)
    torch.testing.assert_close(clipped.abs().amax(dim=-1), limit)
    untouched = hits.abs() < 0.9 * limit[..., None]
    assert torch.equal(clipped[untouched], hits[untouched])


def test_smearing_spreads_a_click_over_its_time_and_favours_no_frequency():
    click = torch.zeros(1, 1, RATE)
    click[..., 100] = 1
    smeared = degradations.smear(click, RATE, 50)[0, 0]
    assert smeared[:100].abs().max() < 1e-3
    late = smeared[100 + round(0.1 * RATE) :].square().sum()
    middle = smeared[100 + round(0.005 * RATE) : 100 + round(0.05 * RATE)].square().sum()
    assert late < 1e-4 < 0.05 < middle
    torch.testing.assert_close(spectrum(smeared), torch.ones(RATE // 2 + 1), rtol=0.05, atol=0)


DAMAGES = {
    "noise": [lambda waves, db=db: degradations.noise(waves, db) for db in (40, 20, 0)],
    "low-pass": [lambda waves, khz=khz: degradations.low_pass(waves, RATE, 1000 * khz) for khz in (12, 8, 4)],
    "clipping": [lambda waves, db=db: degradations.clip(waves, db) for db in (12, 20, 30)],
    "time smear": [lambda waves, ms=ms: degradations.smear(waves, RATE, ms) for ms in (30, 100, 300)],
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_distances_grow_with_damage(hits, kind):
    ear = Statistics()
    real, other = ear(hits[::2]), hits[1::2]
    damaged = [ear(change(other)) for change in DAMAGES[kind]]
    kernel = [kernel_audio_distance(features, real) for features in (ear(other), *damaged)]
    assert abs(kernel[0]) < 0.5 * kernel[1]
    assert kernel == sorted(kernel)
    covered = [overlap(features, real).coverage for features in damaged]
    assert covered == sorted(covered, reverse=True)
