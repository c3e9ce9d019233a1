"""Sounds longer than a model's own length: windows that overlap, each going on from the one before.

A window is as long as the model's own sounds and is told what has already been made of its first part, so
that it goes on from there; over that part the two are crossfaded. Only the window at hand is in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Process = Callable[[int, int, Tensor | None], Tensor]
"""(first sample, the one after the last, what is made of the beginning `[C, V]` or None) -> `[C, W]`."""

OVERLAP = 0.25
"""Share of a window that it has in common with the one before."""


@dataclass(frozen=True)
class Windows:
    """How `length` samples are divided: window k covers `[k * hop, k * hop + window)`, the last is cut."""

    length: int
    window: int
    hop: int

    @property
    def overlap(self) -> int:
        """Samples that neighbours share."""
        return self.window - self.hop

    def __len__(self) -> int:
        return 1 + max(0, math.ceil((self.length - self.window) / self.hop))

    def span(self, number: int) -> tuple[int, int]:
        """First sample of window `number`, and the one after its last."""
        start = number * self.hop
        return start, min(start + self.window, self.length)


def divide(length: int, window: int, grain: int = 1) -> Windows:
    """Windows of (about) `window` samples over `length`; their hop is a multiple of `grain`.

    What fits into one and a quarter of a window is not divided.
    """
    if length <= window * (1 + OVERLAP):
        return Windows(length, max(length, 1), max(length, 1))
    hop = max(grain, round(window * (1 - OVERLAP)) // grain * grain)
    return Windows(length, max(window, round(hop / (1 - OVERLAP))), hop)


def blocks(
    windows: Windows, process: Process, first: int = 0, made: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Process window after window.

    Yields for each the finished samples `[C, hop]` (of the last window, all of them) and the unfinished ones
    that follow, `[C, overlap]`. To go on where an earlier run stopped, give the number of the `first` window
    to process and the unfinished samples before it, `made`: what follows is what an unbroken run makes.
    """
    for number in range(first, len(windows)):
        start, stop = windows.span(number)
        out = process(start, stop, made)
        if made is not None:
            shared = min(made.shape[-1], out.shape[-1])
            out = torch.cat([crossfade(made[:, :shared], out[:, :shared]), out[:, shared:]], dim=-1)
        done = out.shape[-1] if number + 1 == len(windows) else windows.hop
        made = out[:, done:].contiguous()  # as it is when read from a file: sums depend on the layout
        yield out[:, :done], made


def crossfade(before: Tensor, after: Tensor) -> Tensor:
    """Fade from one wave `[C, n]` to another so that the level neither dips nor jumps.

    Gains are raised cosines, divided by the level of their sum for waves that are as alike as these two are:
    equal gain for equal waves, equal power for unrelated ones.
    """
    rise = raised_cosine(before.shape[-1], before)
    power = (before.square().sum() * after.square().sum()).sqrt().clamp(min=1e-12)
    alike = ((before * after).sum() / power).clamp(0, 1)
    level = (rise.square() + (1 - rise).square() + 2 * alike * rise * (1 - rise)).sqrt()
    return (before * (1 - rise) + after * rise) / level


def raised_cosine(frames: int, like: Tensor) -> Tensor:
    """Gains `[frames]` from just above 0 to just below 1, of the type and on the device of `like`."""
    steps = (torch.arange(frames, device=like.device, dtype=like.dtype) + 0.5) / max(frames, 1)
    return 0.5 - 0.5 * torch.cos(math.pi * steps)
