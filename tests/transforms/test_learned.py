from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.transforms.learned import LearnedConfig


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("filters", [16, 20, 32])
@pytest.mark.parametrize("length", [1, 16, 50, 160])
def test_it_starts_as_an_exact_inverse(filters: int, length: int) -> None:
    transform = LearnedConfig(filters=filters, window=16, stride=16).build(channels=2)
    wave = noise(3, 2, length)
    z = transform.encode(wave)
    assert z.shape == (3, transform.features, transform.frames(length))
    assert transform.features == 2 * filters
    torch.testing.assert_close(transform.decode(z, length), wave, rtol=0, atol=1e-5)


def test_with_as_many_filters_as_samples_it_starts_orthonormal() -> None:
    transform = LearnedConfig(filters=16, window=16, stride=16).build(channels=2)
    basis = transform.encode(torch.eye(32).reshape(32, 2, 16)).squeeze(-1)
    torch.testing.assert_close(basis @ basis.T, torch.eye(32), rtol=0, atol=1e-5)


def test_a_slow_wave_lies_in_the_first_filters() -> None:
    transform = LearnedConfig(filters=16, window=16, stride=16).build(channels=1)
    energy = transform.encode(torch.ones(1, 1, 64)).detach().square().sum(dim=(0, 2))
    assert energy[0] == pytest.approx(64, rel=1e-5)
    assert energy[1:].max() < 1e-8


def test_overlapping_windows_reconstruct_all_but_the_ends() -> None:
    transform = LearnedConfig(filters=64, window=64, stride=16).build(channels=2)
    wave = noise(2, 2, 400)
    z = transform.encode(wave)
    again = transform.decode(z, 400)
    assert z.shape[-1] == transform.frames(400)
    assert again.shape == wave.shape
    torch.testing.assert_close(again[..., 64:-64], wave[..., 64:-64], rtol=0, atol=1e-5)
    assert not torch.allclose(again[..., :16], wave[..., :16], atol=1e-2)


def test_too_few_filters_are_improved_by_training() -> None:
    transform = LearnedConfig(filters=8, window=16, stride=16).build(channels=1)
    time = torch.arange(160) / 16
    wave = torch.sin(2 * torch.pi * 7 * time)[None, None]  # above the bands that eight filters keep
    optimiser = torch.optim.Adam(transform.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = (transform.decode(transform.encode(wave), 160) - wave).square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.1
    assert losses[-1] < 0.1 * losses[0]


def test_windows_that_do_not_cover_evenly_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"window \(24\) must be a multiple of stride \(16\)"):
        LearnedConfig(window=24, stride=16)
