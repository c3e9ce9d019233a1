"""The denoiser: all that samplers and guidance know about a model.

Everywhere in wavesmith a noisy sound is `x = x0 + sigma * eps` with `eps` standard normal (the
"variance-exploding" coordinates of Karras et al. 2022, arXiv:2206.00364), whatever the network inside was
trained to predict.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Denoiser(Protocol):
    """Estimator of the clean sound: `E[x0 | x = x0 + sigma * eps]`.

    Samplers pass no conditions (`label=...`); bind them beforehand with `functools.partial`.
    """

    def __call__(self, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """Return the denoised `[B, ...]` of noisy `x` `[B, ...]` at noise levels `sigma` `[B]`."""


def broadcast(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per item, `[B]`, with shape `[B, 1, ...]` and the type of `like` `[B, ...]`."""
    return values.to(like).reshape(-1, *(1,) * (like.ndim - 1))
