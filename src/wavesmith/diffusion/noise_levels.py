"""Noise levels to train at: distributions of sigma, each given by its quantile function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from wavesmith.diffusion.coordinates import ANGLE, CRASH, FLOW
from wavesmith.registry import Registry


class NoiseLevels(ABC):
    """A distribution of training sigma, drawn evenly over each batch."""

    @abstractmethod
    def quantile(self, u: Tensor) -> Tensor:
        """Return the sigma below which the share `u` of the distribution lies; any shape, `u` in [0, 1)."""

    def sample(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw sigmas `[batch]`, float32, on the generator's device.

        Every item has the right distribution, and one lies in each of `batch` equally likely strata, so that
        the loss varies less from batch to batch (Kingma et al. 2021, arXiv:2107.00630, appendix I.1).
        """
        offset = torch.rand(1, generator=generator, device=generator.device, dtype=torch.float64)
        strata = torch.arange(batch, device=generator.device) / batch
        return self.quantile((offset + strata) % 1).float()


NOISE_LEVELS: Registry[type[NoiseLevels]] = Registry(
    "distribution of noise levels", entry_points="wavesmith.noise_levels"
)
"""Distributions of training sigma by name."""


@NOISE_LEVELS.register("log_normal")
@dataclass(frozen=True)
class LogNormal(NoiseLevels):
    """Distribution with `log(sigma)` normal (Karras et al. 2022, whose `mean` and `std` are the defaults)."""

    mean: float = -1.2
    std: float = 1.2

    def quantile(self, u: Tensor) -> Tensor:
        """Return sigma at share `u`, kept within five deviations of the median."""
        return torch.exp(self.mean + self.std * torch.special.ndtri(u).clamp(-5, 5))


@NOISE_LEVELS.register("logit_normal")
@dataclass(frozen=True)
class LogitNormal(LogNormal):
    """Distribution with rectified flow's `logit(t)` normal (Esser et al. 2024, arXiv:2403.03206).

    Because `t = sigma / (1 + sigma)`, `logit(t)` is `log(sigma)`: the same family, centred where they centre
    it.
    """

    mean: float = 0.0
    std: float = 1.0


@NOISE_LEVELS.register("uniform_angle")
@dataclass(frozen=True)
class UniformAngle(NoiseLevels):
    """Distribution with `t = 2 atan(sigma) / pi` uniform over [0, 1): the usual choice for `V`."""

    def quantile(self, u: Tensor) -> Tensor:
        """Return sigma at angle `u`."""
        return ANGLE.sigma(u)


@NOISE_LEVELS.register("crash")
@dataclass(frozen=True)
class Crash(NoiseLevels):
    """Uniform distribution on the crash coordinate, as in Dance Diffusion: dwells at both ends."""

    def quantile(self, u: Tensor) -> Tensor:
        """Return sigma at crash coordinate `u`."""
        return CRASH.sigma(u)


@NOISE_LEVELS.register("uniform_flow")
@dataclass(frozen=True)
class UniformFlow(NoiseLevels):
    """Distribution with rectified flow's `t = sigma / (1 + sigma)` uniform over [0, 1)."""

    def quantile(self, u: Tensor) -> Tensor:
        """Return sigma at flow time `u`."""
        return FLOW.sigma(u)
