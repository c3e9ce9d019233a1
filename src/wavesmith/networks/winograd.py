"""Convolutions with fewer multiplications, for inference on a CPU (Winograd's algorithm).

A convolution of k taps that makes four frames at a time is a product of two polynomials, and k + 3 products
of numbers are enough for it where the direct form takes 4 k: the polynomials are evaluated at k + 3 points,
multiplied there, and the result is interpolated (Toom 1963, Cook 1966; for convolutions Winograd 1980; in
networks Lavin & Gray 2016, arXiv:1509.09308). There remain k + 3 matrix products over a quarter of the
frames: 2.5 times fewer multiplications for five taps. The sum is the same except for rounding, which is some
seven times larger (1e-6 of the result's root mean square; the direct form has 2e-7).

Everything here works on one item `[T, C]`, channels last, a thousand frames at a time, so that intermediate
results stay in the processor's cache. Norms over the whole item are part of it for the same reason: their
statistics are accumulated as a convolution writes, and applied as the next one reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

OUTPUTS = 4
"""Output frames per tile."""

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Points at which polynomials are evaluated, besides infinity: small powers of two, for least rounding."""

_MAX_TAPS = len(POINTS) + 2 - OUTPUTS
_BLOCK = 1024  # frames per block, so that intermediate results stay in the cache
_MIN_FRAMES = 256  # for fewer frames the transform of the weights would cost more than it saves


class Affine(NamedTuple):
    """Norm over a whole item with known statistics: `x * scale + shift`, each `[C]`."""

    scale: Tensor
    shift: Tensor


class Moments:
    """Mean and variance over all frames and channels of an item, accumulated block by block in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = self.squares = 0.0

    def add(self, block: Tensor) -> None:
        """Accumulate the next frames, `[n, C]`, contiguous."""
        flat = block.view(-1)
        self.count += len(flat)
        self.sum += float(flat.sum())
        self.squares += float(flat.dot(flat))

    def affine(self, norm: nn.GroupNorm) -> Affine:
        """Return `norm`, a group norm of one group, for an item with these statistics."""
        mean = self.sum / self.count
        variance = max(self.squares / self.count - mean**2, 0.0)
        scale = norm.weight * (variance + norm.eps) ** -0.5
        return Affine(scale, norm.bias - mean * scale)


class Matrices(NamedTuple):
    """Matrices such that `frames @ ((taps @ weights) * (inputs @ x))` is the convolution of one tile.

    Attributes:
        inputs: `[n, n]`, evaluates n = taps + OUTPUTS - 1 frames of the input.
        taps: `[n, taps]`, evaluates the weights.
        frames: `[OUTPUTS, n]`, interpolates.
    """

    inputs: NDArray[np.float32]
    taps: NDArray[np.float32]
    frames: NDArray[np.float32]


def is_supported(x: Tensor) -> bool:
    """Return whether `convolve` can be used: float32 on a CPU, without gradients, autocast or compilation."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


@cache
def matrices(taps: int) -> Matrices:
    """Return the three transforms for a convolution of `taps`."""
    size = taps + OUTPUTS - 1
    points = np.array(POINTS[: size - 1])

    def evaluate(coefficients: int) -> NDArray[np.float64]:
        infinity = np.eye(coefficients)[-1:]  # where only the highest power counts
        return np.concatenate([np.vander(points, coefficients, increasing=True), infinity])

    values = np.linalg.inv(evaluate(size)).T, evaluate(taps), evaluate(OUTPUTS).T
    return Matrices(*(np.ascontiguousarray(value, np.float32) for value in values))


def convolve(x: Tensor, conv: nn.Conv1d, before: Affine | None = None) -> tuple[Tensor, Moments]:
    """Apply `conv` to an item and measure the moments of the result.

    Args:
        x: `[T, inputs]`, contiguous.
        conv: of odd kernel, with a padding of half of it; no stride, dilation or groups.
        before: norm that is applied to `x` first, followed by GELU.

    Returns:
        `[T, outputs]`, contiguous, and its moments.
    """
    moments = Moments()
    if len(x) < _MIN_FRAMES or conv.kernel_size[0] > _MAX_TAPS:
        y = _convolve_directly(x if before is None else _activated(x, before), conv)
        moments.add(y)
        return y, moments
    (taps,) = conv.kernel_size
    to_points, taps_to_points, to_frames = map(torch.from_numpy, matrices(taps))
    weight = (taps_to_points @ conv.weight.flatten(0, 1).T).view(-1, *conv.weight.shape[:2]).mT
    whole = -(-len(x) // OUTPUTS) * OUTPUTS
    y = x.new_empty(whole, conv.out_channels)
    buffer = x.new_empty(min(_BLOCK, whole) + taps - 1, conv.in_channels)
    for start in range(0, whole, _BLOCK):
        block = y[start : start + _BLOCK]
        inputs = buffer[: len(block) + taps - 1]
        _read(x, start - taps // 2, inputs, before)
        _convolve_block(inputs, weight, to_points, to_frames, block)
        if conv.bias is not None:
            block += conv.bias
        moments.add(block[: len(x) - start])
    return y[: len(x)], moments


def _read(x: Tensor, start: int, into: Tensor, before: Affine | None) -> None:
    """Copy frames from `start` on, normed and activated if `before` is given, with zeros beyond the ends."""
    first, last = max(start, 0), min(start + len(into), len(x))
    into[: first - start].zero_()
    into[last - start :].zero_()
    frames = into[first - start : last - start]
    if before is None:
        frames.copy_(x[first:last])
    else:
        _activated(x[first:last], before, out=frames)


def _convolve_block(x: Tensor, weight: Tensor, to_points: Tensor, to_frames: Tensor, out: Tensor) -> None:
    """Convolve a block `[n * OUTPUTS + taps - 1, inputs]` with weights `[size, inputs, outputs]` to `out`."""
    tiles, (size, inputs, outputs) = len(out) // OUTPUTS, weight.shape
    windows = x.as_strided((tiles, size, inputs), (OUTPUTS * inputs, inputs, 1))
    points = torch.bmm(to_points.expand(tiles, -1, -1), windows)
    products = torch.bmm(points.transpose(0, 1), weight).transpose(0, 1)
    torch.bmm(to_frames.expand(tiles, -1, -1), products, out=out.view(tiles, OUTPUTS, outputs))


def _convolve_directly(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolve by one matrix product; over few frames, most of the work is to read the weights."""
    (taps,) = conv.kernel_size
    windows = F.pad(x, (0, 0, taps // 2, taps // 2)).unfold(0, taps, 1).flatten(1)
    return F.linear(windows, conv.weight.flatten(1), conv.bias)


def activate(x: Tensor, norm: Affine, residual: Tensor | None = None) -> Tensor:
    """Apply norm and GELU to an item `[T, C]` in place, and add `residual` `[T, C]`."""
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        _activated(block, norm, out=block)
        if residual is not None:
            block += residual[start : start + _BLOCK]
    return x


def _activated(x: Tensor, norm: Affine, out: Tensor | None = None) -> Tensor:
    normed: Tensor = torch.ops.aten.gelu_(torch.addcmul(norm.shift, x, norm.scale, out=out))
    return normed


def map_items(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of one item to every item of a batch."""
    return function(x[0])[None] if len(x) == 1 else torch.stack([function(item) for item in x])
