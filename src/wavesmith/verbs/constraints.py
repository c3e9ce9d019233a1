"""Constraints on what a model makes: parts of a sound, or bands of it, that are given."""

from __future__ import annotations

from torch import Tensor

from wavesmith.families import Constraint


def held(known: Tensor, share: Tensor) -> Constraint:
    """Keep `known` `[C, N]` where `share` `[N]` is 1, nothing of it where it is 0; between, a mix."""
    return lambda wave: wave + share * (known - wave)


def both(first: Constraint | None, second: Constraint | None) -> Constraint | None:
    """Return the constraint that applies one after the other."""
    if first is None or second is None:
        return first or second
    return lambda wave: second(first(wave))
