"""What every transform promises: an invertible map between a waveform and the space a network works in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import torch
from torch import Tensor, nn

P = ParamSpec("P")


class Transform(nn.Module, ABC):
    """Map waves `[B, C, N]` to features `[B, features, T]` and back.

    `frames(N)` says how long the features of an N-sample wave are; `encode` pads with zeros to the next
    whole frame, and `decode` cuts back to the N it is given. Transforms without learned parts are
    orthonormal up to a fixed scale where their docstring says so, so that white noise stays white.

    Attributes:
        channels: audio channels C that this transform was built for.
        features: feature channels that `encode` returns.
        hop: samples of one channel that one frame stands for.
    """

    channels: int
    features: int
    hop: int

    @abstractmethod
    def encode(self, wave: Tensor) -> Tensor:
        """Wave `[B, C, N]` to features `[B, features, frames(N)]`."""

    @abstractmethod
    def decode(self, z: Tensor, length: int) -> Tensor:
        """Features `[B, features, T]` to a wave `[B, C, length]`."""

    def frames(self, length: int) -> int:
        """Frames that a wave of `length` samples is encoded into."""
        return -(-length // self.hop)

    def fit(self, waves: Tensor) -> None:
        """Set the statistics that the transform needs from training waves `[B, C, N]`."""


def constant(table: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Compute a table on the CPU, then move it to the default device.

    Models are checked on the meta device before they are loaded, and the first arithmetic there would make
    torch import its compiler: more than a second's work.
    """

    @wraps(table)
    def computed(*args: P.args, **options: P.kwargs) -> Tensor:
        device = torch.get_default_device()
        with torch.device("cpu"):
            return table(*args, **options).to(device)

    return computed
