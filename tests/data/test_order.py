from collections import Counter

import pytest
import torch

from wavesmith.data import Entry, WeightedOrder, balanced_weights


def takes(label, kit, count):
    return [Entry(path=f"{label}/{kit}/{take}.wav", label=label, kit=kit) for take in range(count)]


def test_labels_weigh_the_same_and_groups_like_the_root_of_their_size():
    data = takes("kick", "a", 16) + takes("kick", "b", 4) + takes("snare", "a", 1)
    weights = balanced_weights(data)
    assert weights.sum().item() == pytest.approx(1)
    assert weights[20].item() == pytest.approx(1 / 2)
    assert weights[:16].sum().item() == pytest.approx(1 / 2 * 4 / 6)
    assert weights[16:20].sum().item() == pytest.approx(1 / 2 * 2 / 6)
    assert weights[:16].unique().numel() == 1


def test_an_epoch_follows_the_weights_as_closely_as_whole_numbers_can():
    weights = torch.tensor([0.5, 0.25, 0.15, 0.1, 0.0], dtype=torch.float64)
    order = WeightedOrder(weights, seed=1)
    for epoch in range(20):
        counts = Counter(order[5 * epoch + place] for place in range(5))
        assert all(abs(counts[i] - 5 * float(w)) < 1 for i, w in enumerate(weights))
        assert counts[4] == 0


def test_equal_weights_give_every_item_once_in_a_new_order_each_epoch():
    order = WeightedOrder(torch.ones(30), seed=0)
    first, second = [order[p] for p in range(30)], [order[p] for p in range(30, 60)]
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second != list(range(30))


def test_resuming_at_a_position_goes_on_exactly():
    weights = torch.rand(11, generator=torch.Generator().manual_seed(0))

    def indices(seed, positions):
        order = WeightedOrder(weights, seed=seed)
        return [order[position] for position in positions]

    whole = indices(5, range(50))
    assert indices(5, range(17, 50)) == whole[17:]
    assert indices(5, reversed(range(50))) == whole[::-1]
    assert indices(6, range(50)) != whole
