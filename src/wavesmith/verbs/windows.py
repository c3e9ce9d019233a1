"""Sounds longer than a model's own length: windows that overlap, each going on from the one before.

A window is as long as the model's own sounds and is given the finished samples of its overlap with the window
before. It keeps their first half and continues from there; over the second half the two windows are
crossfaded. Only one window is in memory at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Process = Callable[[int, int, Tensor | None], Tensor]
"""(start, stop, known beginning `[C, V]` or None) -> samples `[C, W]` from `start` to `stop`."""

OVERLAP = 0.25
"""Least share of a window that overlaps the one before."""

_RAMP = 0.05  # length of the fade after the kept samples, as a share of these


@dataclass(frozen=True)
class Windows:
    """Division of `length` samples: window k covers `[k * hop, k * hop + window)`, cut at the end."""

    length: int
    window: int
    hop: int

    def __len__(self) -> int:
        return 1 + max(0, math.ceil((self.length - self.window) / self.hop))

    def span(self, number: int) -> tuple[int, int]:
        """Return the first sample of window `number`, and the one after its last."""
        start = number * self.hop
        return start, min(start + self.window, self.length)


def divide(length: int, window: int) -> Windows:
    """Divide `length` samples into evenly spaced windows of `window` samples, none much shorter than others.

    Up to one and a quarter of a window is not divided.
    """
    if length <= window * (1 + OVERLAP):
        return Windows(length, max(length, 1), max(length, 1))
    count = 1 + math.ceil((length - window) / max(1, math.floor(window * (1 - OVERLAP))))
    return Windows(length, window, math.ceil((length - window) / (count - 1)))


def blocks(
    windows: Windows, process: Process, first: int = 0, made: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Process window after window.

    Yields for each the finished samples `[C, hop]` (of the last window, all of them) and the unfinished ones
    that follow, `[C, overlap]`. To resume an earlier run, give the number of the `first` window
    to process and the unfinished samples before it, `made`: the result is that of an unbroken run.
    """
    for number in range(first, len(windows)):
        start, stop = windows.span(number)
        out = process(start, stop, made)
        if made is not None:
            out = _joined(made, out)
        done = out.shape[-1] if number + 1 == len(windows) else windows.hop
        made = out[:, done:].contiguous()  # as it is when read from a file: sums depend on the layout
        yield out[:, :done], made


def _joined(before: Tensor, after: Tensor) -> Tensor:
    """Join the unfinished samples `[C, V]` of one window to the next window `[C, W]`, which overlaps them."""
    shared = min(before.shape[-1], after.shape[-1])
    half = shared - shared // 2
    faded = crossfade(before[:, half:shared], after[:, half:shared])
    return torch.cat([before[:, :half], faded, after[:, shared:]], dim=-1)


def holding(overlap: int, length: int, like: Tensor) -> Tensor:
    """Return the shares `[length]`, 0 to 1, in which a window keeps its first `overlap`, known samples."""
    half = overlap - overlap // 2
    ramp = min(math.ceil(_RAMP * half), overlap - half)
    share = like.new_zeros(length)
    share[:half] = 1
    share[half : half + ramp] = raised_cosine(ramp, like).flip(0)
    return share


def crossfade(before: Tensor, after: Tensor) -> Tensor:
    """Fade from one wave `[C, n]` to another so that the level neither dips nor jumps.

    Gains are raised cosines, divided by the level of their sum for waves of their correlation:
    equal gain for equal waves, equal power for unrelated ones.
    """
    rise = raised_cosine(before.shape[-1], before)
    power = (before.square().sum() * after.square().sum()).sqrt().clamp(min=1e-12)
    alike = ((before * after).sum() / power).clamp(0, 1)
    level = (rise.square() + (1 - rise).square() + 2 * alike * rise * (1 - rise)).sqrt()
    return (before * (1 - rise) + after * rise) / level


def raised_cosine(frames: int, like: Tensor) -> Tensor:
    """Return gains `[frames]` from just above 0 to just below 1, of the type and on the device of `like`."""
    steps = (torch.arange(frames, device=like.device, dtype=like.dtype) + 0.5) / max(frames, 1)
    return 0.5 - 0.5 * torch.cos(math.pi * steps)
