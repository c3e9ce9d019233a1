import pytest
import torch

from wavesmith.data import SoundDataset, scan
from wavesmith.families import DiffusionConfig, DiffusionModel
from wavesmith.training.config import LogNormalConfig
from wavesmith.training.held_out import BINS, MOST_SOUNDS, HeldOut

LEVELS = LogNormalConfig().build()


@pytest.fixture(scope="module")
def sounds(drums):
    return SoundDataset(drums, scan(drums).files, rate=8000, channels=1, length=512)


@pytest.fixture(scope="module")
def family(recipe):
    torch.manual_seed(0)
    model = DiffusionModel(DiffusionConfig(labels=("kick", "snare"), augments=7, **dict(recipe().model)))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return model.eval()


def test_asking_twice_gives_the_same_and_moves_nothing(sounds, family):
    watch = HeldOut(sounds, LEVELS, seed=3)
    before = {name: tensor.clone() for name, tensor in family.state_dict().items()}
    torch.manual_seed(1)
    first = watch.losses(family)
    torch.manual_seed(2)
    assert HeldOut(sounds, LEVELS, seed=3).losses(family) == first == watch.losses(family)
    assert all(torch.equal(before[name], tensor) for name, tensor in family.state_dict().items())
    assert all(p.grad is None for p in family.parameters())
    assert HeldOut(sounds, LEVELS, seed=4).losses(family) != first


def test_there_is_a_loss_for_each_of_eight_rising_levels(sounds, family):
    losses = HeldOut(sounds, LEVELS, seed=3).losses(family)
    assert len(losses) == BINS
    assert list(losses) == sorted(losses)
    assert all(loss > 0 for loss in losses.values())


def test_the_labels_are_told(sounds, family):
    watch = HeldOut(sounds, LEVELS, seed=3)
    right = watch.losses(family)
    watch.labels = 1 - watch.labels
    assert watch.losses(family) != right
    watch.labels = torch.full_like(watch.labels, -1)
    assert watch.losses(family) != right


def test_of_many_sounds_some_are_picked_from_all_over():
    class Many:
        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, k):
            from wavesmith.data import SoundExample

            return SoundExample(torch.full((1, 4), float(k)), 0, k)

    for count in (1, MOST_SOUNDS, MOST_SOUNDS + 1, 1000):
        picked = HeldOut(Many(count), LEVELS, seed=0).waves[:, 0, 0].tolist()
        assert min(count, MOST_SOUNDS) / 2 <= len(picked) <= MOST_SOUNDS
        assert len(set(picked)) == len(picked)
        assert picked[-1] >= count * 0.9 - 1
