"""Parameterisations: what a network predicts, how that makes it a denoiser, and its training loss.

All share `D(x, sigma) = skip * x + out * F(input * x, noise)` (Karras et al. 2022, arXiv:2206.00364, eq. 7)
and differ in the four coefficients. The training loss is the denoised sound's squared error weighted by
`1 / out**2`. Since `D - x0 = out * (F - target)` with `target = (x0 - skip * x) / out`, this equals the plain
mean squared error on what the network predicts (the velocity for `V`, the noise for `Epsilon`, ...), and it
stays meaningful for subclasses whose `denoise` is not of that form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from wavesmith.diffusion.coordinates import ANGLE, FLOW
from wavesmith.diffusion.denoiser import broadcast
from wavesmith.registry import Registry

Predictor = Callable[..., Tensor]
"""A network as a function: `network(scaled x [B, ...], noise coordinate [B], **cond) -> [B, ...]`."""

# At less noise the weighted loss would measure nothing but the float32 rounding of the denoised sound.
_FLOOR = 1e-5


class Scaling(NamedTuple):
    """Coefficients `c_skip`, `c_out`, `c_in` and `c_noise` at each item's noise level, all `[B]`."""

    skip: Tensor
    out: Tensor
    input: Tensor
    noise: Tensor


@dataclass(frozen=True)
class Parameterisation(ABC):
    """Relation between a network and a denoiser.

    Attributes:
        outputs: network outputs per input feature.
    """

    outputs: ClassVar[int] = 1

    @abstractmethod
    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients at noise levels `sigma` `[B]`, finite for any of them."""

    def denoise(self, network: Predictor, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """Return the denoised `[B, ...]` of noisy `x` `[B, ...]` at `sigma` `[B]`.

        With `network` bound, for instance by `functools.partial`, this is a `Denoiser`.
        """
        scale = self.scaling(sigma)
        predicted = network(broadcast(scale.input, x) * x, scale.noise.to(x), **cond)
        return broadcast(scale.skip, x) * x + broadcast(scale.out, x) * predicted

    def weight(self, sigma: Tensor) -> Tensor:
        """Return the weight `[B]` of the denoised sound's squared error: `1 / out**2`, bounded near 0."""
        return self.scaling(sigma).out.abs().clamp(min=_FLOOR) ** -2

    def loss(self, network: Predictor, x0: Tensor, sigma: Tensor, eps: Tensor, **cond: Any) -> Tensor:
        """Return the training loss of each item, `[B]`, in at least float32.

        Args:
            network: called as `network(scaled x, noise coordinate, **cond)`.
            x0: clean sounds `[B, ...]`, at least two-dimensional.
            sigma: noise levels `[B]`.
            eps: standard normal noise of x0's shape.
            **cond: passed on to the network.
        """
        precision = torch.promote_types(x0.dtype, torch.float32)
        x0, eps, sigma = x0.to(precision), eps.to(precision), sigma.to(precision)
        denoised = self.denoise(network, x0 + broadcast(sigma, x0) * eps, sigma, **cond)
        error = (denoised.to(precision) - x0).square().flatten(1).mean(1)
        return self.weight(sigma) * error


PARAMETERISATIONS: Registry[type[Parameterisation]] = Registry(
    "parameterisation",
    {"gated": "wavesmith.diffusion.gated:Gated"},
    entry_points="wavesmith.parameterisations",
)
"""Parameterisations by name."""


@PARAMETERISATIONS.register("v")
@dataclass(frozen=True)
class V(Parameterisation):
    """Velocity prediction (Salimans & Ho 2022, arXiv:2202.00512).

    The network's input is `alpha x0 + s eps`, its output the velocity `alpha eps - s x0`, and its noise
    coordinate the angle `t = 2 atan(sigma) / pi`. Dance Diffusion's and Tiny Audio Diffusion's networks are
    of this kind. Well-behaved up to `t = 1`, where the velocity is `-x0`.
    """

    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients with `alpha = cos(pi t / 2)`, `s = sin(pi t / 2)`, `sigma = s / alpha`."""
        alpha = (1 + sigma**2).rsqrt()
        return Scaling(alpha**2, -sigma * alpha, alpha, ANGLE.of(sigma))


@PARAMETERISATIONS.register("epsilon")
@dataclass(frozen=True)
class Epsilon(Parameterisation):
    """Noise prediction from the input of `V` (Ho et al. 2020, arXiv:2006.11239).

    At great sigma the denoised sound is a small difference of great numbers: keep sigma below some hundreds.
    """

    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients of `D = x - sigma F`."""
        return Scaling(torch.ones_like(sigma), -sigma, (1 + sigma**2).rsqrt(), ANGLE.of(sigma))


@PARAMETERISATIONS.register("x0")
@dataclass(frozen=True)
class X0(Parameterisation):
    """Prediction of the clean sound itself from the input of `V`."""

    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients of `D = F`."""
        alpha = (1 + sigma**2).rsqrt()
        return Scaling(torch.zeros_like(sigma), torch.ones_like(sigma), alpha, ANGLE.of(sigma))


@PARAMETERISATIONS.register("flow")
@dataclass(frozen=True)
class RectifiedFlow(Parameterisation):
    """Rectified flow (Liu et al. 2022, arXiv:2209.03003; Lipman et al. 2023, arXiv:2210.02747).

    The network's input is `(1 - t) x0 + t eps`, its output `eps - x0`, and its noise coordinate
    `t = sigma / (1 + sigma)`.
    """

    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients of `D = (1 - t) x - t F`."""
        t = FLOW.of(sigma)
        return Scaling(1 / (1 + sigma), -t, 1 / (1 + sigma), t)


@PARAMETERISATIONS.register("edm")
@dataclass(frozen=True)
class EDM(Parameterisation):
    """Mix of noise and sound with unit variance in and out of the network (Karras et al. 2022, table 1).

    Attributes:
        sigma_data: standard deviation of the clean sounds.
    """

    sigma_data: float = 0.5

    def scaling(self, sigma: Tensor) -> Scaling:
        """Return the coefficients of Karras et al. 2022, table 1, with the coordinate `log(sigma) / 4`."""
        inverse = (sigma**2 + self.sigma_data**2).rsqrt()
        return Scaling(
            skip=(self.sigma_data * inverse) ** 2,
            out=sigma * self.sigma_data * inverse,
            input=inverse,
            noise=sigma.clamp(min=_FLOOR).log() / 4,
        )
