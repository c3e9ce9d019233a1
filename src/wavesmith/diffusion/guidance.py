"""Guidance: functions that wrap a denoiser and return a denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.errors import RequestError


def classifier_free(
    denoiser: Denoiser,
    scale: float,
    *,
    unconditional: Mapping[str, Any],
    interval: tuple[float, float] = (0.0, math.inf),
) -> Denoiser:
    """Return a denoiser with classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598).

    It computes `conditional + (scale - 1) * (conditional - unconditional)`, both from one pass of a doubled
    batch. Outside the interval (Kynkaanniemi et al. 2024, arXiv:2404.07724), and everywhere for scale 1, it
    makes the conditional pass alone.

    Args:
        denoiser: called with the conditions that the returned denoiser is called with.
        scale: 1 leaves the model as it is, more follows the condition more closely, 0 ignores it.
        unconditional: replaces the conditions of the same names in the second pass; tensors `[B, ...]`, or
            `[1, ...]` for all items alike.
        interval: noise levels with guidance, low < sigma <= high.

    Raises:
        RequestError: when the scale is not finite or the interval is empty.
    """
    low, high = interval
    if not math.isfinite(scale):
        raise RequestError(f"A guidance scale of {scale} cannot be used; choose a finite number, 1 for none.")
    if not low < high:
        raise RequestError(f"The guidance interval {low:g} to {high:g} is empty; choose low < high.")
    if scale == 1:
        return denoiser

    def guided(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        inside = (low < sigma) & (sigma <= high)
        if not inside.any():
            return denoiser(x, sigma, **cond)
        doubled = _doubled(cond, {**cond, **unconditional}, len(x))
        denoised = denoiser(torch.cat([x, x]), torch.cat([sigma, sigma]), **doubled)
        with_cond, without = denoised.chunk(2)
        return with_cond + broadcast((scale - 1) * inside, x) * (with_cond - without)

    return guided


def _doubled(first: Mapping[str, Any], second: Mapping[str, Any], batch: int) -> dict[str, Any]:
    """Return conditions of a batch of 2B: tensors are joined along the batch, other values are shared."""

    def joined(name: str) -> Any:
        if not isinstance(second[name], Tensor):
            return second[name]
        halves = first.get(name, second[name]), second[name]
        return torch.cat([half.expand(batch, *half.shape[1:]) for half in halves])

    return {name: joined(name) for name in second}


class GuidanceLoss(Protocol):
    """One of the losses that guide a denoiser."""

    @property
    def name(self) -> str:
        """Name for error messages."""

    @property
    def loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Differentiable losses `[B]`, 0 or more, of estimated sounds `[B, C, N]` and their sigmas `[B]`."""

    @property
    def weight(self) -> float:
        """Step size: 1 is a full Polyak step, 0 disables it."""

    @property
    def interval(self) -> tuple[float, float]:
        """Noise levels with guidance, low <= sigma <= high."""


def loss_guided(
    denoiser: Denoiser,
    decode: Callable[[Tensor], Tensor],
    losses: Sequence[GuidanceLoss],
    *,
    rounds: int = 2,
    max_step: float = 0.1,
) -> Denoiser:
    """Return a denoiser whose estimates are moved to where losses of their sounds are small.

    At each noise level the gradient of every loss is taken at the estimate (not through the network:
    "backward guidance" of Bansal et al. 2023, arXiv:2302.07121), and the estimate moves by `weight * loss /
    |gradient|^2` against it (Polyak's step, which needs no step size), at most by `max_step`. Steps of
    several losses are added. The network corrects artefacts of the steps at the next noise level.

    Args:
        denoiser: denoiser to guide.
        decode: differentiable map from features `[B, F, T]` to sounds `[B, C, N]`.
        losses: losses with their weights and intervals.
        rounds: gradient steps at each noise level.
        max_step: longest step of one loss, as root mean square over features, relative to the uncertainty
            of the estimate, `sigma / sqrt(1 + sigma^2)`.

    Raises:
        RequestError: naming the loss and the step, when a loss or its gradient is not finite.
    """
    step = 0

    def denoise(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        nonlocal step
        step += 1
        estimate = denoiser(x, sigma, **cond)
        longest = broadcast(max_step * sigma / (1 + sigma.square()).sqrt(), estimate)
        for _ in range(rounds):
            total = torch.zeros_like(estimate)
            for term in losses:
                low, high = term.interval
                inside = (low <= sigma) & (sigma <= high)
                if inside.any():
                    polyak = _polyak_step(estimate, sigma, decode, term, step)
                    rms = polyak.square().mean(dim=tuple(range(1, polyak.ndim)), keepdim=True).sqrt()
                    polyak = polyak * (longest / rms.clamp(min=1e-12)).clamp(max=1)
                    total += broadcast(term.weight * inside, polyak) * polyak
            estimate = estimate - total
        return estimate

    return denoise


def _polyak_step(
    estimate: Tensor, sigma: Tensor, decode: Callable[[Tensor], Tensor], term: GuidanceLoss, step: int
) -> Tensor:
    """Return the step that, subtracted, would bring a linear loss to 0."""
    with torch.inference_mode(False), torch.enable_grad():
        z = estimate.clone().requires_grad_()
        loss = term.loss(decode(z), sigma.clone())
        if loss.shape != sigma.shape or not torch.isfinite(loss).all():
            raise RequestError(
                f"The guidance '{term.name}' gave {loss.detach().flatten().tolist()[:4]} at step {step} of "
                "the walk, not one finite number for each sound; correct it or leave it out."
            )
        (gradient,) = torch.autograd.grad(loss.sum(), z)
    if not torch.isfinite(gradient).all():
        raise RequestError(
            f"The guidance '{term.name}' has no finite gradient at step {step} of the walk; "
            "correct it or leave it out."
        )
    power = gradient.square().sum(dim=tuple(range(1, gradient.ndim)), keepdim=True)
    return broadcast(loss.detach(), gradient) / power.clamp(min=1e-20) * gradient
