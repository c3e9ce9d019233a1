"""Noise that belongs to one sound: the same for a seed and index in any batch, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from wavesmith.errors import RequestError

Index = int | tuple[int, ...]
"""The number of a sound, or of a sound and a part of it."""


def _generator(seed: int, index: Index) -> torch.Generator:
    key = (index,) if isinstance(index, int) else index
    if seed < 0 or min(key) < 0:
        raise RequestError(f"Seed {seed}, sound {index}: neither may be negative; choose a seed from 0 up.")
    mixed = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)


class ItemNoise:
    """Standard normal noise `[B, *shape]`, fresh at each call, item by item.

    Item k draws from a stream of its own that depends on `seed` and `indices[k]` alone. Numbers are drawn on
    the CPU in float32 and then moved, so that every device starts alike.
    """

    def __init__(
        self,
        seed: int,
        indices: Sequence[Index],
        shape: Sequence[int],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Open one stream for each of the sounds `indices` of `seed`; `RequestError` if any is negative."""
        self._generators = [_generator(seed, index) for index in indices]
        self._shape = tuple(shape)
        self._device = device
        self._dtype = dtype

    def __call__(self, like: Tensor | None = None) -> Tensor:
        """The streams' next `[B, *shape]`; `like` is what samplers hand to any noise, and not needed here."""
        drawn = [torch.randn(self._shape, generator=generator) for generator in self._generators]
        return torch.stack(drawn).to(self._device, self._dtype)
