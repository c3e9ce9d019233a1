"""Provenance of a model, the content of `attribution.json`: its training sounds, for programs and credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from wavesmith.data import ScannedFile
from wavesmith.errors import ModelError, first_problem
from wavesmith.files import replacing

if TYPE_CHECKING:
    from wavesmith.models.model import Model

ATTRIBUTION = "attribution.json"


class Origin(NamedTuple):
    """Common origin of sounds that are credited together; None for missing manifest values."""

    source: str | None
    title: str | None
    url: str | None
    author: str | None
    licence: str | None
    basis: str | None


class TrainingSource(BaseModel):
    """Training sounds of one origin (see `Origin`), and the SHA-256 of each file, sorted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    title: str | None = None
    url: str | None = None
    author: str | None = None
    licence: str | None = None
    basis: str | None = None
    sounds: int
    sha256: tuple[str, ...]


class Base(BaseModel):
    """The model that training started from, with its provenance; None if that is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str
    provenance: Provenance | None


class Provenance(BaseModel):
    """Training data of a model.

    Attributes:
        version: of this format.
        sources: the training sounds by origin, in alphabetic order; empty for an untrained model.
        held_out: SHA-256 of the files held out of training, sorted.
        base: the base of a fine-tuned model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    sources: tuple[TrainingSource, ...]
    held_out: tuple[str, ...] = ()
    base: Base | None = None

    def all_sources(self) -> tuple[TrainingSource, ...]:
        """Return the sources of this training and of all its bases."""
        before = self.base.provenance if self.base else None
        return self.sources + (before.all_sources() if before else ())

    def unrecorded(self) -> tuple[str, ...]:
        """Return the names of bases without a record of their training sounds."""
        if self.base is None:
            return ()
        return self.base.provenance.unrecorded() if self.base.provenance else (self.base.name,)


def provenance_of(
    files: Iterable[ScannedFile], held_out: Iterable[ScannedFile] = (), base: Model | None = None
) -> Provenance:
    """Return the provenance of a training on `files` that held out `held_out` and started from `base`."""
    by_origin: defaultdict[Origin, list[str]] = defaultdict(list)
    for file in files:
        origin = Origin(file.source, file.title, file.url, file.credit, file.licence, file.licence_basis)
        by_origin[origin].append(file.sha256 or "")
    return Provenance(
        sources=tuple(
            TrainingSource(**origin._asdict(), sounds=len(hashes), sha256=tuple(sorted(hashes)))
            for origin, hashes in sorted(by_origin.items(), key=lambda item: [text or "" for text in item[0]])
        ),
        held_out=tuple(sorted(file.sha256 or "" for file in held_out)),
        base=Base(name=base.name, hash=base.hash, provenance=base.provenance) if base else None,
    )


def trained_on(model: Model) -> frozenset[str] | None:
    """Return the SHA-256 of every training file of a model; None if they are not recorded."""
    if model.provenance is None or model.provenance.unrecorded():
        return None
    return frozenset(digest for source in model.provenance.all_sources() for digest in source.sha256)


def held_out_of(model: Model) -> frozenset[str] | None:
    """Return the SHA-256 of the files held out of a model's training; None if they are not recorded."""
    return None if model.provenance is None else frozenset(model.provenance.held_out)


def sources_table(sources: Sequence[TrainingSource]) -> list[str]:
    """Return a Markdown table of sources, licences and credits."""
    rows = [
        (
            source.source or source.title or "-",
            source.licence or "not stated",
            source.basis or "not stated",
            source.author or "not stated",
            str(source.sounds),
        )
        for source in sources
    ]
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return ["| source | licence | basis | author | sounds |", "|---|---|---|---|---|", *lines]


def save_provenance(folder: str | Path, provenance: Provenance) -> None:
    """Write the provenance of a model folder; raises WavesmithError when the disk refuses it."""
    with replacing(Path(folder) / ATTRIBUTION) as temporary:
        temporary.write_text(provenance.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load_provenance(folder: str | Path) -> Provenance | None:
    """Read the provenance of a model folder; None if there is none.

    Raises:
        ModelError: when it cannot be read.
    """
    path = Path(folder) / ATTRIBUTION
    if not path.is_file():
        return None
    try:
        return Provenance.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read; remove it or get it again.") from error
    except ValidationError as error:
        raise ModelError(
            f"{path} is no record of training sounds ({first_problem(error)}); remove it or get it again."
        ) from error


def _cell(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
