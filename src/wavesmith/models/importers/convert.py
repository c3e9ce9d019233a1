"""Export of models: as wavesmith folders, or in the formats of the tools their networks come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, unknown
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.files import replacing
from wavesmith.models.importers import crash, dance_diffusion, diffusers, tiny_audio_diffusion
from wavesmith.models.model import Model
from wavesmith.models.model_folder import save_folder, save_timbre
from wavesmith.models.provenance import save_provenance

ModelFormat = Literal["folder", "ckpt", "diffusers"]

_CHECKPOINTS: dict[str, Callable[..., dict[str, Any]]] = {
    "dance_diffusion": dance_diffusion.export_checkpoint,
    "attention_unet": tiny_audio_diffusion.export_checkpoint,
    "crash_unet": crash.export_checkpoint,
}


def format_of(out: Path) -> ModelFormat:
    """Return the format for a file name: `ckpt` by its ending, `folder` without one.

    Raises:
        RequestError: when it has another ending.
    """
    if out.suffix not in ("", ".ckpt"):
        raise RequestError(
            f"A model cannot be written as {out.suffix}; end the name in .ckpt, or in nothing for a folder, "
            "or give the format."
        )
    return "ckpt" if out.suffix else "folder"


def convert(model: Model, out: Path, model_format: ModelFormat) -> None:
    """Write a model as a wavesmith folder, as a `.ckpt` of the tool its network comes from, or for diffusers.

    Only our folder keeps the card, the table of timbres and the record of training sounds.

    Raises:
        RequestError: for an unknown format, or when `out` exists.
        ModelError: when that tool cannot represent the model.
        WavesmithError: when `out` cannot be written or the disk is full.
    """
    if model_format not in get_args(ModelFormat):
        raise RequestError(unknown("format", model_format, get_args(ModelFormat)))
    if out.exists():
        raise RequestError(f"{out} exists already; choose another path.")
    try:
        _write(model, out, model_format)
    except BaseException:
        rmtree(out, ignore_errors=True)
        raise


def _write(model: Model, out: Path, model_format: ModelFormat) -> None:
    if model_format == "folder":
        save_folder(out, model.family, model.card)
        if model.timbre is not None:
            save_timbre(out, model.timbre)
        if model.provenance is not None:
            save_provenance(out, model.provenance)
        return
    family = model.family
    if not isinstance(family, DiffusionModel):
        raise ModelError("No other tool reads a model of this family; convert it to a folder.")
    config, kind = family.config, family.config.network.kind
    if config.labels or config.transform.kind != "raw" or kind not in _CHECKPOINTS:
        labels = ", with labels" if config.labels else ""
        raise ModelError(
            f"No other tool reads this model ({kind} on {config.transform.kind}{labels}); "
            "convert it to a folder."
        )
    network = _without_augments(family)
    if model_format == "diffusers":
        if kind != "dance_diffusion":
            raise ModelError(f"diffusers cannot build the network {kind}; convert it to a ckpt.")
        diffusers.write(config, network, out)
        return
    with replacing(out) as temporary:
        _save(_CHECKPOINTS[kind](config, network, out.stem), temporary)


def _save(content: dict[str, Any], path: Path) -> None:
    """Save by `torch.save`, which hides problems with the disk; raises OSError for them."""
    with open(path, "wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def _without_augments(family: DiffusionModel) -> Mapping[str, Tensor]:
    """Return the network's tensors without those for augmentation, which generation does not use."""
    state = family.network.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("augment.weight")}
