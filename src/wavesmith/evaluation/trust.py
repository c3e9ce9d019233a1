"""Which distances may choose: those that notice randomised phases, by what `validate_distances.py` measured.

A mel spectrogram hardly changes when the phases of a sound are drawn at random, and the ear hears its tones
turn into noise. A distance that does not notice that would choose models by what nobody listens to. So it may
not choose a model, a number of passes or the end of a training; it may be reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict

from wavesmith.errors import RequestError
from wavesmith.evaluation.bootstrap import Estimate

DEFAULT: Final = "measures, KAD"
"""The distance that chooses where nobody asks for another."""

_DECISIVE = ("phases randomised, windows of 512", "phases randomised, windows of 2,048")
_FILE = "validated.json"


class Validated(BaseModel):
    """What one distance made of damage.

    Attributes:
        undamaged: its mean over pairs of undamaged halves of real sounds, and its highest value there.
        damage: by kind, the strength and the value of each step.
    """

    model_config = ConfigDict(frozen=True)

    undamaged: tuple[float, float]
    damage: dict[str, tuple[tuple[str, float], ...]]

    def noticed(self, kind: str) -> str | None:
        """Find the mildest strength from which on all values lie above undamaged ones; None for none."""
        found = None
        for strength, value in reversed(self.damage[kind]):
            if value <= self.undamaged[1]:
                break
            found = strength
        return found


class _Table(BaseModel):
    sounds: int
    distances: dict[str, Validated]


@cache
def validated() -> Mapping[str, Validated]:
    """What every distance made of damage, by its name, such as `ears, KAD`."""
    text = resources.files("wavesmith.evaluation").joinpath(_FILE).read_text(encoding="utf-8")
    return _Table.model_validate_json(text).distances


def may_choose(distance: str) -> bool:
    """Whether a distance notices phases randomised by half and more; no for one that was never validated."""
    found = validated().get(distance)
    return found is not None and all(_clearly(found, kind) for kind in _DECISIVE)


def choose(distances: Mapping[str, Estimate], by: str = DEFAULT) -> str:
    """Choose the candidate nearest to real sounds: a model, a number of passes, a moment of a training.

    Args:
        distances: of each candidate.
        by: the distance that they are of, such as `measures, KAD`.

    Raises:
        RequestError: when there is no candidate, or the distance may not choose.
    """
    if not distances:
        raise RequestError("There is nothing to choose from; give the distance of at least one candidate.")
    check(by)
    return min(distances, key=lambda name: distances[name].value)


def check(distance: str) -> None:
    """Make sure that a distance may choose.

    Raises:
        RequestError: when it may not.
    """
    if not may_choose(distance):
        able = ", ".join(f"'{name}'" for name in validated() if may_choose(name))
        raise RequestError(
            f"The distance '{distance}' does not notice when tones turn into noise, so it may not choose a "
            f"model, a number of passes or the end of a training; use one that does: {able}."
        )


def verdict(distances: Mapping[str, Estimate], by: str = DEFAULT) -> str:
    """Say in a sentence which of two candidates is nearer to real sounds, if that can be told.

    Raises:
        RequestError: as for `choose`.
    """
    nearer = choose(distances, by)
    found = distances[nearer]
    others = [name for name, one in distances.items() if name != nearer and one.low <= found.high]
    if others:
        return f"By the distance '{by}', {nearer} and {' and '.join(others)} cannot be told apart."
    return f"By the distance '{by}', {nearer} is nearest to the real sounds."


def _clearly(found: Validated, kind: str) -> bool:
    """Whether the two strongest steps lie above the highest value of undamaged sounds."""
    return all(value > found.undamaged[1] for _, value in found.damage[kind][-2:])
