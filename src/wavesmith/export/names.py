"""File names that every sampler accepts, made from any names.

Letters, digits, spaces, dashes and underscores of ASCII only, and at most 16 characters before the ending,
the longest name that an MPC2000XL or MPC1000 shows. They begin with the number of the piece in the kit, so
that a folder sorted by name, as samplers and Drum Racks load it, is in the order of the keys.
"""

from __future__ import annotations

import re
import unicodedata

from wavesmith.export.pieces import Kit, Piece

SAMPLES = "samples"
_LONGEST = 16
_LONGEST_KIT = 32
_DEVICES = r"(?i)(con|prn|aux|nul|com\d|lpt\d)"  # not allowed as file names on Windows

SampleNames = list[list[list[str]]]
"""File names by piece, layer and turn."""


def sample_names(kit: Kit) -> SampleNames:
    """Name the file of every sound, such as `03 Snare v2 r1.wav`: third piece, second layer, first turn."""
    digits = max(2, len(str(len(kit.pieces))))
    return [_piece_names(f"{number:0{digits}}", piece) for number, piece in enumerate(kit.pieces, 1)]


def kit_stem(name: str) -> str:
    """Return the name of the kit for file names."""
    stem = _plain(name, _LONGEST_KIT).lstrip("-") or "Kit"
    return f"{stem} kit" if re.fullmatch(_DEVICES, stem) else stem


def _piece_names(number: str, piece: Piece) -> list[list[str]]:
    """Return names with velocity layer and turn, unless there is only one."""
    layers, turns = len(piece.layers), max(len(layer.sounds) for layer in piece.layers)
    marks = [
        [
            _mark("v", layer_number, layers) + _mark("r", turn, turns)
            for turn in range(1, len(layer.sounds) + 1)
        ]
        for layer_number, layer in enumerate(piece.layers, 1)
    ]
    room = _LONGEST - len(number) - 1 - len(marks[0][0])
    word = _plain(piece.name, room) or "Sound"[:room]
    return [[f"{number} {word[:1].upper()}{word[1:]}{mark}.wav" for mark in row] for row in marks]


def _mark(letter: str, number: int, count: int) -> str:
    """Return a mark such as ` v02`, padded so that 10 sorts after 9; empty if there is only one."""
    return f" {letter}{number:0{len(str(count))}}" if count > 1 else ""


def _plain(text: str, longest: int) -> str:
    """Keep the allowed characters, without accents; others become single spaces."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[\w-]+", ascii_only))[:longest].strip()
