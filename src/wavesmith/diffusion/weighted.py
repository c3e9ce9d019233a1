"""EDM's parameterisation where some numbers of a sound matter more than others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import broadcast
from wavesmith.diffusion.parameterisation import EDM, Predictor


@dataclass(frozen=True)
class WeightedEDM(EDM):
    """`EDM` whose loss weighs the error of each number.

    Attributes:
        weights: of the numbers of an item, of its shape (or one that it broadcasts to), with a mean of 1.
    """

    sigma_data: float = 1.0
    weights: Tensor = field(default_factory=lambda: torch.ones(1))

    def loss(self, network: Predictor, x0: Tensor, sigma: Tensor, eps: Tensor, **cond: Any) -> Tensor:
        """Weighted training loss of each item, `[B]`, in at least float32; arguments as in `EDM`."""
        precision = torch.promote_types(x0.dtype, torch.float32)
        x0, eps, sigma = x0.to(precision), eps.to(precision), sigma.to(precision)
        denoised = self.denoise(network, x0 + broadcast(sigma, x0) * eps, sigma, **cond)
        error = ((denoised.to(precision) - x0).square() * self.weights.to(x0)).flatten(1).mean(1)
        return self.weight(sigma) * error
