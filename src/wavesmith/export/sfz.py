"""A kit as an SFZ instrument: plain text that many samplers read (https://sfzformat.com)."""

from __future__ import annotations

from wavesmith.export.names import SAMPLES, SampleNames
from wavesmith.export.pieces import Kit, Layer, Piece


def sfz_text(kit: Kit, names: SampleNames) -> str:
    """Write the kit as SFZ: a group for each piece, a region for each sound."""
    lines = [
        *(_comment(line) for line in (kit.name, *kit.credits.splitlines()) if line.strip()),
        "<global>",
        f"amp_veltrack={100 * kit.dynamics:g}",
    ]
    for piece, rows in zip(kit.pieces, names, strict=True):
        lines += ["", f"<group> {_comment(piece.name)}", _settings(piece)]
        for layer, files in zip(piece.layers, rows, strict=True):
            lines += [_region(layer, turn, file) for turn, file in enumerate(files, 1)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Return a line comment, also for programs that search for `/*` first."""
    return f"// {text.replace('/*', '/ *')}"


def _settings(piece: Piece) -> str:
    """Return the opcodes that all regions of a piece share."""
    words = [f"key={piece.key}", f"loop_mode={'loop_sustain' if piece.loops else 'one_shot'}"]
    if piece.choke:
        words.append(f"group={piece.choke} off_by={piece.choke} off_mode=fast")
    if piece.volume_db:
        words.append(f"volume={piece.volume_db:g}")
    if piece.pan:
        words.append(f"pan={100 * piece.pan:g}")
    return " ".join(words)


def _region(layer: Layer, turn: int, file: str) -> str:
    """Return the region of one sound; the file name is last, as it may have spaces."""
    turns = f" seq_length={len(layer.sounds)} seq_position={turn}" if len(layer.sounds) > 1 else ""
    return f"<region> lovel={layer.low} hivel={layer.high}{turns} sample={SAMPLES}/{file}"
