import pytest
import torch

from wavesmith.data import AUGMENT_FEATURES, SoundDataset, SoundExample, scan
from wavesmith.families import build
from wavesmith.training.validation import MOST_SOUNDS, HeldOut

AUGMENTS = len(AUGMENT_FEATURES)


@pytest.fixture(scope="module")
def sounds(drums):
    return SoundDataset(drums, scan(drums).files, rate=8000, channels=1, length=512)


@pytest.fixture(scope="module")
def settings(config):
    return config("diffusion").objective


@pytest.fixture(scope="module")
def family(config):
    torch.manual_seed(0)
    data = {"labels": ("kick", "snare"), "augments": AUGMENTS}
    model = build(config("diffusion").model.model_copy(update=data))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


def test_measuring_twice_gives_the_same_and_changes_nothing(sounds, settings, family):
    held_out = HeldOut(sounds, AUGMENTS, settings, seed=3)
    before = {name: tensor.clone() for name, tensor in family.state_dict().items()}
    torch.manual_seed(1)
    first = held_out.losses(family)
    torch.manual_seed(2)
    assert HeldOut(sounds, AUGMENTS, settings, seed=3).losses(family) == first == held_out.losses(family)
    assert all(torch.equal(before[name], tensor) for name, tensor in family.state_dict().items())
    assert all(p.grad is None for p in family.parameters())
    assert HeldOut(sounds, AUGMENTS, settings, seed=4).losses(family) != first


def test_a_diffusion_model_has_a_loss_for_each_of_eight_rising_noise_levels(sounds, settings, family):
    losses = HeldOut(sounds, AUGMENTS, settings, seed=3).losses(family)
    levels = [float(name.removeprefix("sigma_")) for name in losses]
    assert len(levels) == 8
    assert levels == sorted(levels)
    assert all(loss > 0 for loss in losses.values())


def test_labels_matter(sounds, settings, family):
    held_out = HeldOut(sounds, AUGMENTS, settings, seed=3)
    right = held_out.losses(family)
    for labels in (lambda label: 1 - label, torch.zeros_like):
        changed = HeldOut(sounds, AUGMENTS, settings, seed=3)
        changed.batches = [batch._replace(label=labels(batch.label)) for batch in held_out.batches]
        assert changed.losses(family) != right


def test_of_many_sounds_some_are_picked_evenly(settings):
    class Many:
        labels = ("kick",)

        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, k):
            return SoundExample(torch.full((1, 4), float(k)), 0, k)

    for count in (1, MOST_SOUNDS, MOST_SOUNDS + 1, 1000):
        batches = HeldOut(Many(count), AUGMENTS, settings, seed=0).batches
        picked = torch.cat([batch.wave for batch in batches])[:, 0, 0].tolist()
        assert min(count, MOST_SOUNDS) / 2 <= len(picked) <= MOST_SOUNDS
        assert len(set(picked)) == len(picked)
        assert picked[-1] >= count * 0.9 - 1
        assert torch.cat([batch.position for batch in batches]).tolist() == list(range(len(picked)))
