"""DPM-Solver (Lu et al. 2022, arXiv:2206.00927): samplers with their own steps in `t = -log(sigma)`."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from wavesmith.diffusion.denoiser import Denoiser, broadcast
from wavesmith.diffusion.samplers.onestep import dpm2, euler
from wavesmith.diffusion.samplers.steps import Callback, Noise, Step, denoise, report, sampler
from wavesmith.errors import RequestError

_H_INIT = 0.05  # first trial step; this, the safety factor and the exponent are the paper's
_SAFETY = 0.9
_CHANGE = (0.2, 5.0)  # factors by which a step may become shorter or longer at once
_MAX_STEPS = 1000  # no step is shorter than the range over this, so that the loop ends at any tolerance


@sampler("dpm_fast", evaluations=1, stochastic=False)
def dpm_fast(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample by DPM-Solver-fast: one evaluation per step, in solver steps of order 3 except for the last.

    Lu et al. 2022, section 3.4. Of `sigmas` only the number, the first and the last above 0 count; a last 0
    makes the last evaluation a denoising. The callback is called once per step of the solver.
    """
    count, spent = len(sigmas) - 1, 0
    levels = [level for level in sigmas.tolist() if level > 0]
    orders = _orders(len(levels) - 1)
    logs = torch.linspace(math.log(levels[0]), math.log(levels[-1]), len(orders) + 1, dtype=torch.float64)

    def solver_step(step: int, steps: int, x: Tensor, sigma: Tensor, denoised: Tensor) -> None:
        if callback is not None:
            callback(spent, count, x, sigma, denoised)

    for order, ends in zip(orders, map(torch.stack, pairwise(logs.exp())), strict=True):
        if order == 3:
            t, t_next = -ends.log().expand(len(x), 2).T
            _, x_next, denoised = _dpm_solver_23(denoiser, x, t, t_next - t)
            solver_step(0, 1, x, x.new_full((len(x),), float(ends[0])), denoised)
            x = x_next
        else:
            solver = dpm2 if order == 2 else euler
            x = solver(denoiser, x, ends, callback=solver_step)
        spent += order
    if sigmas[-1] > 0:
        return x
    denoised = denoise(denoiser, x, levels[-1])
    report(callback, Step(spent, count), x, levels[-1], denoised)
    return denoised


def _orders(evaluations: int) -> list[int]:
    """Return orders of the solver's steps that sum to the number of evaluations: 3 as long as possible."""
    threes, rest = divmod(evaluations, 3)
    if rest:
        return [3] * threes + [rest]
    return [3] * (threes - 1) + [2, 1] if threes else []


@sampler("dpm_adaptive", evaluations=3, stochastic=False)  # in each trial step; it chooses their number
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
    """Sample by DPM-Solver-23 with adaptive steps (Lu et al. 2022, arXiv:2206.00927, appendix C).

    Of `sigmas` only the first and the last above 0 count; a last 0 adds a final denoising. Every item has its
    own step, governed by its own error, so that it comes out the same in any batch.

    Args:
        denoiser: see `Denoiser`.
        x: noise `[B, ...]` of deviation `sigmas[0]`.
        sigmas: descending noise levels `[steps + 1]`.
        noise: ignored.
        callback: see `Callback`; called once per trial step. Its step number is the progress of the slowest
            item in units of `1 / steps` of the range in log(sigma).
        rtol: error allowed in a step relative to the size of x.
        atol: error allowed in a step where x is small.

    Raises:
        RequestError: when a tolerance is not positive.
    """
    if not (rtol > 0 and atol > 0):
        raise RequestError(f"Tolerances must be above 0, not rtol {rtol:g}, atol {atol:g}; 0.01 is usual.")
    steps = len(sigmas) - 1
    levels = [level for level in sigmas.tolist() if level > 0]
    t_start, t_end = -math.log(levels[0]), -math.log(levels[-1])
    h_min = max(t_end - t_start, _H_INIT) / _MAX_STEPS
    t = torch.full((len(x),), t_start, dtype=torch.float64)
    h_next = torch.full_like(t, _H_INIT)
    while (active := t < t_end).any():
        # Items that have arrived are carried along; the step that is tried for them is not kept.
        h = torch.where(active, torch.minimum(h_next, t_end - t), h_min)
        x_low, x_high, denoised = _dpm_solver_23(denoiser, x, t, h)
        if callback is not None:
            done = (t.min().item() - t_start) / (t_end - t_start)
            callback(int(done * steps), steps, x, torch.exp(-t).to(x), denoised)
        error = _error(x_low, x_high, x, rtol, atol)
        accepted = active & ((error <= 1) | (h <= h_min))
        x = torch.where(broadcast(accepted, x).bool(), x_high, x)
        t = torch.where(accepted, torch.where(h < t_end - t, t + h, t_end), t)
        h_next = (h * (_SAFETY * error ** (-1 / 3)).clamp(*_CHANGE)).clamp(min=h_min)
    return x if sigmas[-1] > 0 else denoise(denoiser, x, levels[-1])


def _dpm_solver_23(denoiser: Denoiser, x: Tensor, t: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Step by `h` `[B]` from `t` `[B]`; return `x_low`, `x_high` and the denoised `x`.

    These are DPM-Solver-2 and DPM-Solver-3 with r1 = 1/3, r2 = 2/3, which share their evaluations.
    """
    r1, r2 = 1 / 3, 2 / 3

    def sigma(r: float) -> Tensor:
        return torch.exp(-(t + r * h))

    def phi_1(r: float) -> Tensor:
        return sigma(r) * torch.expm1(r * h)

    def phi_2(r: float) -> Tensor:
        return sigma(r) * (torch.expm1(r * h) / (r * h) - 1)

    def times(coefficient: Tensor, value: Tensor) -> Tensor:
        return broadcast(coefficient, value) * value

    def eps_at(x: Tensor, r: float) -> tuple[Tensor, Tensor]:
        denoised = denoiser(x, sigma(r).to(x))
        return times(1 / sigma(r), x - denoised), denoised

    eps, denoised = eps_at(x, 0.0)
    u1 = x - times(phi_1(r1), eps)
    eps_r1, _ = eps_at(u1, r1)
    u2 = x - times(phi_1(r2), eps) - times(phi_2(r2), r2 / r1 * (eps_r1 - eps))
    eps_r2, _ = eps_at(u2, r2)
    x_1 = x - times(phi_1(1.0), eps)
    x_low = x_1 - times(phi_1(1.0), 1 / (2 * r1) * (eps_r1 - eps))
    x_high = x_1 - times(phi_2(1.0), 1 / r2 * (eps_r2 - eps))
    return x_low, x_high, denoised


def _error(x_low: Tensor, x_high: Tensor, x: Tensor, rtol: float, atol: float) -> Tensor:
    """Return each item's error `[B]` in units of the tolerance, on the CPU in float64."""
    tolerance = (rtol * torch.maximum(x_low.abs(), x.abs())).clamp(min=atol)
    mean_square = ((x_low - x_high) / tolerance).square().flatten(1).mean(1)
    # Small steps do not help a network that returns nan.
    return mean_square.double().cpu().sqrt().nan_to_num(nan=0.0)
