"""Kits for samplers, made of existing sounds, without a model.

`write_kit` writes a kit for several programs at once, `render` plays an SFZ file, and `write_midi` and
`read_midi` exchange the notes.
"""

from wavesmith.export.bar import bar
from wavesmith.export.keys import OPEN_HAT, choke_group, general_midi_keys, key_name
from wavesmith.export.midi import Hit, read_midi, write_midi
from wavesmith.export.pieces import Kit, Layer, Piece, even_layers
from wavesmith.export.render import Instrument, Region, read_sfz, render
from wavesmith.export.write import FORMATS, check_place, write_kit

__all__ = [
    "FORMATS",
    "OPEN_HAT",
    "Hit",
    "Instrument",
    "Kit",
    "Layer",
    "Piece",
    "Region",
    "bar",
    "check_place",
    "choke_group",
    "even_layers",
    "general_midi_keys",
    "key_name",
    "read_midi",
    "read_sfz",
    "render",
    "write_kit",
    "write_midi",
]
