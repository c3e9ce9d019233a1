"""Find a model by name: bundled, a folder, or a repository of the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch

from wavesmith.errors import ModelError, unknown
from wavesmith.models.debug import debug_model
from wavesmith.models.folder import CARD, CONFIG, TIMBRE, WEIGHTS, load_folder
from wavesmith.models.model import Model

BUNDLED = Path(__file__).parent / "bundled"
DEFAULT_MODEL = "drums"


def bundled_names() -> list[str]:
    """Models that need no download, best first; `debug` is a tiny random one for trying things."""
    folders = sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG}"))
    return [*folders, "debug"]


def load(name: str | Path = DEFAULT_MODEL, device: str | torch.device = "cpu") -> Model:
    """Load a model.

    Args:
        name: a bundled model (`drums`), a model folder, or a hub repository (`user/repo`, downloaded once
            and then kept in the hub's usual cache; offline mode is respected).
        device: where it shall compute, such as `cpu`, `cuda` or `mps`.

    Raises:
        ModelError: when there is no such model, its files are damaged, or the device is not available.
    """
    model = _find(str(name))
    try:
        model.family.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"The device '{device}' is not available here; use cpu.") from error
    return model


def _find(name: str) -> Model:
    if name == "debug":
        return debug_model()
    if name in bundled_names():
        return load_folder(BUNDLED / name, name)
    path = os.path.expanduser(name)
    if os.path.isdir(path):  # unlike pathlib's, it answers for names that no file can have
        return load_folder(path)
    if os.path.isfile(path):
        raise ModelError(f"{path} is a file; give the model's folder (with {CONFIG} and {WEIGHTS}).")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _from_hub(name)
    raise ModelError(unknown("model", name, bundled_names()))


def _from_hub(repository: str) -> Model:
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(repository, allow_patterns=[CONFIG, WEIGHTS, CARD, TIMBRE])
    except Exception as error:  # the hub's client raises many kinds, all meaning the same to the user
        raise ModelError(
            f"There is no folder {repository}, and no model of that name could be had from the Hugging Face "
            f"Hub or its local cache ({type(error).__name__}); check the spelling and the connection."
        ) from error
    return load_folder(folder, repository)
