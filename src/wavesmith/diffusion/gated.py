"""The gated denoiser: a Wiener gain on the noisy sound plus a residual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import broadcast
from wavesmith.diffusion.parameterisation import EDM, Predictor


@dataclass(frozen=True)
class Gated(EDM):
    """Gain and residual: `D = sigmoid(g + logit(skip)) * x + out * r`, where g and r are network outputs.

    For one Gaussian coefficient of variance S the best denoiser is the Wiener gain S / (S + sigma^2), which
    is `sigmoid(g + logit(skip))` with `g = ln(S / sigma_data^2)`: the network only has to know the
    log power of every band and frame, a smooth image, instead of copying noise through itself. With g = r = 0
    it is EDM's skip connection. It makes sense in time-frequency spaces only. Loss weight and
    scalings are EDM's (Karras et al. 2022, table 1).
    """

    outputs: ClassVar[int] = 2
    sigma_data: float = 1.0

    def denoise(self, network: Predictor, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """Return the denoised `[B, F, T]` of noisy `x`; the network returns `[B, 2F, T]`: g, then r."""
        scale = self.scaling(sigma)
        gate, residual = network(broadcast(scale.input, x) * x, scale.noise.to(x), **cond).chunk(2, dim=1)
        # logit(sd^2 / (sigma^2 + sd^2)) = 2 ln(sd / sigma), without the cancellation near 0 and 1
        bias = 2 * (self.sigma_data / sigma.clamp(min=1e-5)).log()
        return torch.sigmoid(gate + broadcast(bias, x)) * x + broadcast(scale.out, x) * residual
