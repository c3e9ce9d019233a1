from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from wavesmith.data import AUGMENT_FEATURES, Augmentation, augment
from wavesmith.data.augmentation import gain, shift, speed, tail, tilt

RATE, LENGTH, END = 16_000, 8000, 3000


def generators(count, seed=0):
    return [np.random.default_rng((seed, position)) for position in range(count)]


def drums(count=8, channels=2):
    """Decaying noise that begins at the first frame and ends at END; exact silence follows."""
    noise = torch.randn(count, channels, LENGTH, generator=torch.Generator().manual_seed(1))
    time = torch.arange(LENGTH)
    return 0.3 * noise * torch.exp(-time / 800) * (time < END)


def tone(hertz, frames=LENGTH):
    return torch.sin(2 * torch.pi * hertz * torch.arange(frames) / RATE)[None, None]


def level(waves):
    return 10 * torch.log10(waves.square().mean(dim=(1, 2)))


def only(feature, **options):
    """Everything off but one feature, which is always on."""
    off = {"speed": 0, "tilt": 0, "tail": 0, "shift": 0, "swap": False, "polarity": False, "gain": 0}
    kept = {feature: Augmentation.model_fields[feature].default}
    return Augmentation(probability=1, **{**off, **kept, **options})


def test_configurations_of_0_1_are_read():
    assert Augmentation.model_validate({"told": False}) == Augmentation(conditioned=False)


def test_nothing_happens_at_probability_zero():
    waves = drums()
    changed, labels = augment(waves, RATE, Augmentation(probability=0), generators(8))
    assert torch.equal(changed, waves)
    assert torch.equal(labels, torch.zeros(8, len(AUGMENT_FEATURES)))


def test_labels_are_zero_exactly_for_untouched_sounds_and_within_one():
    waves = drums(64)
    before = waves.clone()
    changed, labels = augment(waves, RATE, Augmentation(), generators(64))
    assert torch.equal(waves, before)
    same = (changed == waves).all(dim=2).all(dim=1)
    assert torch.equal(same, (labels == 0).all(dim=1))
    assert 4 < same.sum() < 28  # 0.8 ** 7 = 21 %
    assert labels.abs().max() <= 1
    assert (labels != 0).any(dim=0).all()


def test_an_item_depends_on_its_own_generator_only():
    waves = drums()
    whole, labels = augment(waves, RATE, Augmentation(probability=0.5), generators(8))
    alone, label = augment(waves[5:6], RATE, Augmentation(probability=0.5), generators(8)[5:6])
    assert torch.equal(labels[5], label[0])
    assert label.count_nonzero() > 0
    torch.testing.assert_close(whole[5], alone[0])


@pytest.mark.parametrize("feature", AUGMENT_FEATURES)
def test_each_feature_alone_changes_the_sound_and_its_own_label(feature):
    waves = drums()
    changed, labels = augment(waves, RATE, only(feature), generators(8))
    column = AUGMENT_FEATURES.index(feature)
    assert labels[:, column].count_nonzero() == 8
    assert labels.count_nonzero() == 8
    for before, after, amount in zip(waves, changed, labels[:, column].abs(), strict=True):
        assert not torch.equal(before, after) or amount < 0.01  # a shift of less than half a frame
    assert changed.shape == waves.shape
    assert changed.isfinite().all()


@pytest.mark.parametrize("feature", AUGMENT_FEATURES)
def test_silence_at_the_end_stays_exact(feature):
    changed, labels = augment(drums(), RATE, only(feature), generators(8))
    ends = torch.full((8,), END)
    if feature == "speed":
        ends = (END * torch.pow(2, -2 / 12 * labels[:, 0]) * 1.001).ceil()
    if feature == "shift":
        ends += int(0.005 * RATE)
    for wave, end in zip(changed, ends, strict=True):
        assert wave[:, int(end) :].abs().max() == 0
        assert wave[:, : int(end)].abs().max() > 0


def test_mono_sounds_are_never_labelled_as_swapped():
    waves = drums(channels=1)
    changed, labels = augment(waves, RATE, only("swap"), generators(8))
    assert torch.equal(changed, waves)
    assert labels.count_nonzero() == 0


def test_a_range_of_zero_leaves_the_others_as_they_were():
    waves = drums(32)
    _, labels = augment(waves, RATE, Augmentation(probability=0.5), generators(32))
    _, fewer = augment(waves, RATE, Augmentation(probability=0.5, tail=0), generators(32))
    labels[:, AUGMENT_FEATURES.index("tail")] = 0
    assert torch.equal(labels, fewer)


@pytest.mark.parametrize("semitones", [-2.0, -0.5, 0.5, 2.0])
def test_speed_changes_pitch_and_duration_together(semitones):
    factor = 2 ** (semitones / 12)
    played = speed(tone(1000) * (torch.arange(LENGTH) < 4000), torch.tensor([semitones]), RATE)[0, 0]
    assert played.nonzero().max().item() == pytest.approx(4000 / factor, rel=0.002)
    middle = played[500:3300] * torch.hann_window(2800)
    spectrum = torch.fft.rfft(middle, n=10 * RATE).abs()  # ten bins a hertz
    assert spectrum.argmax().item() == pytest.approx(10_000 * factor, rel=0.002)
    spectrum[round(9500 * factor) : round(10_500 * factor)] = 0
    assert spectrum.max() < 0.001 * middle.abs().sum()  # still a pure tone


def test_speed_keeps_the_onset_first_and_does_not_alias():
    click = torch.zeros(1, 1, LENGTH)
    click[..., 0] = 1
    for semitones in (-2.0, 2.0):
        assert speed(click, torch.tensor([semitones]), RATE).abs().argmax() == 0
    high = speed(tone(7900), torch.tensor([2.0]), RATE)  # would be 8867 Hz, beyond half the rate
    assert level(high[..., 500:6000]) < level(tone(7900)) - 40


def test_a_slowed_sound_that_no_longer_fits_fades_out():
    played = speed(tone(500), torch.tensor([-2.0]), RATE)[0, 0]
    assert played[-1] == 0
    assert played[-16:].abs().max() < 0.05
    assert played[-1000:-400].abs().max() > 0.9


def test_shift_moves_the_sound_later_by_its_milliseconds():
    waves = drums(2)
    later = shift(waves, torch.tensor([5.0, 1.0]), RATE)
    for wave, moved, frames in zip(waves, later, (80, 16), strict=True):
        assert torch.equal(moved[:, frames:], wave[:, :-frames])
        assert moved[:, :frames].abs().max() == 0


def test_tail_decays_to_its_decibels_at_the_sounds_end():
    waves = torch.ones(1, 1, LENGTH) * (torch.arange(LENGTH) < END)
    shorter = tail(waves, torch.tensor([60.0]))[0, 0]
    assert shorter[0] == 1
    assert shorter[END // 2].item() == pytest.approx(10 ** (-30 / 20), rel=1e-3)
    assert shorter[END - 1].item() == pytest.approx(10 ** (-60 / 20), rel=0.01)


@pytest.mark.parametrize("slope", [-3.0, 3.0])
def test_tilt_changes_the_spectrum_by_its_slope_and_keeps_the_peak(slope):
    waves = drums(1)
    tilted = tilt(waves, torch.tensor([slope]), RATE)
    assert tilted.abs().max().item() == pytest.approx(waves.abs().max().item(), rel=1e-5)
    response = (torch.fft.rfft(tilted) / torch.fft.rfft(waves)).abs()
    octave = LENGTH * 1000 // RATE  # bin of 1 kHz
    bands = [
        response[..., b - b // 10 : b + b // 10].mean().log10() * 20
        for b in (octave // 2, octave, octave * 2)
    ]
    for lower, upper in pairwise(bands):
        assert (upper - lower).item() == pytest.approx(slope, abs=0.6)


@pytest.mark.parametrize("slope", [-3.0, 3.0])
def test_tilt_does_not_sound_before_the_onset_or_come_round_from_the_end(slope):
    early, late = torch.zeros(1, 1, LENGTH), torch.zeros(1, 1, LENGTH)
    early[..., 4000], late[..., LENGTH - 1] = 1, 1
    assert tilt(early, torch.tensor([slope]), RATE)[..., :4000].abs().max() < 1e-5
    assert tilt(late, torch.tensor([slope]), RATE)[..., : LENGTH - 1].abs().max() < 1e-5


def test_tilt_of_silence_is_silence():
    assert tilt(torch.zeros(1, 2, LENGTH), torch.tensor([3.0]), RATE).abs().max() == 0


def test_gain_is_in_decibels():
    waves = drums(2)
    torch.testing.assert_close(
        level(gain(waves, torch.tensor([-6.0, 0.0]))), level(waves) + torch.tensor([-6.0, 0.0])
    )


def test_impossible_settings_are_refused():
    for wrong in ({"probability": 1.5}, {"speed": -1}, {"colour": 1}, {"gain": float("inf")}):
        with pytest.raises(ValidationError):
            Augmentation(**wrong)
