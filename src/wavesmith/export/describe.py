"""Description of a kit for programs (`kit.json`) and for people (`README.txt`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wavesmith.audio_file import Bits
from wavesmith.errors import RequestError
from wavesmith.export.keys import key_name
from wavesmith.export.names import SAMPLES, SampleNames
from wavesmith.export.pieces import Kit, Piece
from wavesmith.recipe import VERSION
from wavesmith.sound import Sound

ABOUT = "kit.json"
README = "README.txt"
OPENED_BY = {
    "sfz": "sforzando, sfizz, TX16Wx, Renoise and other programs that read SFZ",
    "decentsampler": "DecentSampler (free)",
    "hydrogen": "Hydrogen (free), once this folder is copied into its folder of drumkits",
    "h2drumkit": "Hydrogen (free), through Drumkits > Import",
}


def kit_values(kit: Kit, names: SampleNames, files: Sequence[str], bits: Bits) -> dict[str, Any]:
    """Return all of a kit but the samples as JSON values; `files` are all its files.

    Raises:
        RequestError: when `kit.about` has a value that JSON cannot represent.
    """
    try:
        about = json.loads(json.dumps(dict(kit.about), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RequestError(f"The `about` of the kit '{kit.name}' must be JSON values: {error}.") from error
    return {
        "name": kit.name,
        "author": kit.author,
        "licence": kit.licence,
        "credits": kit.credits,
        "made_with": f"wavesmith {VERSION}",
        "dynamics": kit.dynamics,
        "bits": bits,
        "about": about,
        "pieces": [_piece(piece, rows) for piece, rows in zip(kit.pieces, names, strict=True)],
        "files": list(files),
    }


def json_content(values: Mapping[str, Any]) -> bytes:
    """Encode `kit_values`, one value a line; unpaired surrogates stay JSON escapes."""
    return f"{json.dumps(values, indent=1, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def readme_text(kit: Kit, instruments: Mapping[str, str]) -> str:
    """Return the readme: pieces by key, files by program (`instruments`: by format), and credits."""
    keys = [f"  {piece.key:3}  {key_name(piece.key):4} {piece.name}" for piece in kit.pieces]
    opens = [f"  {file}: {OPENED_BY[kind]}" for kind, file in instruments.items()]
    paragraphs = [
        [kit.name, f"{len(kit.pieces)} pieces, {kit.sounds} samples."],
        ["Keys (middle C, 60, is called C4 here, and C3 by some programs):", *keys],
        [
            "Files:",
            *opens,
            f"  {SAMPLES}/: anything; sorted by name they are in the order of the keys",
        ],
        [f"{field}: {text}" for field, text in (("Author", kit.author), ("Licence", kit.licence)) if text],
        kit.credits.splitlines(),
        [f"Made with wavesmith {VERSION}; {ABOUT} has the settings."],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _piece(piece: Piece, rows: list[list[str]]) -> dict[str, Any]:
    layers = [
        {"low": layer.low, "high": layer.high, "sounds": list(map(_sound, layer.sounds, files))}
        for layer, files in zip(piece.layers, rows, strict=True)
    ]
    return {
        "name": piece.name,
        "key": piece.key,
        "choke": piece.choke,
        "volume_db": piece.volume_db,
        "pan": piece.pan,
        "loops": piece.loops,
        "layers": layers,
    }


def _sound(sound: Sound, file: str) -> dict[str, Any]:
    return {
        "file": f"{SAMPLES}/{file}",
        "rate": sound.rate,
        "channels": sound.channels,
        "frames": sound.frames,
        "sha256": sound.sha256,
        "recipe": json.loads(sound.recipe.to_json()) if sound.recipe else None,
    }
