"""Keys of pieces by General MIDI's percussion map, for any number of pieces.

The map (MIDI Manufacturers Association, "General MIDI System Level 1", 1991) names keys 35 to 81. Drum pads
and Ableton's Drum Rack start at 36, and so do kits here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wavesmith.errors import RequestError

OPEN_HAT = 46
_TOMS = (41, 43, 45, 47, 48, 50)
_FAMILIES = {  # patterns of labels, most specific first, and their keys in order of preference
    r"open.*hat|hat.*open": (OPEN_HAT,),
    r"pedal|foot": (44,),
    r"hat|\bhh": (42, 44, OPEN_HAT),
    r"kick|bass ?drum|\bbd": (36, 35),
    r"rim|stick": (37,),
    r"snare|\bsd": (38, 40, 37),
    r"clap|snap": (39,),
    r"\btom": _TOMS,
    r"crash": (49, 57),
    r"ride": (51, 59, 53),
    r"china": (52,),
    r"splash": (55,),
    r"cymbal": (49, 51, 57, 59, 55, 52),
    r"tamb": (54,),
    r"cow": (56,),
    r"vibra": (58,),
    r"bongo": (60, 61),
    r"conga": (62, 63, 64),
    r"timbale": (65, 66),
    r"agogo|bell": (67, 68),
    r"cabasa": (69,),
    r"maraca|shake": (70, 69),
    r"whistle": (71, 72),
    r"guiro": (73, 74),
    r"clave": (75,),
    r"wood|block": (76, 77),
    r"cuica": (78, 79),
    r"triangle": (80, 81),
    r"perc": (*_TOMS, 39, 54, 56, *range(60, 71), *range(73, 82)),
}
_HATS = r"hat|\bhh|pedal"
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def general_midi_keys(counts: Mapping[str, int]) -> dict[str, list[int]]:
    """Assign a key to every piece: numbers of pieces by label to keys by label.

    A label first gets General MIDI's keys for it, beginning with the label with the fewest such keys. Other
    pieces, and labels that General MIDI does not have, get free keys from 36 upwards, then below 36. The same
    counts always give the same keys, and no key is assigned twice.

    Raises:
        RequestError: for a negative count, or more pieces than the 128 keys that MIDI has.
    """
    for label, count in counts.items():
        if count < 0:
            raise RequestError(f"Cannot make {count} pieces of '{label}'; the number must not be negative.")
    if sum(counts.values()) > 128:
        raise RequestError(f"{sum(counts.values())} pieces do not fit on MIDI's 128 keys; ask for fewer.")
    keys: dict[str, list[int]] = {label: [] for label in counts}
    free = dict.fromkeys((*range(36, 128), *range(35, -1, -1)))  # a set that keeps its order
    for label in sorted(counts, key=lambda label: len(_own_keys(label))):
        own = [key for key in _own_keys(label) if key in free][: counts[label]]
        keys[label] += _taken(free, own)
    for label, count in counts.items():
        keys[label] += _taken(free, list(free)[: count - len(keys[label])])
    return keys


def choke_group(label: str) -> int | None:
    """Return the choke group of a label: 1 for hi-hats of every kind, None for others."""
    return 1 if re.search(_HATS, label.lower()) else None


def key_name(key: int) -> str:
    """Return the name of a key, where middle C (60) is C4: 36 is C2."""
    return f"{_NAMES[key % 12]}{key // 12 - 1}"


def _own_keys(label: str) -> tuple[int, ...]:
    """Return General MIDI's keys for a label; none for an unknown one."""
    return next((keys for look, keys in _FAMILIES.items() if re.search(look, label.lower())), ())


def _taken(free: dict[int, None], keys: list[int]) -> Iterator[int]:
    for key in keys:
        del free[key]
        yield key
