"""A kit as plain values: pieces on keys, velocity layers, sounds in round robin."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from wavesmith.errors import RequestError
from wavesmith.sound import Sound

_UNWRITABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Characters that XML or a line of text cannot have: control characters, line ends, unpaired surrogates."""


@dataclass(frozen=True, eq=False)
class Layer:
    """The sounds of a range of velocities.

    Attributes:
        low: the lowest velocity, from 1.
        high: the highest velocity, up to 127.
        sounds: played in turn, first to last and again (round robin).

    Raises:
        RequestError: for an impossible range, no sounds, an empty sound, or one of more than two channels.
    """

    low: int
    high: int
    sounds: tuple[Sound, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high <= 127:
            raise RequestError(f"Velocities go from 1 to 127, not from {self.low} to {self.high}.")
        if not self.sounds or not all(sound.frames for sound in self.sounds):
            raise RequestError("A layer of a kit needs at least one sound, and none may be empty.")
        if any(sound.channels > 2 for sound in self.sounds):
            raise RequestError("Samplers play mono and stereo only; turn the sounds into stereo first.")


@dataclass(frozen=True, eq=False)
class Piece:
    """One instrument of a kit, on one key.

    Attributes:
        name: such as `kick`; other pieces may have the same name.
        key: the MIDI key that plays it, 0 to 127.
        layers: softest first; together they cover velocities 1 to 127.
        choke: pieces of one choke group (a number from 1) cut each other off, as open and closed hi-hats do.
        volume_db: change of the sounds' level in dB, -60 to 12.
        pan: from -1 (left) to 1 (right).
        loops: whether the sounds repeat while the key is held; otherwise each plays to its end.

    Raises:
        RequestError: for a name without a visible character, an impossible key, level, position or group,
            and for layers with gaps or overlaps.
    """

    name: str
    key: int
    layers: tuple[Layer, ...]
    choke: int | None = None
    volume_db: float = 0.0
    pan: float = 0.0
    loops: bool = False

    def __post_init__(self) -> None:
        _check_text("A piece's name", self.name)
        if not 0 <= self.key <= 127:
            raise RequestError(f"'{self.name}' cannot lie on key {self.key}; MIDI keys go from 0 to 127.")
        if not -60 <= self.volume_db <= 12 or not -1 <= self.pan <= 1:
            raise RequestError(f"'{self.name}' needs a volume of -60 to 12 dB and a pan of -1 to 1.")
        if self.choke is not None and self.choke < 1:
            raise RequestError(f"'{self.name}' is in choke group {self.choke}; groups count from 1.")
        ends = [0, *(layer.high for layer in self.layers)]
        starts = [*(layer.low for layer in self.layers), 128]
        if any(start != end + 1 for start, end in zip(starts, ends, strict=True)):
            raise RequestError(f"The layers of '{self.name}' must cover velocities 1 to 127, each one once.")


@dataclass(frozen=True, eq=False)
class Kit:
    """Pieces that are played together, with author, licence and credits.

    Attributes:
        name: also used in file names.
        pieces: in any order; kept sorted by key.
        author: of the kit.
        licence: of the kit.
        credits: sources of its sounds or models, any number of lines.
        dynamics: effect of velocity on level: 0 none, 1 down to silence.
        about: further JSON values for `kit.json`, such as the settings of its generation.

    Raises:
        RequestError: for text that is not visible characters, no pieces, two on one key, or other dynamics.
    """

    name: str
    pieces: tuple[Piece, ...]
    author: str = ""
    licence: str = ""
    credits: str = ""
    dynamics: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text("A kit's name", self.name)
        for line in (self.author, self.licence, *self.credits.splitlines()):
            if _UNWRITABLE.search(line.replace("\t", " ")):
                raise RequestError(
                    f"The kit '{self.name}' cannot keep {line!r}; use visible characters only."
                )
        if not self.pieces:
            raise RequestError(f"The kit '{self.name}' has no pieces; give at least one.")
        if not 0 <= self.dynamics <= 1:
            raise RequestError(f"A kit's dynamics go from 0 to 1, not {self.dynamics}.")
        object.__setattr__(self, "pieces", tuple(sorted(self.pieces, key=lambda piece: piece.key)))
        for one, other in pairwise(self.pieces):
            if one.key == other.key:
                raise RequestError(f"'{one.name}' and '{other.name}' lie on one key, {one.key}; move one.")

    @property
    def sounds(self) -> int:
        """Number of sounds, and so of files."""
        return sum(len(layer.sounds) for piece in self.pieces for layer in piece.layers)


def even_layers(rows: Sequence[Sequence[Sound]]) -> tuple[Layer, ...]:
    """Divide velocities evenly over rows of sounds in round robin, the softest row first.

    Raises:
        RequestError: when there are no rows, more than 127, or a row is empty.
    """
    if not 1 <= len(rows) <= 127:
        raise RequestError(f"A piece has 1 to 127 layers, not {len(rows)}.")
    edges = [math.floor(127 * k / len(rows)) for k in range(len(rows) + 1)]
    ranges = zip(pairwise(edges), rows, strict=True)
    return tuple(Layer(low + 1, high, tuple(row)) for (low, high), row in ranges)


def _check_text(kind: str, text: str) -> None:
    """Raise RequestError for a name that XML or one line of text cannot have."""
    if not text.strip() or _UNWRITABLE.search(text):
        raise RequestError(f"{kind} must be visible characters on one line, not {text!r}.")
