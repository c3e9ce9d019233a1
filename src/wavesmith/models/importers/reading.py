"""Reading of a file or folder of any known tool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from wavesmith.errors import ModelError
from wavesmith.families import on_meta_device
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models.importers import crash, dance_diffusion, diffusers, tiny_audio_diffusion
from wavesmith.models.importers.checkpoint import (
    CheckpointFile,
    ImportedModel,
    ImportOptions,
    read_checkpoint,
)
from wavesmith.models.model import Model
from wavesmith.models.model_folder import CARD, CONFIG, WEIGHTS, fingerprint


class Importer(Protocol):
    """A module that imports the checkpoints of one tool."""

    def recognises(self, checkpoint: CheckpointFile) -> bool:
        """Return whether a checkpoint is of this tool."""
        ...

    def read(self, checkpoint: CheckpointFile, options: ImportOptions) -> ImportedModel:
        """Read the model in it."""
        ...


IMPORTERS: tuple[Importer, ...] = (dance_diffusion, tiny_audio_diffusion, crash)
_ENDINGS = (".ckpt", ".safetensors", ".pt", ".pth", ".bin")


def import_model(path: Path, options: ImportOptions, name: str | None = None) -> Model:
    """Read another tool's file or folder, on the CPU and in evaluation mode.

    Raises:
        ModelError: when the format is unknown, or the file is damaged or incomplete.
        RequestError: when rate or length are unknown, or `options` contradict the file.
    """
    model = _read(path, options)
    with on_meta_device():
        family = DiffusionModel(model.config)
    family.network.load_state_dict(model.tensors, assign=True)
    card = _card(model, name or path.stem, path / CARD)
    return Model(name or str(path), fingerprint(model.config, family), family.eval(), card)


def _read(path: Path, options: ImportOptions) -> ImportedModel:
    if path.is_dir():
        if diffusers.recognises(path):
            return diffusers.read(path, options)
        path = _only_file(path)
    checkpoint = read_checkpoint(path)
    for importer in IMPORTERS:
        if importer.recognises(checkpoint):
            return importer.read(checkpoint, options)
    names = ", ".join(sorted(map(str, checkpoint.tensors or checkpoint.content))[:3]) or "nothing"
    raise ModelError(
        f"{path} is no checkpoint that wavesmith knows (it begins with {names}); known are those of Dance "
        "Diffusion, sample-diffusion, stable-audio-tools' DAU1d, Tiny Audio Diffusion and CRASH."
    )


def is_foreign(folder: Path) -> bool:
    """Return whether a folder has another tool's model, and none of ours, even one without its settings."""
    ours = (folder / WEIGHTS).is_file() and not (folder / dance_diffusion.EXPORT).is_file()
    if ours and (folder / CONFIG).is_file():
        return False
    return diffusers.recognises(folder) or any(
        not ours or path.name != WEIGHTS for path in _checkpoints(folder)
    )


def _only_file(folder: Path) -> Path:
    files = _checkpoints(folder)
    if len(files) != 1:
        raise ModelError(f"{folder} has {len(files)} checkpoints, not one; give the file of one of them.")
    return files[0]


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in _ENDINGS]


def _card(model: ImportedModel, name: str, original_card: Path) -> str:
    config = model.config
    size = f"{config.length / config.rate:.2f} s at {config.rate} Hz, {config.channels} channel(s)"
    lines = [
        "---",
        "library_name: wavesmith",
        "tags: [audio, diffusion]",
        "---",
        f"# {name}",
        "",
        f"{model.about}. {size}.",
        "",
        "The checkpoint does not state its training data, authors or licence: see its origin.",
    ]
    if original_card.is_file():
        text = original_card.read_text(encoding="utf-8", errors="replace")
        lines += [
            "",
            "## Its own card",
            "",
            re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL),
        ]
    return "\n".join(lines).rstrip() + "\n"
