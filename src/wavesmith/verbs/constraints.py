"""Constraints on generated waves: parts or bands of a sound that are kept."""

from __future__ import annotations

from torch import Tensor

from wavesmith.families import Constraint


def held(known: Tensor, share: Tensor) -> Constraint:
    """Return the constraint that mixes in `known` `[C, N]` by `share` `[N]`: 1 keeps it, 0 ignores it."""
    return lambda wave: wave + share * (known - wave)


def both(first: Constraint | None, second: Constraint | None) -> Constraint | None:
    """Return the constraint that applies one after the other."""
    if first is None or second is None:
        return first or second
    return lambda wave: second(first(wave))
