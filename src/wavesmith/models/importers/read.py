"""Read another tool's file or folder, whichever it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from wavesmith.errors import ModelError
from wavesmith.families import on_meta_device
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models.importers import crash, dance_diffusion, diffusers, tiny_audio_diffusion
from wavesmith.models.importers.source import Asked, Reading, Source, read_source
from wavesmith.models.model import Model
from wavesmith.models.model_folder import CARD, CONFIG, WEIGHTS, fingerprint


class Dialect(Protocol):
    """A module that knows the checkpoints of one tool."""

    def recognises(self, source: Source) -> bool:
        """Whether a checkpoint is of this tool."""
        ...

    def read(self, source: Source, asked: Asked) -> Reading:
        """The model in it."""
        ...


DIALECTS: tuple[Dialect, ...] = (dance_diffusion, tiny_audio_diffusion, crash)
_ENDINGS = (".ckpt", ".safetensors", ".pt", ".pth", ".bin")


def read_foreign(path: Path, asked: Asked, name: str | None = None) -> Model:
    """Read another tool's file or folder, on the CPU and in evaluation mode.

    Raises:
        ModelError: when it is none that wavesmith knows, is damaged, or does not hold the whole of a model.
        RequestError: when rate or length are not known, or what was asked for contradicts the file.
    """
    reading = _read(path, asked)
    with on_meta_device():
        family = DiffusionModel(reading.config)
    family.network.load_state_dict(reading.tensors, assign=True)
    card = _card(reading, name or path.stem, path / CARD)
    return Model(name or str(path), fingerprint(reading.config, family), family.eval(), card)


def _read(path: Path, asked: Asked) -> Reading:
    if path.is_dir():
        if diffusers.recognises(path):
            return diffusers.read(path, asked)
        path = _only_file(path)
    source = read_source(path)
    for dialect in DIALECTS:
        if dialect.recognises(source):
            return dialect.read(source, asked)
    names = ", ".join(sorted(map(str, source.tensors or source.content))[:3]) or "nothing"
    raise ModelError(
        f"{path} is no checkpoint that wavesmith knows (it begins with {names}); known are those of Dance "
        "Diffusion, sample-diffusion, stable-audio-tools' DAU1d, Tiny Audio Diffusion and CRASH."
    )


def recognises(folder: Path) -> bool:
    """Whether a folder holds another tool's model, and none of ours, not even one that lost its settings."""
    ours = (folder / WEIGHTS).is_file() and not (folder / dance_diffusion.EXPORT).is_file()
    if ours and (folder / CONFIG).is_file():
        return False
    return diffusers.recognises(folder) or any(
        not ours or path.name != WEIGHTS for path in _checkpoints(folder)
    )


def _only_file(folder: Path) -> Path:
    files = _checkpoints(folder)
    if len(files) != 1:
        raise ModelError(
            f"{folder} holds {len(files)} checkpoints, not one; give the file of the one that is meant."
        )
    return files[0]


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in _ENDINGS]


def _card(reading: Reading, name: str, theirs: Path) -> str:
    config = reading.config
    size = f"{config.length / config.rate:.2f} s at {config.rate} Hz, {config.channels} channel(s)"
    lines = [
        "---",
        "library_name: wavesmith",
        "tags: [audio, diffusion]",
        "---",
        f"# {name}",
        "",
        f"{reading.about}. {size}.",
        "",
        "Its weights do not say who trained them on what, or under which licence: see where they came from.",
    ]
    if theirs.is_file():
        text = theirs.read_text(encoding="utf-8", errors="replace")
        lines += [
            "",
            "## What its own card says",
            "",
            re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL),
        ]
    return "\n".join(lines).rstrip() + "\n"
