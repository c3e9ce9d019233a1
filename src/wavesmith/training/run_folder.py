"""The folder of a training run: a usable model at its top, everything about the run in `training/`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch

from wavesmith.data import ScannedFile
from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import Family
from wavesmith.files import replacing
from wavesmith.models import (
    ATTRIBUTION,
    Model,
    Provenance,
    load_folder,
    provenance_of,
    save_folder,
    save_provenance,
)
from wavesmith.models.model_folder import CONFIG as MODEL_CONFIG
from wavesmith.models.provenance import sources_table
from wavesmith.networks import parameters
from wavesmith.picture import sheet
from wavesmith.recipe import VERSION
from wavesmith.sound import Sound
from wavesmith.training.config import RunConfig, load_config
from wavesmith.verbs import generate

TRAINING = Path("training")
CHECKPOINT = TRAINING / "last.ckpt"
CONFIG = TRAINING / "config.yaml"
LOG = TRAINING / "log.jsonl"
CURVES = TRAINING / "curves.png"
DIGEST = TRAINING / "files.sha256"
DEMO_SOUNDS = 4
"""Demos of each label."""

_CONFIG_0_1 = TRAINING / "recipe.yaml"  # its name in version 0.1
_FORMAT = 1
T = TypeVar("T")
_UNREADABLE = (  # errors that files which are no checkpoints of this training lead to
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    UnpicklingError,
    ValueError,
)


@dataclass(frozen=True)
class RunFolder:
    """Files of a training run.

    Attributes:
        path: the model's folder.
    """

    path: Path

    def check(self, sounds: Path) -> None:
        """Raise RequestError if no model can be trained here on that folder of sounds."""
        if self.path.is_file():
            raise RequestError(f"{self.path} is a file; give a folder for the model.")
        if not self.has_checkpoint and (self.path / MODEL_CONFIG).exists():
            raise RequestError(
                f"{self.path} already holds a finished model; choose another folder for the new one."
            )
        if self.path.resolve().is_relative_to(sounds.resolve()):  # demos would become sounds to train on
            raise RequestError(
                "The model's folder lies inside the folder of sounds; choose an --out outside it."
            )

    @property
    def has_checkpoint(self) -> bool:
        """Whether a training was begun here."""
        return (self.path / CHECKPOINT).is_file()

    # Configuration and sounds

    def load_config(self) -> RunConfig:
        """Return the configuration that the training was begun with."""
        return load_config(config_file(self.path))

    def begin(self, config: RunConfig, files: Sequence[ScannedFile]) -> None:
        """Write the configuration, and the digest of the sounds."""
        with replacing(self.path / CONFIG) as temporary:
            temporary.write_text(config.to_yaml(), encoding="utf-8")
        with replacing(self.path / DIGEST) as temporary:
            temporary.write_text(digest(files) + "\n", encoding="utf-8")

    def check_sounds(self, files: Sequence[ScannedFile]) -> None:
        """Raise DataError if these are not the sounds that the training was begun with."""
        path = self.path / DIGEST
        if path.is_file() and path.read_text(encoding="utf-8").strip() != digest(files):
            raise DataError(
                f"The sounds have changed since the training in {self.path} began; put them back as they "
                "were, or choose another folder to start anew."
            )

    # Checkpoints

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint straight to the disk, without a copy in memory, in place of the one before."""
        with replacing(self.path / CHECKPOINT) as temporary, open(temporary, "wb") as file:
            torch.save({"format": _FORMAT, **state}, file)

    def load_checkpoint(self) -> dict[str, Any]:
        """Return the state in the checkpoint.

        Raises:
            ModelError: when it is damaged, or of version 0.1, which kept another state.
        """
        return self.reading(self._read_checkpoint)

    def reading(self, read: Callable[[], T]) -> T:
        """Return what a function makes of the checkpoint; ModelError if the checkpoint does not fit it."""
        try:
            return read()
        except _UNREADABLE as error:
            raise ModelError(
                f"The checkpoint {self.path / CHECKPOINT} is damaged or of another training "
                f"({type(error).__name__}); choose another folder to start anew."
            ) from error

    def _read_checkpoint(self) -> dict[str, Any]:
        state = dict(torch.load(self.path / CHECKPOINT, map_location="cpu", weights_only=True))
        if "pytorch-lightning_version" in state:
            raise ModelError(
                f"The training in {self.path} was begun by version 0.1; its model can be used, but this "
                "version cannot go on with it: choose another folder to start anew."
            )
        if state["format"] != _FORMAT:
            raise ValueError("unknown format")
        return state


@dataclass(frozen=True)
class ModelWriter:
    """Writes the model and its demos into a run's folder.

    Attributes:
        folder: the run's.
        family: the model, with its weights of the moment.
        files: sounds that are trained on.
        held_out: sounds that are held out of training.
        base: the model that training started from, if any.
    """

    folder: RunFolder
    family: Family
    files: Sequence[ScannedFile]
    held_out: Sequence[ScannedFile] = ()
    base: Model | None = None

    def write(self, seen: int, loss: float | None) -> None:
        """Write the model with its card and provenance, after so many examples, with this held-out loss."""
        save_folder(self.folder.path, self.family, self.card(seen, loss))
        save_provenance(self.folder.path, self.provenance)

    @cached_property
    def provenance(self) -> Provenance:
        """The sounds that the model is trained on, with their licences."""
        return provenance_of(self.files, self.held_out, self.base)

    def demo(self, seen: int) -> list[Sound]:
        """Generate sounds with the saved model, as users do; write them and a picture of them."""
        model = load_folder(self.folder.path)
        demos = self.folder.path / TRAINING / "demos" / f"{seen:08d}"
        rows = {}
        for label in model.labels or (None,):
            sounds = generate(model, DEMO_SOUNDS, label=label, seed=0)
            for k, sound in enumerate(sounds):
                sound.write(demos / f"{_file_name(label or 'sound')}-{k}.wav")
            rows[label or "sound"] = sounds
        sheet(rows, demos / "mel.png", title=f"after {seen} examples")
        return [sound for sounds in rows.values() for sound in sounds]

    def card(self, seen: int, loss: float | None) -> str:
        """Return the model card: what the model is, what it was trained on, whom to credit."""
        config = self.family.config
        work = self.family.multiply_adds() / 1e6
        facts = [
            config.form(),
            f"labels: {', '.join(config.labels) or 'none'}",
            f"{parameters(self.family) / 1e6:.1f} M parameters",
            *([f"{work:.0f} M multiply-adds in each pass over a second"] if work else []),
        ]
        lines = [
            "---",
            "library_name: wavesmith",
            f"tags: [audio, {config.family}]",
            "---",
            f"# {self.folder.path.resolve().name}",
            "",
            f"Made with wavesmith {VERSION}. {'; '.join(facts)}.",
            "",
            f"Trained on {len(self.files)} sounds for {seen} examples (configuration in `{CONFIG}`).",
        ]
        if loss is not None:
            lines += ["", f"Held-out loss at fixed noise: {loss:.4f}."]
        lines += ["", "## Sounds it was trained on", "", *sources_table(self.provenance.sources)]
        lines += ["", f"The same for machines, with the hash of every file, is in `{ATTRIBUTION}`."]
        if base := self.base:
            lines += [
                "",
                f"## It started from `{base.name}`, whose card says",
                "",
                _without_header(base.card),
            ]
        return "\n".join(lines) + "\n"


def config_file(folder: Path) -> Path:
    """Return where the configuration of a run lies; version 0.1 called it `recipe.yaml`."""
    old = folder / _CONFIG_0_1
    return old if old.is_file() and not (folder / CONFIG).is_file() else folder / CONFIG


def digest(files: Sequence[ScannedFile]) -> str:
    """Content hash of a data set: hex SHA-256 of the files' paths, labels and hashes."""
    lines = [f"{file.path} {file.label} {file.sha256}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _file_name(label: str) -> str:
    """Return a label as part of a file's name: a manifest may name a class anything, such as `../tom`."""
    return re.sub(r"[^\w -]", "_", label)


def _without_header(card: str) -> str:
    """Return a card without its YAML header, which only belongs at the top of a file."""
    return re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
