"""Capabilities of families beyond `generate`: protocols that verbs need.

Waves are `[C, N]` (one sound) or `[B, C, N]`. `sampling` is an instance of the settings type that the family
names for the operation in `OPERATIONS`. `noise` is the only source of randomness; one wave is made for each
of its items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from wavesmith.families.condition import Condition
from wavesmith.noise import ItemNoise

Constraint = Callable[[Tensor], Tensor]
"""Maps waves `[B, C, N]` to the nearest waves that obey the constraint."""


@runtime_checkable
class Edits(Protocol):
    """Starts from a given sound: vary, restyle, inpaint, extend, loop, upscale."""

    def edit(
        self,
        wave: Tensor,
        amount: float,
        condition: Condition,
        sampling: Any,
        noise: ItemNoise,
        keep: Constraint | None = None,
    ) -> Tensor:
        """Return waves `[B, C, N]` that differ from a wave `[C, N]` by an amount.

        `amount` runs from 0 (hardly changed) to 1 (nothing of the wave is left); `keep` is obeyed throughout.
        """


@runtime_checkable
class Inverts(Protocol):
    """Finds the latents that generate given sounds: `vary --method inversion`, morph."""

    def resample(
        self,
        wave: Tensor,
        amount: float,
        condition: Condition,
        sampling: Any,
        noise: ItemNoise,
        keep: Constraint | None = None,
    ) -> Tensor:
        """Return waves `[B, C, N]` from the latents of a wave `[C, N]` mixed with fresh ones by an amount."""

    def morph(self, waves: Tensor, sampling: Any, noise: ItemNoise) -> Morph:
        """Invert sources `[S, C, N]`, one for each item of `noise`, for the waves between them."""


class Morph(Protocol):
    """The waves between inverted sources."""

    def __call__(self, weights: Sequence[float]) -> Tensor:
        """Return the wave `[C, N]` with these shares (summing to 1) of two or four sources.

        Four sources are the corners of a square, row by row. A share of 1 gives that source.
        """


@runtime_checkable
class Denoises(Protocol):
    """Takes noise off recordings: clean."""

    def noise_profile(self, waves: Iterable[Tensor]) -> Tensor:
        """Measure the noise of a recording from parts `[C, N]` of it; a tensor that scales with its level."""

    def denoise(
        self, wave: Tensor, profile: Tensor, condition: Condition, sampling: Any, noise: ItemNoise
    ) -> Tensor:
        """Return a wave `[C, N]` without noise of that profile."""


@runtime_checkable
class Continues(Protocol):
    """Goes on where a sound ends: extend, long generation."""

    def continue_(
        self, wave: Tensor, length: int, condition: Condition, sampling: Any, noise: ItemNoise
    ) -> Tensor:
        """Return waves `[B, C, length]` that follow a wave `[C, N]`."""


@runtime_checkable
class Codes(Protocol):
    """Encodes waves into latents or tokens and decodes them: codecs, spaces for latent diffusion.

    Attributes:
        features: channels F of the codes.
        hop: samples that one frame of a code stands for.
    """

    features: int
    hop: int

    def encode(self, waves: Tensor) -> Tensor:
        """Return codes `[B, F, T]` of waves `[B, C, N]`."""

    def decode(self, codes: Tensor, length: int) -> Tensor:
        """Return waves `[B, C, length]` of codes `[B, F, T]`."""


@runtime_checkable
class Steers(Protocol):
    """Follows the gradient of losses: accepts `Condition.guides` in every operation."""

    STEERED_STEPS: int


@runtime_checkable
class Scores(Protocol):
    """Measures how well it reconstructs a sound: the membership test of the memorisation report."""

    def error_levels(self, waves: Iterable[Tensor]) -> Tensor:
        """Return the noise levels `[K]` at which errors are measured, relative to the waves' own level."""

    def errors(self, wave: Tensor, label: Tensor, levels: Tensor, seed: int, index: int) -> Tensor:
        """Return reconstruction errors `[K]` in dB of a wave `[C, N]` with label weights `[L]`."""
