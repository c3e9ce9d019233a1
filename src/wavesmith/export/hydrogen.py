"""A kit as a drumkit for Hydrogen, a free drum machine, in the format of versions 1.1 and 1.2, read by 2.

The elements and their order are those of Hydrogen's own schema (`data/xsd/drumkit.xsd` in its sources).
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from wavesmith.export.names import SampleNames, kit_stem
from wavesmith.export.pieces import Kit, Piece
from wavesmith.export.xml import xml_text

MOST_SOUNDS = 16
"""Number of sounds of one instrument that Hydrogen plays; it ignores more."""


def drumkit_text(kit: Kit, names: SampleNames, folder: str = "") -> str:
    """Write the kit as `drumkit.xml`; samples lie in `folder` (empty, or with a slash at its end).

    Of a piece with more than `MOST_SOUNDS` sounds each layer loses its last ones; layers beyond that number
    are merged into the one above.
    """
    root = Element("drumkit_info", xmlns="http://www.hydrogen-music.org/drumkit")
    info = "\n".join([*kit.credits.splitlines(), "Made with wavesmith."])
    _add(root, name=kit.name, author=kit.author, info=info, license=kit.licence, image="", imageLicense="")
    component = SubElement(SubElement(root, "componentList"), "drumkitComponent")
    _add(component, id=0, name="Main", volume=1.0)
    instruments = SubElement(root, "instrumentList")
    for number, (piece, rows) in enumerate(zip(kit.pieces, names, strict=True)):
        instrument = SubElement(instruments, "instrument")
        _add(instrument, **_settings(number, piece, kit.dynamics))
        component = SubElement(instrument, "instrumentComponent")
        _add(component, component_id=0, gain=1.0)
        for start, end, file in _sounds(piece, rows):
            layer = SubElement(component, "layer")
            _add(layer, filename=folder + file, min=start, max=end, gain=1.0, pitch=0.0)
    return xml_text(root)


def h2drumkit(kit: Kit, names: SampleNames, files: Mapping[str, bytes]) -> bytes:
    """Pack the kit for Hydrogen's import: a compressed archive with one folder.

    `files` are the contents of the samples by name. The same content always gives the same bytes.
    """
    packed, folder = io.BytesIO(), kit_stem(kit.name)  # Hydrogen unpacks only plain names everywhere
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as squeezed, _archive(squeezed) as archive:
        for name, content in {"drumkit.xml": drumkit_text(kit, names).encode(), **files}.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _archive(file: gzip.GzipFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)


def _settings(number: int, piece: Piece, dynamics: float) -> dict[str, object]:
    """Return the settings of an instrument that Hydrogen requires, most of them its defaults."""
    return {
        "id": number,
        "name": piece.name,
        "volume": round(10 ** (piece.volume_db / 20), 6),
        "isMuted": False,
        "isSoloed": False,
        "pan": float(piece.pan),
        "pitchOffset": 0.0,
        "randomPitchFactor": 0.0,
        "gain": 1.0,
        "applyVelocity": dynamics > 0,
        "filterActive": False,
        "filterCutoff": 1.0,
        "filterResonance": 0.0,
        "Attack": 0,
        "Decay": 0,
        "Sustain": 1.0,
        "Release": 1000,
        "muteGroup": piece.choke if piece.choke else -1,
        "midiOutChannel": -1,
        "midiOutNote": piece.key,
        "isStopNote": False,
        "sampleSelectionAlgo": "ROUND_ROBIN",
        "isHihat": -1,
        "lower_cc": 0,
        "higher_cc": 127,
    }


def _sounds(piece: Piece, rows: list[list[str]]) -> Iterator[tuple[float, float, str]]:
    """Yield start and end velocity, from 0 to 1, of each file; at most `MOST_SOUNDS` files."""
    every = -(-len(rows) // MOST_SOUNDS)
    kept = list(zip(piece.layers, rows, strict=True))[::-every][::-1]
    start = 0.0
    for layer, files in kept:
        end = 1.0 if layer.high == 127 else (layer.high + 0.5) / 127  # between two of MIDI's velocities
        for file in files[: MOST_SOUNDS // len(kept)]:
            yield start, end, file
        start = end


def _add(parent: Element, **values: object) -> None:
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        SubElement(parent, name).text = text
