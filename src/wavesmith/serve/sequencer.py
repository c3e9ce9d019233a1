"""A bar of sixteen steps, as a sound or as MIDI, and sounds together in one file: thin over `export`."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from wavesmith.export import (
    Hit,
    Kit,
    Piece,
    choke_group,
    even_layers,
    general_midi_keys,
    read_sfz,
    render,
    write_kit,
    write_midi,
)
from wavesmith.serve.library import Library
from wavesmith.serve.limits import LIMITS
from wavesmith.serve.requests import SoundId
from wavesmith.sound import Sound

STEPS = 16

Velocity = Annotated[float, Field(ge=0, le=1)]
Sounds = Annotated[list[SoundId], Field(min_length=1, max_length=64)]


class Track(BaseModel):
    """One row of the sequencer.

    Attributes:
        sounds: hits take them in turn.
        steps: how hard each sixteenth is struck; 0 for not at all.
    """

    model_config = ConfigDict(extra="forbid")

    sounds: Sounds
    steps: list[Velocity] = Field(min_length=STEPS, max_length=STEPS)


class Bar(BaseModel):
    """A bar of four beats.

    Attributes:
        tempo: beats per minute.
        swing: by what share of a sixteenth every second one comes later.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)

    tempo: float = Field(default=110.0, ge=20, le=400)
    swing: float = Field(default=0.0, ge=0, le=0.75)
    tracks: list[Track] = Field(min_length=1, max_length=16)
    form: Literal["wav", "midi"] = Field(default="wav", alias="as")


class Export(BaseModel):
    """Sounds to have in one file: as they are, or as a kit for samplers."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    sounds: list[SoundId] = Field(min_length=1, max_length=LIMITS.exported)
    form: Literal["zip", "kit"] = Field(default="zip", alias="as")
    name: str = Field(default="wavesmith kit", min_length=1, max_length=80)


def written_bar(bar: Bar, library: Library, folder: Path) -> Path:
    """Write a bar into a folder."""
    labels = [library.get(track.sounds[0]).label or "sound" for track in bar.tracks]
    keys = _keys(labels)
    hits = _hits(bar, keys)
    if bar.form == "midi":
        write_midi(hits, folder / "bar.mid", bpm=bar.tempo)
        return folder / "bar.mid"
    rows = [[library.read(sound) for sound in track.sounds] for track in bar.tracks]
    kit = _kit("bar", labels, keys, rows)
    instrument = read_sfz(write_kit(kit, folder / "kit", formats=["sfz"], bits="float")[-3])
    whole = STEPS * 15 / bar.tempo
    played = render(instrument, hits, seconds=None if hits else whole)
    played = played.crop(max(played.frames, round(whole * played.rate)))  # at least a bar, so that it loops
    (played.normalise(-1.0) if played.peak > 1 else played).write(folder / "bar.wav")
    return folder / "bar.wav"


def written_export(export: Export, library: Library, folder: Path) -> Path:
    """Write an archive of sounds, or of a kit of them, into a folder."""
    records = [library.get(sound) for sound in dict.fromkeys(export.sounds)]
    target = folder / f"{plain(export.name)}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        if export.form == "kit":
            labels = [record.label or "sound" for record in records]
            kit = _kit(export.name, labels, _keys(labels), [[library.read(record.id)] for record in records])
            for path in write_kit(kit, folder / "kit"):
                archive.write(path, path.relative_to(folder / "kit"))
        else:
            taken: Counter[str] = Counter()
            for record in records:
                name = plain(record.name)
                taken[name.lower()] += 1
                again = f" {taken[name.lower()]}" if taken[name.lower()] > 1 else ""
                archive.write(library.path(record.id), f"{name}{again}.wav")
    return target


def plain(name: str) -> str:
    """A name that any system takes for a file, and nothing takes for a path."""
    return re.sub(r"[^\w .+-]", "_", name, flags=re.ASCII).strip(" .")[:80] or "sound"


def _keys(labels: Sequence[str]) -> list[int]:
    """A key for each piece, by its label."""
    keys = {label: iter(found) for label, found in general_midi_keys(Counter(labels)).items()}
    return [next(keys[label]) for label in labels]


def _kit(name: str, labels: Sequence[str], keys: Sequence[int], rows: Sequence[Sequence[Sound]]) -> Kit:
    pieces = (
        Piece(label, key, even_layers([row]), choke=choke_group(label))
        for label, key, row in zip(labels, keys, rows, strict=True)
    )
    return Kit(name, tuple(pieces), author="wavesmith")


def _hits(bar: Bar, keys: Sequence[int]) -> list[Hit]:
    sixteenth = 15 / bar.tempo
    return sorted(
        Hit((step + bar.swing * (step % 2)) * sixteenth, key, max(1, round(127 * velocity)), sixteenth)
        for key, track in zip(keys, bar.tracks, strict=True)
        for step, velocity in enumerate(track.steps)
        if velocity
    )
