from itertools import pairwise

import numpy as np
import pytest
import torch

from wavesmith.verbs.windows import OVERLAP, blocks, crossfade, divide, holding, raised_cosine


@pytest.mark.parametrize("length", [1, 99, 100, 125, 126, 176, 200, 999, 12345])
def test_windows_cover_everything_overlap_enough_and_none_is_much_shorter(length):
    windows = divide(length, 100)
    spans = [windows.span(k) for k in range(len(windows))]
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert max(stop - start for start, stop in spans) <= 125
    if len(spans) > 1:
        assert all(before[1] - after[0] >= 100 * OVERLAP for before, after in pairwise(spans))
        assert min(stop - start for start, stop in spans) > 100 - len(spans)


def test_what_fits_into_one_and_a_quarter_is_not_divided():
    assert [len(divide(length, 100)) for length in (100, 125, 126)] == [1, 1, 2]


def source(frames, seed=0):
    return torch.randn(2, frames, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("length", [80, 126, 1000, 1003])
def test_windows_that_change_nothing_give_the_very_same(length):
    wave = source(length)
    parts = blocks(divide(length, 100), lambda start, stop, made: wave[:, start:stop])
    torch.testing.assert_close(torch.cat([done for done, _ in parts], 1), wave, atol=2e-6, rtol=0)


def test_a_window_gets_its_known_beginning():
    wave, calls = source(500), []

    def process(start, stop, made):
        calls.append((start, None if made is None else made.clone()))
        return wave[:, start:stop]

    windows = divide(500, 100)
    list(blocks(windows, process))
    assert calls[0] == (0, None)
    for start, made in calls[1:]:
        assert torch.equal(made, wave[:, start : start + made.shape[1]])
        assert made.shape[1] >= 25


def test_going_on_makes_what_an_unbroken_run_makes():
    def process(start, stop, made):
        fresh = source(stop - start, seed=start)
        return fresh if made is None else fresh + made.mean()

    windows = divide(1000, 100)
    whole = list(blocks(windows, process))
    for number in range(1, len(windows)):
        rest = list(blocks(windows, process, number, whole[number - 1][1]))
        assert all(torch.equal(a, c) for (a, _), (c, _) in zip(whole[number:], rest, strict=True))


def test_unrelated_windows_keep_their_level_through_the_seam():
    """Mean power over many runs, each 20 samples: within 1 dB of what it is elsewhere."""
    windows = divide(1000, 100)
    power = torch.zeros(1000)
    for run in range(300):
        parts = blocks(windows, lambda start, stop, made, run=run: source(stop - start, 1000 * run + start))
        power += torch.cat([done for done, _ in parts], 1).square().mean(0)
    decibels = 10 * (power / 300).reshape(-1, 20).mean(1).log10()
    assert decibels.abs().max() < 1


def test_equal_waves_pass_a_crossfade_as_they_are_and_others_from_one_to_the_other():
    wave, other = source(50), source(50, 1)
    torch.testing.assert_close(crossfade(wave, wave), wave)
    faded = crossfade(wave, other)
    torch.testing.assert_close(faded[:, :2], wave[:, :2], atol=0.05, rtol=0)
    torch.testing.assert_close(faded[:, -2:], other[:, -2:], atol=0.05, rtol=0)
    assert torch.isfinite(crossfade(torch.zeros(1, 9), torch.zeros(1, 9))).all()


def test_the_first_half_of_what_is_made_is_held_and_the_rest_let_go():
    share = holding(40, 100, torch.empty(0))
    assert (share[:20] == 1).all()
    assert (share[40:] == 0).all()
    assert (share.diff() <= 0).all()
    assert np.allclose(raised_cosine(4, torch.empty(0)).flip(0), 1 - raised_cosine(4, torch.empty(0)))
