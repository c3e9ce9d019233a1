"""The interface of embeddings."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Embedding(Protocol):
    """Fixed function from sounds to vectors between which Euclidean distance measures likeness.

    Attributes:
        name: name in `EMBEDDINGS`.
        rate: samples per second of the waves that it takes.
        dimensions: length of its vectors.
    """

    name: str
    rate: int
    dimensions: int

    def __call__(self, waves: Tensor) -> Tensor:
        """Return vectors `[B, D]`, float32, of waves `[B, C, N]` on the CPU.

        A sound's vector depends neither on the rest of its batch nor on gain; channels are averaged.
        """
        ...
