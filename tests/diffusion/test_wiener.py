import torch

from wavesmith.diffusion.weighted import WeightedEDM
from wavesmith.diffusion.wiener import Covariance, WienerEDM


def rows(count=4000):
    """Six numbers: four that go together, two by themselves."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(count, 1, generator=generator)
    together = common + 0.2 * torch.randn(count, 4, generator=generator) + 0.5
    return torch.cat([together, torch.randn(count, 2, generator=generator)], dim=1)


def wiener(clean):
    within = torch.tensor([1.0, 1, 1, 1, 0, 0])
    return WienerEDM(covariance=Covariance.of(clean, torch.ones(len(clean)), within, 2))


def nothing(x, noise, **cond):
    return torch.zeros_like(x[:, : x.shape[1] // 2])


def test_the_linear_estimate_is_better_than_a_scalar_one():
    clean = rows()
    sigma = torch.full((len(clean),), 1.0)
    eps = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    edm, ours = WeightedEDM(), wiener(clean)
    plain = edm.loss(lambda x, noise: torch.zeros_like(x), clean, sigma, eps)
    assert float(ours.loss(nothing, clean, sigma, eps).mean()) < 0.7 * float(plain.mean())


def test_it_is_the_best_linear_estimate():
    clean = rows(20_000)
    ours = wiener(clean)
    sigma = 0.7
    noisy = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    together = noisy[:, :4]
    ones = torch.ones(len(clean), 1)
    fit = torch.linalg.lstsq(torch.cat([together, ones], dim=1), clean[:, :4]).solution
    best = (torch.cat([together, ones], dim=1) @ fit - clean[:, :4]).square().mean()
    found = (ours.linear(noisy, torch.full((len(clean),), sigma))[:, :4] - clean[:, :4]).square().mean()
    assert float(found) < 1.02 * float(best)


def test_without_noise_nothing_changes_and_in_noise_alone_the_mean_is_left():
    clean = rows()
    ours = wiener(clean)
    assert torch.allclose(ours.denoise(nothing, clean, torch.full((len(clean),), 1e-4)), clean, atol=1e-3)
    far = ours.denoise(nothing, 1e4 * torch.randn(3, 6), torch.full((3,), 1e4))
    assert torch.allclose(far[:, :4], ours.covariance.mean[:4].expand(3, 4), atol=0.2)
