"""A distribution whose denoiser is known exactly: independent coordinates, each a mixture of Gaussians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    weights: tuple[float, ...] = (0.3, 0.7)
    means: tuple[float, ...] = (-1.5, 1.0)
    stds: tuple[float, ...] = (0.4, 0.25)

    def _columns(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(torch.tensor(v, dtype=like.dtype) for v in (self.weights, self.means, self.stds))

    def denoise(self, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """E[x0 | x, sigma]: each component's posterior mean, weighed by how likely x comes from it."""
        weights, means, stds = self._columns(x)
        x = x.unsqueeze(-1)
        noise = sigma.reshape(-1, *(1,) * (x.ndim - 1)) ** 2
        variance = stds**2 + noise
        responsibility = (weights.log() - variance.log() / 2 - (x - means) ** 2 / (2 * variance)).softmax(-1)
        return (responsibility * (means * noise + x * stds**2) / variance).sum(-1)

    def draw(self, *shape: int, generator: torch.Generator) -> Tensor:
        weights, means, stds = self._columns(torch.empty(0, dtype=torch.float64))
        which = torch.multinomial(weights, int(np.prod(shape)), replacement=True, generator=generator)
        normal = torch.randn(len(which), generator=generator, dtype=torch.float64)
        return (means[which] + stds[which] * normal).reshape(shape)

    def flow(self, x: Tensor, sigma: float, following: float) -> Tensor:
        """Where the probability flow dx/dsigma = (x - D) / sigma takes x, to eight digits."""

        def slope(log_sigma: float, flat: np.ndarray) -> np.ndarray:
            x = torch.from_numpy(flat.copy()).unsqueeze(0)
            return (x - self.denoise(x, torch.full((1,), np.exp(log_sigma), dtype=x.dtype)))[0].numpy()

        span = (np.log(sigma), np.log(following))
        solution = solve_ivp(
            slope, span, x.double().flatten().numpy(), method="DOP853", rtol=1e-9, atol=1e-10
        )
        return torch.from_numpy(solution.y[:, -1]).reshape(x.shape)


@pytest.fixture
def mixture() -> Mixture:
    return Mixture()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1234)
