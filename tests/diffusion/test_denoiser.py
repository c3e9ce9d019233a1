import torch

from wavesmith.diffusion import broadcast


def test_broadcast_scales_each_item_by_its_own_value():
    like = torch.ones(2, 3, 4, dtype=torch.float64)
    scaled = broadcast(torch.tensor([2.0, -1.0]), like) * like
    assert scaled.dtype == torch.float64
    assert torch.equal(scaled[0], torch.full((3, 4), 2.0, dtype=torch.float64))
    assert torch.equal(scaled[1], torch.full((3, 4), -1.0, dtype=torch.float64))
