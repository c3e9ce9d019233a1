import torch

from wavesmith.diffusion.parameterisation import EDM
from wavesmith.diffusion.weighted import WeightedEDM


def nothing(x, noise, **cond):
    return torch.zeros_like(x)


def test_even_weights_are_edm():
    x0, eps, sigma = torch.randn(4, 6), torch.randn(4, 6), torch.rand(4) + 0.1
    assert torch.allclose(WeightedEDM().loss(nothing, x0, sigma, eps), EDM(1.0).loss(nothing, x0, sigma, eps))


def test_what_weighs_nothing_may_be_wrong():
    x0, eps, sigma = torch.randn(4, 6), torch.randn(4, 6), torch.rand(4) + 0.1
    weighted = WeightedEDM(weights=torch.tensor([2.0, 2, 2, 0, 0, 0]))
    other = x0.clone()
    other[:, 3:] += 5
    assert torch.allclose(weighted.loss(nothing, x0, sigma, eps), weighted.loss(nothing, other, sigma, eps))
