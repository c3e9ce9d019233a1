import pytest
import torch

from wavesmith.data import AUGMENT_FEATURES, SoundDataset, scan
from wavesmith.training import load_config
from wavesmith.training.examples import Examples, Positions


@pytest.fixture(scope="module")
def sounds(drums):
    return SoundDataset(drums, scan(drums).files, rate=8000, channels=1, length=512)


def examples(sounds, config, **training):
    return Examples(sounds, 8000, len(AUGMENT_FEATURES), config(**training).training)


def same(one, other):
    return all(map(torch.equal, one, other))


def test_an_example_depends_on_seed_and_position_alone(sounds, config):
    here, there = examples(sounds, config), examples(sounds, config, batch=3)
    for position in (0, 5, 1000, 3):
        assert same(here[position], there[position])
    other = examples(sounds, config, seed=1)
    assert not any(same(here[k], other[k]) for k in range(5))


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_starts_anywhere_and_workers_change_nothing(sounds, config, workers):
    data = examples(sounds, config)
    batch = next(data.batches(10, workers=workers))
    assert batch.position.tolist() == [10, 11, 12, 13]
    for k, position in enumerate(range(10, 14)):
        assert same([part[k] for part in batch], data[position])


def test_devices_share_the_positions():
    streams = [iter(Positions(6, rank, world=3)) for rank in range(3)]
    assert [[next(stream) for _ in range(2)] for stream in streams] == [[6, 9], [7, 10], [8, 11]]


def test_labels_are_hidden_as_often_as_asked_and_else_are_one_hot(sounds, config):
    always, never = (examples(sounds, config, label_dropout=share) for share in (1.0, 0.0))
    some = examples(sounds, config, label_dropout=0.5)
    assert not any(always[k].label.any() for k in range(20))
    for k in range(20):
        label = never[k].label
        assert sorted(label.tolist()) == [0, 1]
        assert torch.equal(sounds[never.order[k]].wave, sounds[always.order[k]].wave)
        assert label[sounds.label_indices[never.order[k]]] == 1
    assert 60 < sum(bool(some[k].label.any()) for k in range(200)) < 140


def test_without_augmentation_sounds_are_as_they_are(sounds, config):
    plain, changed = examples(sounds, config, augmentation=None), examples(sounds, config)
    for k in range(20):
        example = plain[k]
        assert torch.equal(example.wave, sounds[plain.order[k]].wave)
        assert not example.augment.any()
        assert example.augment.shape == (len(AUGMENT_FEATURES),)
    assert any(changed[k].augment.any() for k in range(20))


def test_without_conditioning_sounds_are_changed_all_the_same(sounds, config):
    with_it, without = (
        examples(sounds, config, augmentation={"probability": 0.5, "conditioned": conditioned})
        for conditioned in (True, False)
    )
    for k in range(10):
        assert torch.equal(with_it[k].wave, without[k].wave)
        assert not without[k].augment.any()
    assert any(with_it[k].augment.any() for k in range(10))


def test_the_configuration_of_dance_diffusion_turns_half_of_the_sounds_upside_down(sounds):
    training = load_config("dance-diffusion").training
    data = Examples(sounds, 8000, len(AUGMENT_FEATURES), training)
    turned = 0
    for k in range(200):
        wave, sound = data[k].wave, sounds[data.order[k]].wave
        assert torch.equal(wave, sound) or torch.equal(wave, -sound)
        turned += bool(wave.sum() == -sound.sum())
    assert 70 < turned < 130
