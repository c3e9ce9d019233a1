"""DPM-Solver (Lu et al. 2022, arXiv:2206.00927): samplers that lay out their own steps, in log(sigma)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.diffusion.samplers.onestep import dpm2, euler
from wavesmith.diffusion.samplers.walk import Callback, Noise, evaluate
from wavesmith.errors import RequestError

_FIRST = 0.05  # first trial step in log(sigma); this, the safety and the exponent are the paper's
_SAFETY = 0.9
_CHANGE = (0.2, 5.0)  # how much the step may change at once
_MOST = 1000  # no step is shorter than the range over this, so that the walk ends whatever the tolerance


def dpm_adaptive(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
    rtol: float = 0.01,
    atol: float = 0.01,
) -> Tensor:
    """DPM-Solver-23 with adaptive steps (Lu et al. 2022, arXiv:2206.00927, appendix C).

    Of `sigmas` only the first and the last above 0 count; a last 0 adds a final denoising. Every item has its
    own step, governed by its own error, so that it comes out the same in any batch. The callback's step is
    how far the slowest item has come, in units of `1 / steps` of the range in log(sigma).

    Args:
        denoiser: see `Denoiser`.
        x: noise `[B, ...]` of deviation `sigmas[0]`.
        sigmas: descending levels `[steps + 1]`.
        noise: ignored.
        callback: see `Callback`; told once per trial.
        rtol: error allowed in a step relative to the size of x.
        atol: error allowed in a step where x is small.

    Raises:
        RequestError: when a tolerance is not positive.
    """
    if not (rtol > 0 and atol > 0):
        raise RequestError(f"Tolerances must be above 0, not rtol {rtol:g}, atol {atol:g}; 0.01 is usual.")
    steps = len(sigmas) - 1
    levels = [level for level in sigmas.tolist() if level > 0]
    start, end = -math.log(levels[0]), -math.log(levels[-1])
    shortest = max(end - start, _FIRST) / _MOST
    position = torch.full((len(x),), start, dtype=torch.float64)
    size = torch.full_like(position, _FIRST)
    while (active := position < end).any():
        # Items that have arrived are carried along; the step they are tried with is not kept.
        h = torch.where(active, torch.minimum(size, end - position), shortest)
        second, third, denoised = _trial(denoiser, x, position, h)
        if callback is not None:
            done = (position.min().item() - start) / (end - start)
            callback(int(done * steps), steps, x, torch.exp(-position).to(x), denoised)
        error = _error(second, third, x, rtol, atol)
        accepted = active & ((error <= 1) | (h <= shortest))
        x = torch.where(broadcast(accepted, x).bool(), third, x)
        position = torch.where(accepted, torch.where(h < end - position, position + h, end), position)
        size = (h * (_SAFETY * error ** (-1 / 3)).clamp(*_CHANGE)).clamp(min=shortest)
    if sigmas[-1] > 0:
        return x
    return denoiser(x, x.new_full((len(x),), levels[-1]))


def dpm_fast(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """DPM-Solver-fast: as many evaluations as there are steps, in solver steps of order 3 but for the last.

    Lu et al. 2022, section 3.4. Of `sigmas` only the number, the first and the last above 0 count; a last 0
    makes the last evaluation a denoising. The callback is told once per step of the solver.
    """
    count = len(sigmas) - 1
    levels = [level for level in sigmas.tolist() if level > 0]
    orders = _orders(len(levels) - 1)
    logs = torch.linspace(math.log(levels[0]), math.log(levels[-1]), len(orders) + 1, dtype=torch.float64)
    spans, spent = [pair.exp() for pair in torch.stack([logs[:-1], logs[1:]], dim=1)], 0

    def told(step: int, steps: int, x: Tensor, sigma: Tensor, denoised: Tensor) -> None:
        if callback is not None:
            callback(spent, count, x, sigma, denoised)

    for order, span in zip(orders, spans, strict=True):
        if order == 3:
            start = -span.log().expand(len(x), 2)
            _, following, denoised = _trial(denoiser, x, start[:, 0], start[:, 1] - start[:, 0])
            told(0, 1, x, x.new_full((len(x),), float(span[0])), denoised)
            x = following
        else:
            x = (dpm2 if order == 2 else euler)(denoiser, x, span, callback=told)
        spent += order
    if sigmas[-1] > 0:
        return x
    denoised = evaluate(denoiser, x, levels[-1])
    told(0, 1, x, x.new_full((len(x),), levels[-1]), denoised)
    return denoised


def _orders(evaluations: int) -> list[int]:
    """Orders of the solver's steps, which sum to the number of evaluations: 3 as long as possible."""
    threes, rest = divmod(evaluations, 3)
    if rest:
        return [3] * threes + [rest]
    return [3] * (threes - 1) + [2, 1] if threes else []


def _trial(denoiser: Denoiser, x: Tensor, position: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """DPM-Solver-2 and -3 (r1 = 1/3, r2 = 2/3) over `h` `[B]` from `position` `[B]`, and D(x)."""

    def level(share: float) -> Tensor:
        return torch.exp(-(position + share * h))

    def growth(share: float) -> Tensor:
        return level(share) * torch.expm1(share * h)

    def curvature(share: float) -> Tensor:
        return level(share) * (torch.expm1(share * h) / (share * h) - 1)

    def scaled(coefficient: Tensor, value: Tensor) -> Tensor:
        return broadcast(coefficient, value) * value

    def denoise(x: Tensor, share: float) -> tuple[Tensor, Tensor]:
        denoised = denoiser(x, level(share).to(x))
        return denoised, scaled(1 / level(share), x - denoised)

    denoised, eps = denoise(x, 0.0)
    _, eps1 = denoise(x - scaled(growth(1 / 3), eps), 1 / 3)
    euler = x - scaled(growth(1.0), eps)
    second = euler - scaled(growth(1.0), 1.5 * (eps1 - eps))
    middle = x - scaled(growth(2 / 3), eps) - scaled(curvature(2 / 3), 2 * (eps1 - eps))
    _, eps2 = denoise(middle, 2 / 3)
    return second, euler - scaled(curvature(1.0), 1.5 * (eps2 - eps)), denoised


def _error(second: Tensor, third: Tensor, x: Tensor, rtol: float, atol: float) -> Tensor:
    """Each item's error `[B]` in units of what is tolerated, on the CPU in float64."""
    tolerated = (rtol * torch.maximum(second.abs(), x.abs())).clamp(min=atol)
    mean_square = ((second - third) / tolerated).square().flatten(1).mean(1)
    # A network that has gone astray (nan) is not made better by small steps.
    return mean_square.double().cpu().sqrt().nan_to_num(nan=0.0)
