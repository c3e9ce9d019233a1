"""Noise that belongs to one sound: the same for a seed and index in any batch, on any device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from wavesmith.errors import RequestError

Index = int | tuple[int, ...]
"""The number of a sound, or of a sound and a part of it."""

Draw = Callable[..., Tensor]
"""Returns fresh noise of one shape at each call; arguments, such as a tensor like it, are ignored."""


class ItemNoise:
    """A seeded source of random numbers with a stream of its own for each item.

    Item k draws from a stream that depends on `seed` and `indices[k]` alone. Numbers are drawn on the CPU in
    float32 and then moved, so that every device starts alike.
    """

    def __init__(self, seed: int, indices: Sequence[Index], device: torch.device | str = "cpu") -> None:
        """Open one stream for each of the sounds `indices` of `seed`; RequestError if any is negative."""
        self.generators = [_generator(seed, index) for index in indices]
        self.device = device

    def __len__(self) -> int:
        return len(self.generators)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Return the streams' next standard normal numbers `[B, *shape]`."""
        drawn = [torch.randn(tuple(shape), generator=generator) for generator in self.generators]
        return torch.stack(drawn).to(self.device)

    def shaped(self, shape: Sequence[int]) -> Draw:
        """Return a function that draws `[B, *shape]` at each call, as samplers expect."""
        return lambda *like: self.normal(shape)


def _generator(seed: int, index: Index) -> torch.Generator:
    key = (index,) if isinstance(index, int) else index
    if seed < 0 or min(key) < 0:
        raise RequestError(f"Seed {seed}, sound {index}: neither may be negative; choose a seed from 0 up.")
    mixed = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)
