"""What a denoiser is: the one thing that samplers, guidance and verbs know about a model.

Everywhere in wavesmith a noisy sound is `x = x0 + sigma * eps` with `eps` standard normal (the
"variance-exploding" coordinates of Karras et al. 2022, arXiv:2206.00364), whatever the network inside was
trained to predict.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Denoiser(Protocol):
    """Estimate the clean sound: `E[x0 | x = x0 + sigma * eps]`.

    A function that needs conditions (`label=...`) becomes one that does not by `functools.partial`, which is
    how samplers, who know of no conditions, are given it.
    """

    def __call__(self, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """Noisy `x` `[B, ...]` at noise levels `sigma` `[B]` to denoised `[B, ...]`."""


def broadcast(values: Tensor, like: Tensor) -> Tensor:
    """One value per item, `[B]`, shaped `[B, 1, ...]` and typed so that it multiplies `like` `[B, ...]`."""
    return values.to(like).reshape(-1, *(1,) * (like.ndim - 1))
