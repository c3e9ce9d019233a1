"""Noise levels to train at: distributions of sigma, each given by its quantile function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from wavesmith.diffusion.coordinates import ANGLE, CRASH, FLOW


class NoiseLevels(ABC):
    """A distribution of training sigma, drawn evenly over each batch."""

    @abstractmethod
    def quantile(self, u: Tensor) -> Tensor:
        """Sigma below which the share `u` of the distribution lies; any shape, `u` in [0, 1)."""

    def sample(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw sigmas `[batch]`, float32, on the generator's device.

        Every item has the right distribution, and one lies in each of `batch` equally likely strata, so that
        the loss varies less from batch to batch (Kingma et al. 2021, arXiv:2107.00630, appendix I.1).
        """
        offset = torch.rand(1, generator=generator, device=generator.device, dtype=torch.float64)
        strata = torch.arange(batch, device=generator.device) / batch
        return self.quantile((offset + strata) % 1).float()


@dataclass(frozen=True)
class LogNormal(NoiseLevels):
    """`log(sigma)` normal with `mean` and `std` (Karras et al. 2022, whose values are the defaults)."""

    mean: float = -1.2
    std: float = 1.2

    def quantile(self, u: Tensor) -> Tensor:
        """Sigma at share `u`, kept within five deviations of the median."""
        return torch.exp(self.mean + self.std * torch.special.ndtri(u).clamp(-5, 5))


@dataclass(frozen=True)
class LogitNormal(LogNormal):
    """Rectified flow's `logit(t)` normal with `mean` and `std` (Esser et al. 2024, arXiv:2403.03206).

    Because `t = sigma / (1 + sigma)`, `logit(t)` is `log(sigma)`: the same family, centred where they centre
    it.
    """

    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class UniformAngle(NoiseLevels):
    """`t = 2 atan(sigma) / pi` uniform over [0, 1): the usual choice for `V`."""

    def quantile(self, u: Tensor) -> Tensor:
        """Sigma at angle `u`."""
        return ANGLE.sigma(u)


@dataclass(frozen=True)
class Crash(NoiseLevels):
    """Uniform on the crash coordinate, as Dance Diffusion trains: more very clean and very noisy sounds."""

    def quantile(self, u: Tensor) -> Tensor:
        """Sigma at crash coordinate `u`."""
        return CRASH.sigma(u)


@dataclass(frozen=True)
class UniformFlow(NoiseLevels):
    """Rectified flow's `t = sigma / (1 + sigma)` uniform over [0, 1)."""

    def quantile(self, u: Tensor) -> Tensor:
        """Sigma at flow time `u`."""
        return FLOW.sigma(u)
