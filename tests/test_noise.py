import pytest
import torch

from wavesmith.errors import RequestError
from wavesmith.noise import ItemNoise


def test_an_item_has_the_same_noise_in_any_batch():
    together, alone = ItemNoise(5, [0, 1, 2, 3]).shaped((2, 9)), ItemNoise(5, [2]).shaped((2, 9))
    for _ in range(3):
        assert torch.equal(together()[2], alone()[0])


def test_draws_items_and_seeds_all_differ():
    noise = ItemNoise(5, [0, 1]).shaped((64,))
    first, second = noise(), noise()
    others = [first[1], second[0], ItemNoise(6, [0]).normal((64,))[0], ItemNoise(1, [5]).normal((64,))[0]]
    for other in others:
        assert abs(torch.corrcoef(torch.stack([first[0], other]))[0, 1]) < 0.5


def test_seeds_beyond_32_bits_are_not_confused_with_indices():
    assert not torch.equal(ItemNoise(5 + (7 << 32), [0]).normal((8,)), ItemNoise(5, [7]).normal((8,)))


def test_noise_is_standard_normal():
    sample = ItemNoise(0, range(50)).normal((400,))
    assert sample.shape == (50, 400)
    assert sample.mean() == pytest.approx(0, abs=0.03)
    assert sample.std() == pytest.approx(1, abs=0.03)
    assert (sample.abs() > 1.96).float().mean() == pytest.approx(0.05, abs=0.01)


def test_it_is_a_noise_source_for_samplers():
    like = torch.zeros(1, 8)
    assert torch.equal(ItemNoise(1, [4]).shaped((8,))(like), ItemNoise(1, [4]).normal((8,)))


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_negative_seeds_are_refused(seed, index):
    with pytest.raises(RequestError, match="negative"):
        ItemNoise(seed, [index])
