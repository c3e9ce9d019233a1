"""Everything made and brought: a folder of WAV files, each with its recipe inside, and a database of them.

The folder is the truth: a sound is the file `sounds/ID.wav`, or `trash/ID.wav` once it was thrown away. The
database can be made again from it; only names, favourites and what was kept would be lost.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch.nn import functional as F

from wavesmith.audio_file import Bits, read_header
from wavesmith.descriptors import LogMel
from wavesmith.errors import AudioError, RequestError
from wavesmith.families import Label
from wavesmith.recipe import Recipe
from wavesmith.serve.database import Database, Row
from wavesmith.sound import Sound
from wavesmith.verbs.settings import SEED_LIMIT, label_text

SOUNDS, TRASH, MODELS, EVALUATIONS = "sounds", "trash", "models", "evaluations"

_ID = re.compile(r"[0-9a-f]{12}(-\d{3,5})?")
_LONGEST_NAME = 80
_LISTENED_SECONDS = 1.5
_LISTENED_RATE = 22050
_PICTURE = (32, 16)  # bands and moments that sounds are compared by


class SoundRecord(BaseModel):
    """What is known about a sound in the library.

    Attributes:
        label: what it should be; a mix reads `kick=0.7,snare=0.3`.
        peak: the largest absolute sample; 1 is full scale.
        source: whether somebody brought it.
        job: what made it.
        sources: the sounds that it was made from.
    """

    id: str
    name: str
    label: str | None
    model: str | None
    verb: str | None
    seed: int | None
    seconds: float
    rate: int
    channels: int
    peak: float
    created: datetime
    source: bool
    favourite: bool
    kept: bool
    trash: bool
    job: str | None
    sources: list[str]


class Search(BaseModel):
    """What to look for; None leaves it open.

    Attributes:
        text: part of the name, label, model or verb.
        like: a sound; those that sound most like it come first, instead of the newest.
    """

    label: str | None = None
    model: str | None = None
    verb: str | None = None
    favourite: bool | None = None
    kept: bool | None = None
    trash: bool = False
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    like: str | None = None


class NotFound(RequestError):
    """Something that is not there (any more)."""


class Library:
    """The sounds in a folder."""

    def __init__(self, folder: Path, database: Database) -> None:
        """Open the library and bring database and folder to agree, whatever interrupted them last time."""
        self.folder, self._database = folder, database
        self._adopting = threading.Lock()
        for place in (SOUNDS, TRASH, MODELS):
            (folder / place).mkdir(parents=True, exist_ok=True)
        self._reconcile()

    # Getting

    def path(self, sound: str) -> Path:
        """Where a sound is; raises NotFound when it is nowhere."""
        if _ID.fullmatch(sound):
            for place in (SOUNDS, TRASH):
                if (path := self.folder / place / f"{sound}.wav").is_file():
                    return path
        raise NotFound(f"There is no sound {sound[:40]!r} in the library.")

    def get(self, sound: str) -> SoundRecord:
        """What is known about a sound; raises NotFound when there is none."""
        row = self._database.one("SELECT * FROM sounds WHERE id = ?", sound)
        if row is None:
            raise NotFound(f"There is no sound {sound[:40]!r} in the library.")
        return _record(row)

    def read(self, sound: str) -> Sound:
        """The sound itself."""
        return Sound.read(self.path(sound))

    def search(self, search: Search, limit: int, offset: int) -> tuple[list[SoundRecord], int]:
        """A page of the sounds that fit, newest or most alike first, and how many fit in all."""
        where, values = _conditions(search)
        count = self._database.one(f"SELECT count(*) FROM sounds WHERE {where}", *values)
        total = int(count[0]) if count else 0
        if search.like is None:
            sql = f"SELECT * FROM sounds WHERE {where} ORDER BY created DESC, id LIMIT ? OFFSET ?"
            rows = self._database.all(sql, *values, limit, offset)
            return [_record(row) for row in rows], total
        near = self._nearest(search.like, where, values)[offset : offset + limit]
        return [self.get(sound) for sound in near], total

    def made_by(self, job: str) -> list[tuple[int, str]]:
        """Places and ids of the sounds that a job has made so far, in order."""
        rows = self._database.all("SELECT place, id FROM sounds WHERE job = ? ORDER BY place", job)
        return [(row["place"], row["id"]) for row in rows]

    def _nearest(self, given: str, where: str, values: Sequence[Any]) -> list[str]:
        heard = self._database.one("SELECT embedding FROM sounds WHERE id = ?", given)
        if heard is None:
            raise NotFound(f"There is no sound {given[:40]!r} in the library.")
        rows = self._database.all(f"SELECT id, embedding FROM sounds WHERE {where}", *values)
        if not rows:
            return []
        others = np.frombuffer(b"".join(row["embedding"] for row in rows), np.float32).reshape(len(rows), -1)
        distances = np.square(others - np.frombuffer(heard["embedding"], np.float32)).sum(axis=1)
        return [rows[k]["id"] for k in np.argsort(distances, kind="stable")]

    # Adding

    def bring(self, file: BinaryIO, name: str, *, seconds: float) -> SoundRecord:
        """Add a sound that somebody brings: it is decoded, and written anew under a name of ours.

        Raises:
            AudioError: when it is not audio, is damaged, silent, or longer than `seconds`.
        """
        sound_id = secrets.token_hex(6)
        temporary = self.folder / SOUNDS / f".{sound_id}.upload"
        try:
            with temporary.open("wb") as out:
                while block := file.read(1 << 20):
                    out.write(block)
            sound = _heard(temporary, seconds)
        except AudioError as error:  # of a name that the sender has never seen
            raise AudioError(str(error).replace(str(temporary), "The file")) from None
        finally:
            temporary.unlink(missing_ok=True)
        bits: Bits = 24 if sound.peak <= 1 else "float"
        path = self.folder / SOUNDS / f"{sound_id}.wav"
        sound.write(path, bits=bits)
        return self.adopt(path, name=_tidy(Path(name.replace("\\", "/")).stem) or "sound", source=True)

    def adopt(self, path: Path, *, name: str | None = None, source: bool = False) -> SoundRecord:
        """Enter a file of the folder into the database; one that is known already stays as it is."""
        with self._adopting:
            if not self._database.one("SELECT 1 FROM sounds WHERE id = ?", path.stem):
                self._enter(path, name, source)
        return self.get(path.stem)

    def _enter(self, path: Path, name: str | None, source: bool) -> None:
        sound = Sound.read(path)
        recipe = sound.recipe
        job, _, place = path.stem.partition("-")
        sources = [Path(origin.path).stem for origin in recipe.sources] if recipe else []
        mix = _label(recipe)
        values: dict[str, Any] = {
            "id": path.stem,
            "name": name or self._name(recipe, sources),
            "label": _written(mix),
            "labels": "\n".join(["", *_labels(mix), ""]),
            "model": Path(recipe.model).name if recipe else None,
            "verb": recipe.verb if recipe else None,
            "seed": recipe.seed if recipe and 0 <= recipe.seed < SEED_LIMIT else None,
            "seconds": sound.seconds,
            "rate": sound.rate,
            "channels": sound.channels,
            "peak": sound.peak,
            "created": path.stat().st_mtime,
            "source": source or not place,
            "trash": path.parent.name == TRASH,
            "job": job if place else None,
            "place": int(place) if place else None,
            "sources": json.dumps([origin for origin in sources if _ID.fullmatch(origin)]),
            "embedding": embedding(sound).tobytes(),
        }
        marks = ", ".join("?" * len(values))
        self._database.write(f"INSERT INTO sounds ({', '.join(values)}) VALUES ({marks})", *values.values())

    def _name(self, recipe: Recipe | None, sources: Sequence[str]) -> str:
        """Such as `kick-7-000`, or `my snare-vary-7-000` for what was made from another."""
        if recipe is None:
            return "sound"
        label = _mix(recipe.settings.get("label"))
        parts = [label_text(label) if label or not sources else self._name_of(sources[0])]
        parts += [recipe.verb] if recipe.sources else []
        tail = "-".join(["", *parts[1:], str(recipe.seed), f"{recipe.index:03d}"])[-_LONGEST_NAME // 2 :]
        return _tidy(_tidy(parts[0])[: _LONGEST_NAME // 2] + tail)

    def _name_of(self, sound: str) -> str:
        row = self._database.one("SELECT name FROM sounds WHERE id = ?", sound)
        return re.sub(r"(-[a-z_]+)?-\d+-\d{3,}$", "", row["name"]) if row else "sound"

    # Changing

    def change(self, sound: str, changes: Mapping[str, Any]) -> SoundRecord:
        """Set `name`, `favourite`, `kept` or `trash` (False brings a sound back)."""
        path = self.path(self.get(sound).id)
        if "trash" in changes:  # the file moves first: it is what counts
            os.replace(path, self.folder / (TRASH if changes["trash"] else SOUNDS) / path.name)
        if "name" in changes:
            changes = {**changes, "name": _tidy(changes["name"])}
            if not changes["name"]:
                raise RequestError("A sound needs a name that can be seen; give it one.")
        for column in changes.keys() & {"name", "favourite", "kept", "trash"}:
            self._database.write(f"UPDATE sounds SET {column} = ? WHERE id = ?", changes[column], sound)
        return self.get(sound)

    def _reconcile(self) -> None:
        """Enter files that the database lacks, forget rows whose file is gone, and note where each lies."""
        for cut_off in (".*.wav", ".*.upload", "..*"):  # what a killed process was writing
            for path in (self.folder / SOUNDS).glob(cut_off):
                path.unlink(missing_ok=True)
        found = {
            path.stem: path
            for place in (TRASH, SOUNDS)
            for path in (self.folder / place).glob("*.wav")
            if _ID.fullmatch(path.stem)
        }
        known = {row["id"]: row["trash"] for row in self._database.all("SELECT id, trash FROM sounds")}
        for sound in known.keys() - found.keys():
            self._database.write("DELETE FROM sounds WHERE id = ?", sound)
        for sound, path in sorted(found.items(), key=lambda item: item[1].stat().st_mtime):
            thrown = path.parent.name == TRASH
            if sound not in known:
                with suppress(AudioError):  # not one of ours, or damaged: it stays where it is
                    self.adopt(path)
            elif bool(known[sound]) != thrown:
                self._database.write("UPDATE sounds SET trash = ? WHERE id = ?", thrown, sound)


@torch.inference_mode()
def embedding(sound: Sound) -> NDArray[np.float32]:
    """What sounds are compared by, `[512]`: a coarse log-mel picture of the first one and a half seconds."""
    part = Sound(sound.part(0, round(_LISTENED_SECONDS * sound.rate) + 1), sound.rate).mono()
    wave = part.resample(_LISTENED_RATE).crop(round(_LISTENED_SECONDS * _LISTENED_RATE)).tensor()
    picture = LogMel(_LISTENED_RATE, _PICTURE[0], 1024, 512)(wave[None])
    pooled: NDArray[np.float32] = (F.adaptive_avg_pool1d(picture, _PICTURE[1]) / 80).flatten().numpy()
    return pooled


def _heard(path: Path, longest: float) -> Sound:
    """Read a file, once its header says that it is not too long."""
    rate, channels, frames, _ = read_header(path)
    if frames / rate > longest or frames * channels > 2 * longest * 48_000:
        raise AudioError(f"The sound is too long ({frames / rate:.0f} s); bring at most {longest:g} s.")
    sound = Sound.read(path)
    if sound.channels > 2:
        sound = sound.stereo()
    if sound.peak < 1e-5:
        raise AudioError("The sound is silent; bring one that can be heard.")
    return sound


def _label(recipe: Recipe | None) -> Label:
    """The label of a sound, or of the one that it was made from."""
    while recipe is not None:
        if label := _mix(recipe.settings.get("label")):
            return label
        recipe = recipe.sources[0].recipe if recipe.sources else None
    return None


def _mix(label: Any) -> Label:
    """What a recipe says of the label, as far as it makes sense: files come from anywhere."""
    if isinstance(label, Mapping):
        return {str(name): weight for name, weight in label.items() if isinstance(weight, int | float)}
    return label if isinstance(label, str) else None


def _labels(label: Label) -> list[str]:
    if isinstance(label, Mapping):
        return [name for name, weight in label.items() if weight]
    return [label] if label else []


def _written(label: Label) -> str | None:
    """A label as `parse_label` reads it."""
    if isinstance(label, Mapping):
        return ",".join(f"{name}={weight:g}" for name, weight in label.items())
    return label


def _tidy(name: str) -> str:
    """A name for people, on one line: what cannot be printed becomes a space."""
    seen = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(seen.split())[:_LONGEST_NAME]


def _conditions(search: Search) -> tuple[str, list[Any]]:
    """A WHERE clause and its values."""
    parts, values = ["trash = ?"], [search.trash]
    found: dict[str, Any] = {
        "instr(labels, char(10) || ? || char(10))": search.label,
        "model = ?": search.model,
        "verb = ?": search.verb,
        "favourite = ?": search.favourite,
        "kept = ?": search.kept,
        "created >= ?": search.since and _epoch(search.since),
        "created <= ?": search.until and _epoch(search.until),
        "instr(lower(name || ' ' || coalesce(label, '') || ' ' || coalesce(model, '') || ' ' "
        "|| coalesce(verb, '')), lower(?))": search.text,
    }
    for part, value in found.items():
        if value is not None:
            parts.append(part)
            values.append(value)
    return " AND ".join(parts), values


def _epoch(moment: datetime) -> float:
    """Seconds since 1970; a moment without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return (aware - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()


def _record(row: Row) -> SoundRecord:
    values = {name: row[name] for name in SoundRecord.model_fields}
    values["created"] = datetime.fromtimestamp(row["created"], timezone.utc)
    values["sources"] = json.loads(row["sources"])
    return SoundRecord.model_validate(values)
