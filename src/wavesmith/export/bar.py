"""A demonstration bar with every piece of a kit."""

from __future__ import annotations

from collections import defaultdict

from wavesmith.errors import RequestError
from wavesmith.export.keys import choke_group
from wavesmith.export.midi import Hit
from wavesmith.export.pieces import Kit

_STEPS = 16
_KICK, _SNARE, _HAT = (0, 6, 8, 10), (4, 12, 15), (0, 2, 4, 6, 8, 10, 12, 14)
_ACCENTS = {0: 120, 4: 110, 8: 115, 12: 110}  # velocity by step


def bar(kit: Kit, *, bpm: float = 110.0, bars: int = 1) -> list[Hit]:
    """Return the hits of some bars of four beats: kicks, snares, hats, and the rest in between.

    Pieces of a kind alternate, so that enough bars have every piece.

    Raises:
        RequestError: for a tempo outside 4 to 1000, or less than one bar.
    """
    if not 4 <= bpm <= 1000 or bars < 1:
        raise RequestError(f"Cannot play {bars} bars at {bpm} BPM; use 1 or more, at 4 to 1000 BPM.")
    pieces = defaultdict[str, list[int]](list)
    for piece in kit.pieces:
        pieces[_kind(piece.name)].append(piece.key)
    steps = {"kick": _KICK, "snare": _SNARE, "hat": _HAT, "rest": (3, 7, 11, 13)}
    length, hits = 60 / bpm / 4, []
    for kind, keys in pieces.items():
        times = [_STEPS * number + step for number in range(bars) for step in steps[kind]]
        for turn, time in enumerate(times):
            velocity = _ACCENTS.get(time % _STEPS, 80)
            hits.append(Hit(time * length, keys[turn % len(keys)], velocity, length))
    return sorted(hits)


def _kind(name: str) -> str:
    """Return the part that a piece plays."""
    if choke_group(name):
        return "hat"
    return next((kind for kind in ("kick", "snare") if kind in name.lower()), "rest")
