"""Guidance: wrap a denoiser, return a denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

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
    """Push the denoised sound away from what the model makes unasked (Ho & Salimans 2022, arXiv:2207.12598).

    Returns `conditional + (scale - 1) * (conditional - unconditional)`, both from one pass of a doubled
    batch. Outside the interval (Kynkaanniemi et al. 2024, arXiv:2404.07724), and everywhere for scale 1,
    there is the conditional pass alone.

    Args:
        denoiser: called with the conditions that the returned denoiser is called with.
        scale: 1 leaves the model as it is, more follows the condition more closely, 0 ignores it.
        unconditional: replaces those conditions of the same names in the second pass; tensors `[B, ...]`, or
            `[1, ...]` for all items alike.
        interval: guide where low < sigma <= high.

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
        asked, unasked = denoiser(torch.cat([x, x]), torch.cat([sigma, sigma]), **doubled).chunk(2)
        return asked + broadcast((scale - 1) * inside, x) * (asked - unasked)

    return guided


def _doubled(first: Mapping[str, Any], second: Mapping[str, Any], batch: int) -> dict[str, Any]:
    """Conditions of a batch of 2B: tensors joined along the batch, anything else, being shared, as it is."""

    def joined(name: str) -> Any:
        if not isinstance(second[name], Tensor):
            return second[name]
        halves = first.get(name, second[name]), second[name]
        return torch.cat([half.expand(batch, *half.shape[1:]) for half in halves])

    return {name: joined(name) for name in second}


class SoundLoss(Protocol):
    """A judge of sounds that can steer: anything differentiable that is 0 where the sound is as wanted."""

    def __call__(self, sound: Tensor, sigma: Tensor) -> Tensor:
        """Losses `[B]`, 0 or more, of the estimated sounds `[B, C, N]` at noise levels `sigma` `[B]`."""


class Steer(NamedTuple):
    """One loss among those that steer a walk.

    Attributes:
        name: for errors.
        loss: what is to become small.
        weight: 1 goes as far at each step as would bring the loss to 0 if it were linear; 0 not at all.
        window: noise levels, low and high, at which it steers.
    """

    name: str
    loss: SoundLoss
    weight: float = 1.0
    window: tuple[float, float] = (0.0, math.inf)


def steered(
    denoiser: Denoiser,
    decode: Callable[[Tensor], Tensor],
    steers: Sequence[Steer],
    *,
    rounds: int = 2,
    reach: float = 0.1,
) -> Denoiser:
    """A denoiser whose estimates are moved to where losses of their sounds are small.

    At each noise level the gradient of every loss is taken at the estimate (not through the network: Bansal
    et al. 2023, arXiv:2302.07121, "backward guidance"), and the estimate goes `weight * loss / |gradient|^2`
    along it (Polyak's step, which needs no scale), at most `reach` times what the estimate leaves open.
    Steps of several losses are added. What does not sound right is mended by the network at the next level.

    Args:
        denoiser: to steer.
        decode: features `[B, F, T]` to sounds `[B, C, N]`; differentiable.
        steers: losses, weights and windows.
        rounds: steps at each noise level.
        reach: longest step, root mean square over features, as a share of sigma / sqrt(1 + sigma^2).

    Raises:
        RequestError: naming the loss and the step of the walk, when a loss is not a finite number.
    """
    passes = 0

    def denoise(x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        nonlocal passes
        passes += 1
        estimate = denoiser(x, sigma, **cond)
        longest = broadcast(reach * sigma / (1 + sigma.square()).sqrt(), estimate)
        for _ in range(rounds):
            moves = torch.zeros_like(estimate)
            for steer in steers:
                low, high = steer.window
                inside = (low <= sigma) & (sigma <= high)
                if inside.any():
                    move = _polyak(estimate, sigma, decode, steer, passes)
                    size = move.square().mean(dim=tuple(range(1, move.ndim)), keepdim=True).sqrt()
                    move = move * (longest / size.clamp(min=1e-12)).clamp(max=1)
                    moves += broadcast(steer.weight * inside, move) * move
            estimate = estimate - moves
        return estimate

    return denoise


def _polyak(
    estimate: Tensor, sigma: Tensor, decode: Callable[[Tensor], Tensor], steer: Steer, step: int
) -> Tensor:
    """The step down the gradient that would bring a linear loss to 0."""
    with torch.inference_mode(False), torch.enable_grad():
        z = estimate.clone().requires_grad_()
        loss = steer.loss(decode(z), sigma.clone())
        if loss.shape != sigma.shape or not torch.isfinite(loss).all():
            raise RequestError(
                f"The guidance '{steer.name}' gave {loss.detach().flatten().tolist()[:4]} at step {step} of "
                "the walk, not one finite number for each sound; correct it or leave it out."
            )
        (gradient,) = torch.autograd.grad(loss.sum(), z)
    if not torch.isfinite(gradient).all():
        raise RequestError(
            f"The guidance '{steer.name}' has no finite gradient at step {step} of the walk; "
            "correct it or leave it out."
        )
    power = gradient.square().sum(dim=tuple(range(1, gradient.ndim)), keepdim=True)
    return broadcast(loss.detach(), gradient) / power.clamp(min=1e-20) * gradient
