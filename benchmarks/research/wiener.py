"""EDM's parameterisation for numbers that go together: what a Gaussian model knows need not be learnt.

EDM (Karras et al. 2022, arXiv:2206.00364) keeps `1 / (1 + sigma^2)` of a noisy number, which is the best that
can be done when numbers know nothing of each other. When they do, the best linear estimate is Wiener's:
`mean + C (C + sigma^2)^-1 (x - mean)` with their covariance C. A network that starts from there learns only
what is not linear, and its outputs are scaled as the error of that estimate is: small where the sounds hardly
differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wavesmith.diffusion.parameterisation import Predictor
from wavesmith.diffusion.weighted import WeightedEDM


@dataclass(frozen=True)
class Covariance:
    """What a Gaussian model knows of rows `[B, D]`: the largest directions, and how much is left in others.

    Attributes:
        mean: `[D]`.
        basis: orthonormal directions `[D, K]`.
        variance: along them, `[K]`.
        rest: variance along every other direction that some `within` shares in.
        within: 1 for numbers that the directions are about, 0 for others, whose variance is 1, `[D]`.
    """

    mean: Tensor
    basis: Tensor
    variance: Tensor
    rest: float
    within: Tensor

    @classmethod
    def of(cls, rows: Tensor, weights: Tensor, within: Tensor, directions: int) -> Covariance:
        """Measure it on rows `[S, D]` that count as `weights` `[S]` say; `within` `[D]` as above."""
        weights = weights / weights.sum()
        mean = weights @ rows * within
        centred = (rows - mean) * within * weights.sqrt()[:, None]
        few = len(rows) < rows.shape[1]  # then their inner products are the smaller matrix
        power, across = torch.linalg.eigh(centred @ centred.T if few else centred.T @ centred)
        power, across = power.flip(0).clamp(min=0), across.flip(1)
        kept = min(directions, int((power > 1e-6 * power[0]).sum()))
        basis = centred.T @ across[:, :kept] / power[:kept].sqrt() if few else across[:, :kept]
        rest = float(power[kept:].sum()) / max(1.0, float(within.sum()) - kept)
        return cls(mean, basis, power[:kept], max(rest, 1e-4), within)

    def scaled(self, x: Tensor, along: Tensor, else_: Tensor, outside: Tensor) -> Tensor:
        """Scale rows `[B, D]` by `[B, K]` along the directions, `[B, 1]` across them and outside."""
        inner = x * self.within
        coordinates = inner @ self.basis
        across = inner - coordinates @ self.basis.T
        return (coordinates * along) @ self.basis.T + across * else_ + (x - inner) * outside


@dataclass(frozen=True)
class WienerEDM(WeightedEDM):
    """EDM around the best linear estimate; the network is given the noisy rows and that estimate, `[B, 2 D]`.

    Attributes:
        covariance: of the clean rows; needed, whatever the default says.
    """

    covariance: Covariance | None = None

    def linear(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The best linear estimate `[B, D]` of clean rows from noisy ones at `sigma` `[B]`."""
        known, noise = self._known(), sigma[:, None].square()
        shares = (
            known.variance / (known.variance + noise),
            known.rest / (known.rest + noise),
            1 / (1 + noise),
        )
        return known.mean + known.scaled(x - known.mean, *shares)

    def denoise(self, network: Predictor, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """The linear estimate, and what the network adds to it."""
        known, noise = self._known(), sigma[:, None].square()
        estimate = self.linear(x, sigma)
        scale = self.scaling(sigma)
        given = torch.cat([scale.input[:, None] * x, estimate], dim=1)
        added = network(given, scale.noise, **cond)
        errors = (
            (known.variance * noise / (known.variance + noise)).sqrt().clamp(max=LARGEST),
            (known.rest * noise / (known.rest + noise)).sqrt(),
            (noise / (1 + noise)).sqrt(),
        )
        return estimate + known.scaled(added, *errors)

    def _known(self) -> Covariance:
        if self.covariance is None:
            raise ValueError("WienerEDM needs the covariance of clean rows.")
        return self.covariance


LARGEST = 8.0  # scale of what the network adds along one direction
