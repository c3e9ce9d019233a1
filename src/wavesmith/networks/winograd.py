"""Convolutions that multiply less, for inference on a CPU.

A convolution of k taps that makes four frames at a time is a product of two polynomials, and k + 3 products
of numbers are enough for it where the direct form takes 4 k: the polynomials are evaluated at k + 3 points,
multiplied there, and the result is interpolated (Toom 1963, Cook 1966; for convolutions Winograd 1980; in
networks Lavin & Gray 2016, arXiv:1509.09308). What is left are k + 3 matrix products over a quarter of the
frames: 2.5 times fewer multiplications for five taps. The sum is the same but for rounding, of which there is
some seven times more (1e-6 of the result's root mean square; the direct form has 2e-7).

Everything here works on one sound `[T, C]`, its channels last, a thousand frames at a time, so that what
is between two matrix products stays in the processor's cache. Norms over the whole sound are part of it for
the same reason: their statistics are gathered as a convolution writes, and applied as the next one reads.
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
"""Frames that are made at a time."""

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where polynomials are evaluated, besides infinity: small powers of two, which lose the fewest digits."""

_MOST_TAPS = len(POINTS) + 2 - OUTPUTS
_BLOCK = 1024  # frames that are worked on together, so that what is between two products stays in the cache
_FEWEST = 256  # frames below which the weights' own transform would cost more than it saves


class Affine(NamedTuple):
    """A norm over a whole sound, its statistics known: `x * scale + shift`, each `[C]`."""

    scale: Tensor
    shift: Tensor


class Moments:
    """Mean and variance over all frames and channels of a sound, gathered block by block in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = self.squares = 0.0

    def add(self, block: Tensor) -> None:
        """Take in the next frames, `[n, C]`, contiguous."""
        flat = block.view(-1)
        self.count += len(flat)
        self.sum += float(flat.sum())
        self.squares += float(flat.dot(flat))

    def affine(self, norm: nn.GroupNorm) -> Affine:
        """What `norm`, of one group, has to do with that sound."""
        mean = self.sum / self.count
        variance = max(self.squares / self.count - mean**2, 0.0)
        scale = norm.weight * (variance + norm.eps) ** -0.5
        return Affine(scale, norm.bias - mean * scale)


class Matrices(NamedTuple):
    """`frames @ ((taps @ weights) * (inputs @ x))` is the convolution of one tile.

    Attributes:
        inputs: `[n, n]`, evaluates n = taps + OUTPUTS - 1 frames of the input.
        taps: `[n, taps]`, evaluates the weights.
        frames: `[OUTPUTS, n]`, interpolates.
    """

    inputs: NDArray[np.float32]
    taps: NDArray[np.float32]
    frames: NDArray[np.float32]


def suits(x: Tensor) -> bool:
    """Whether this way is open: float32 on a CPU, with no gradients to be kept and nobody tracing."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


@cache
def matrices(taps: int) -> Matrices:
    """The three transforms for a convolution of `taps`."""
    size = taps + OUTPUTS - 1
    points = np.array(POINTS[: size - 1])

    def evaluate(coefficients: int) -> NDArray[np.float64]:
        infinity = np.eye(coefficients)[-1:]  # where only the highest power counts
        return np.concatenate([np.vander(points, coefficients, increasing=True), infinity])

    values = np.linalg.inv(evaluate(size)).T, evaluate(taps), evaluate(OUTPUTS).T
    return Matrices(*(np.ascontiguousarray(value, np.float32) for value in values))


def convolve(x: Tensor, conv: nn.Conv1d, before: Affine | None = None) -> tuple[Tensor, Moments]:
    """What `conv` makes of a sound, and the moments of that.

    Args:
        x: `[T, inputs]`, contiguous.
        conv: of odd kernel, with a padding of half of it; no stride, dilation or groups.
        before: a norm to apply first, and GELU after it.

    Returns:
        `[T, outputs]`, contiguous, and its moments.
    """
    moments = Moments()
    if len(x) < _FEWEST or conv.kernel_size[0] > _MOST_TAPS:
        y = _directly(x if before is None else _activated(x, before), conv)
        moments.add(y)
        return y, moments
    (taps,) = conv.kernel_size
    there, through, back = map(torch.from_numpy, matrices(taps))
    weight = (through @ conv.weight.flatten(0, 1).T).view(-1, *conv.weight.shape[:2]).mT
    whole = -(-len(x) // OUTPUTS) * OUTPUTS
    y = x.new_empty(whole, conv.out_channels)
    room = x.new_empty(min(_BLOCK, whole) + taps - 1, conv.in_channels)
    for start in range(0, whole, _BLOCK):
        block = y[start : start + _BLOCK]
        inputs = room[: len(block) + taps - 1]
        _read(x, start - taps // 2, inputs, before)
        _convolve(inputs, weight, there, back, block)
        if conv.bias is not None:
            block += conv.bias
        moments.add(block[: len(x) - start])
    return y[: len(x)], moments


def _read(x: Tensor, start: int, into: Tensor, before: Affine | None) -> None:
    """Frames from `start` on, ready for a convolution: normed if they shall be, silence beyond the ends."""
    first, last = max(start, 0), min(start + len(into), len(x))
    into[: first - start].zero_()
    into[last - start :].zero_()
    frames = into[first - start : last - start]
    if before is None:
        frames.copy_(x[first:last])
    else:
        _activated(x[first:last], before, out=frames)


def _convolve(x: Tensor, weight: Tensor, there: Tensor, back: Tensor, out: Tensor) -> None:
    """One block, `[n * OUTPUTS + taps - 1, inputs]`, with weights `[size, inputs, outputs]`, to `out`."""
    tiles, (size, inputs, outputs) = len(out) // OUTPUTS, weight.shape
    windows = x.as_strided((tiles, size, inputs), (OUTPUTS * inputs, inputs, 1))
    points = torch.bmm(there.expand(tiles, -1, -1), windows)
    products = torch.bmm(points.transpose(0, 1), weight).transpose(0, 1)
    torch.bmm(back.expand(tiles, -1, -1), products, out=out.view(tiles, OUTPUTS, outputs))


def _directly(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """The plain way, as one matrix product; over few frames, most of the work is to read the weights."""
    (taps,) = conv.kernel_size
    windows = F.pad(x, (0, 0, taps // 2, taps // 2)).unfold(0, taps, 1).flatten(1)
    return F.linear(windows, conv.weight.flatten(1), conv.bias)


def activate(x: Tensor, norm: Affine, plus: Tensor | None = None) -> Tensor:
    """Norm and GELU over a sound `[T, C]`, written over it, and `plus` `[T, C]` added."""
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        _activated(block, norm, out=block)
        if plus is not None:
            block += plus[start : start + _BLOCK]
    return x


def _activated(x: Tensor, norm: Affine, out: Tensor | None = None) -> Tensor:
    normed: Tensor = torch.ops.aten.gelu_(torch.addcmul(norm.shift, x, norm.scale, out=out))
    return normed


def each(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of one sound to each of a batch."""
    return function(x[0])[None] if len(x) == 1 else torch.stack([function(item) for item in x])
