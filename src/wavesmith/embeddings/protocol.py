"""What all embeddings have in common: sounds in, points of a space out, in which like sounds are near."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Embedding(Protocol):
    """A fixed function from sounds to vectors, between which plain Euclidean distance makes sense.

    Attributes:
        name: by which `embedding` finds it, such as `ears`.
        rate: frames per second of the waves it takes.
        dimensions: length of its vectors.
    """

    name: str
    rate: int
    dimensions: int

    def __call__(self, waves: Tensor) -> Tensor:
        """Vectors `[B, D]`, float32, of waves `[B, C, N]` on the CPU.

        An item's vector does not depend on the rest of its batch, on gain or on the number of channels,
        which are averaged.
        """
        ...
