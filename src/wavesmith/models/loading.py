"""Loading of a model by name: bundled, a folder, another tool's file, or a Hugging Face Hub repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch

from wavesmith.data import AUDIO_ENDINGS
from wavesmith.errors import ModelError, RequestError, unknown
from wavesmith.families import Codes
from wavesmith.models import importers
from wavesmith.models.debug import debug_model
from wavesmith.models.hub import download
from wavesmith.models.model import Model
from wavesmith.models.model_folder import CARD, CONFIG, WEIGHTS, load_folder
from wavesmith.transforms import Codec, provide_codecs


def _codec(name: str) -> tuple[Codec, str]:
    """Return the autoencoder of a model and the model's hash; ModelError if it has none."""
    model = load(name)
    if not isinstance(model.family, Codes):
        raise ModelError(f"The model '{name}' encodes nothing, so it cannot be a space; give an autoencoder.")
    return model.family, model.hash


provide_codecs(_codec)

BUNDLED = Path(__file__).parent / "bundled"
DEFAULT_MODEL = "drums"


def bundled_names() -> list[str]:
    """Return the names of models that need no download; the last, `debug`, is a tiny random one for tests."""
    folders = sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG}"))
    return [*folders, "debug"]


def load(
    name: str | Path = DEFAULT_MODEL,
    device: str | torch.device = "cpu",
    *,
    rate: int | None = None,
    length: int | None = None,
    weights: importers.Weights | None = None,
) -> Model:
    """Load a model.

    Args:
        name: a bundled model (`drums`), a model folder, another tool's checkpoint or folder (see
            `docs/checkpoints.md`), or a hub repository (`user/repo`, downloaded once and then kept in the
            hub's usual cache; offline mode is respected).
        device: to compute on, such as `cpu`, `cuda` or `mps`.
        rate: samples per second of another tool's model, if its file does not state it.
        length: samples of the sounds that it generates by default, likewise.
        weights: `ema` or `online`, the average of another tool's weights or the latest, if it has both.

    Raises:
        ModelError: when there is no such model, its files are damaged, or the device is not available.
        RequestError: when rate or length are unknown, or contradict the file.
    """
    model = _find(str(name), importers.ImportOptions(rate, length, weights))
    try:
        model.family.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"The device '{device}' is not available here; use cpu.") from error
    return model


def _find(name: str, options: importers.ImportOptions) -> Model:
    if name == "debug":
        return _ours(debug_model(), options)
    if name in bundled_names():
        return _ours(load_folder(BUNDLED / name, name), options)
    path = os.path.expanduser(name)
    if os.path.isdir(path):  # unlike pathlib's, it accepts names that no file can have
        return _from_folder(Path(path), options)
    if os.path.isfile(path):
        if os.path.basename(path) in (CONFIG, WEIGHTS, CARD) and Path(path).with_name(CONFIG).is_file():
            raise ModelError(f"{path} is a file; give the model's folder (with {CONFIG} and {WEIGHTS}).")
        if Path(path).suffix.lower() in AUDIO_ENDINGS:
            raise ModelError(f"{path} is a sound; give a model or, to evaluate sounds, their folder.")
        return importers.import_model(Path(path), options)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _from_hub(name, options)
    raise ModelError(unknown("model", name, bundled_names()))


def _from_folder(folder: Path, options: importers.ImportOptions, name: str | None = None) -> Model:
    if importers.is_foreign(folder):
        return importers.import_model(folder, options, name)
    return _ours(load_folder(folder, name), options)


def _ours(model: Model, options: importers.ImportOptions) -> Model:
    if any(value is not None for value in options):
        raise RequestError(
            f"{model.name} states its rate and length itself; leave rate, length and weights out."
        )
    return model


def _from_hub(repository: str, options: importers.ImportOptions) -> Model:
    return _from_folder(download(repository), options, repository)
