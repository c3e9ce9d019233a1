"""A kit as a preset for DecentSampler, a free plug-in and app.

Attributes are those of its developers' guide (https://decentsampler-developers-guide.readthedocs.io).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from wavesmith.export.names import SAMPLES, SampleNames
from wavesmith.export.pieces import Kit, Layer, Piece
from wavesmith.export.xml import xml_text


def dspreset_text(kit: Kit, names: SampleNames) -> str:
    """Write the kit as XML: a group for each layer, so that each has its own round robin."""
    root = Element("DecentSampler", minVersion="1.0.0")
    groups = SubElement(root, "groups", ampVelTrack=f"{kit.dynamics:g}")
    for piece, rows in zip(kit.pieces, names, strict=True):
        for layer, files in zip(piece.layers, rows, strict=True):
            group = SubElement(groups, "group", _settings(piece, layer))
            for turn, file in enumerate(files, 1):
                SubElement(group, "sample", _sample(piece, layer, turn, file))
    return xml_text(root)


def _settings(piece: Piece, layer: Layer) -> dict[str, str]:
    settings = {"name": piece.name, "volume": f"{piece.volume_db:g}dB", "pan": f"{100 * piece.pan:g}"}
    if not piece.loops:  # without an envelope a sample plays to its end, however short the note is
        settings["ampEnvEnabled"] = "false"
    if len(layer.sounds) > 1:
        settings |= {"seqMode": "round_robin", "seqLength": str(len(layer.sounds))}
    if piece.choke:
        tag = f"choke{piece.choke}"
        settings |= {"tags": tag, "silencedByTags": tag, "silencingMode": "fast"}
    return settings


def _sample(piece: Piece, layer: Layer, turn: int, file: str) -> dict[str, str]:
    key, sound = str(piece.key), layer.sounds[turn - 1]
    sample = {"path": f"{SAMPLES}/{file}", "rootNote": key, "loNote": key, "hiNote": key}
    sample |= {"loVel": str(layer.low), "hiVel": str(layer.high)}
    if len(layer.sounds) > 1:
        sample["seqPosition"] = str(turn)
    if piece.loops:
        sample |= {"loopEnabled": "true", "loopStart": "0", "loopEnd": str(sound.frames - 1)}
    return sample
