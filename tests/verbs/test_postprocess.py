import math

import pytest
import torch

from wavesmith.errors import ModelError
from wavesmith.verbs.postprocess import RELEASE_SECONDS, REST_SECONDS, SILENCE_DB, finish, without_dc

RATE = 8000
RELEASE = int(RELEASE_SECONDS * RATE)
REST = int(REST_SECONDS * RATE)
FRAMES = 6000


def tone(frames=FRAMES, end=None, level=0.3):
    """A 250 Hz tone that stops dead at `end`, in both channels."""
    wave = level * torch.sin(torch.arange(frames) * 2 * math.pi * 250 / RATE).expand(2, -1).clone()
    if end is not None:
        wave[:, end:] = 0
    return wave


def decibels(amplitude):
    return 20 * math.log10(max(float(amplitude), 1e-12))


@pytest.mark.parametrize("peak_db", [-1.0, 0.0, -20.0])
@pytest.mark.parametrize("level", [1e-4, 0.3, 50.0])
def test_the_peak_is_as_requested(peak_db, level):
    assert decibels(finish(tone(level=level), RATE, peak_db).abs().max()) == pytest.approx(peak_db, abs=1e-3)


def test_without_a_peak_the_level_stays():
    finished = finish(tone(), RATE, None)[:, 1000:4000]
    assert decibels(finished.square().mean().sqrt()) == pytest.approx(decibels(0.3 / math.sqrt(2)), abs=0.1)


def test_after_the_end_there_are_true_zeros():
    wave = tone(end=3000)
    wave[:, 3000:] = 0.3 * 10 ** ((SILENCE_DB - 6) / 20) * (-1.0) ** torch.arange(FRAMES - 3000)
    finished = finish(wave, RATE, -1.0)
    assert not finished[:, 4000 + RELEASE :].any()
    assert finished[:, 2900:3000].abs().max() > 0.5


def test_a_sound_that_still_rings_ends_in_silence_without_a_click():
    finished = finish(tone(), RATE, None)
    assert not finished[:, -REST:].any()
    assert finished[:, -REST - RELEASE :].abs().max() > 0.2
    assert finished.diff().abs().max() <= 1.1 * tone().diff().abs().max()


def test_a_sound_that_would_begin_with_a_step_rises_from_silence():
    step = tone(end=3000).roll(-8, dims=1)  # begins at its highest sample
    finished, plain = finish(step, 44_100, None), without_dc(step, 44_100)
    assert not finished[:, 0].any()
    assert finished[:, :25].diff().abs().max() < 0.25 * plain[:, 0].max()
    assert torch.equal(finished[:, 25:2000], plain[:, 25:2000])
    soft = tone(end=3000)
    assert torch.equal(finish(soft, 44_100, None)[:, :2000], without_dc(soft, 44_100)[:, :2000])


def test_channels_end_together():
    wave = tone(end=500)
    wave[1, 3000] = 0.3
    finished = finish(wave, RATE, -1.0)
    assert finished[1, 3000] != 0
    assert finished[:, 3000:4000].any()


def test_dc_is_removed_and_the_sound_is_kept():
    offset = torch.linspace(1, 0, FRAMES) * 0.1
    finished = finish(tone(end=4000) + offset, RATE, -1.0)
    assert decibels(finished.mean(dim=1).abs().max()) < -50
    kept = finished[:, 1000:3000] - finished[:, 1000:3000].mean(dim=1, keepdim=True)
    assert decibels(kept.abs().max()) > -3


def test_nothing_sounds_before_its_time_and_bass_passes():
    wave = torch.zeros(1, FRAMES)
    wave[0, 2000:] = torch.sin(torch.arange(FRAMES - 2000) * 2 * math.pi * 45 / RATE)
    passed = without_dc(wave, RATE)
    assert passed[:, :2000].abs().max() < 1e-4
    assert decibels(passed[:, 4000:].abs().max()) > -1


@pytest.mark.parametrize("peak_db", [-1.0, None])
@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-45])
def test_silence_stays_silence(peak_db, level):
    assert not finish(level * torch.ones(2, 500), RATE, peak_db).any()


@pytest.mark.parametrize("frames", [1, 2, 10, RELEASE, RELEASE + 1])
def test_the_shortest_sounds_are_finished_too(frames):
    finished = finish(torch.ones(1, frames), RATE, -1.0)
    assert finished.shape == (1, frames)
    assert finished.isfinite().all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_samples_that_are_no_numbers_are_reported(value):
    wave = tone()
    wave[0, 17] = value
    with pytest.raises(ModelError, match="not a sound"):
        finish(wave, RATE, -1.0)
