"""Write models: as folders of ours, or as the tools that their networks come from read them."""

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

Form = Literal["folder", "ckpt", "diffusers"]

_CHECKPOINTS: dict[str, Callable[..., dict[str, Any]]] = {
    "dance_diffusion": dance_diffusion.checkpoint,
    "attention_unet": tiny_audio_diffusion.checkpoint,
    "crash_unet": crash.checkpoint,
}


def form_of(out: Path) -> Form:
    """The form that a name asks for: `ckpt` if it ends so, `folder` if it has no ending.

    Raises:
        RequestError: when it has another ending.
    """
    if out.suffix not in ("", ".ckpt"):
        raise RequestError(
            f"A model cannot be written as {out.suffix}; end the name in .ckpt, or in nothing for a folder, "
            "or say which form is meant."
        )
    return "ckpt" if out.suffix else "folder"


def convert(model: Model, out: Path, form: Form) -> None:
    """Write a model: as our own folder, as a `.ckpt` of the tool its network comes from, or for diffusers.

    Our folder keeps all that is known of the model; the others have no place for its card, its timbres and
    the record of its training sounds.

    Raises:
        RequestError: when there is no such form, or `out` is taken.
        ModelError: when that tool has no place for the model.
        WavesmithError: when `out` cannot be written or the disk is full.
    """
    if form not in get_args(Form):
        raise RequestError(unknown("form", form, get_args(Form)))
    if out.exists():
        raise RequestError(f"{out} is already there; choose another place.")
    try:
        _write(model, out, form)
    except BaseException:
        rmtree(out, ignore_errors=True)
        raise


def _write(model: Model, out: Path, form: Form) -> None:
    if form == "folder":
        save_folder(out, model.family, model.card)
        if model.timbre is not None:
            save_timbre(out, model.timbre)
        if model.provenance is not None:
            save_provenance(out, model.provenance)
        return
    family = model.family
    if not isinstance(family, DiffusionModel):
        raise ModelError("No other tool has a place for a model of this family; convert it to a folder.")
    config, kind = family.config, family.config.network.kind
    if config.labels or config.transform.kind != "raw" or kind not in _CHECKPOINTS:
        labels = ", with labels" if config.labels else ""
        raise ModelError(
            f"No other tool has a place for this model ({kind} on {config.transform.kind}{labels}); convert "
            "it to a folder."
        )
    network = _without_augments(family)
    if form == "diffusers":
        if kind != "dance_diffusion":
            raise ModelError(f"diffusers has no place for the network {kind}; convert it to a ckpt.")
        diffusers.write(config, network, out)
        return
    with replacing(out) as temporary:
        _save(_CHECKPOINTS[kind](config, network, out.stem), temporary)


def _save(content: dict[str, Any], path: Path) -> None:
    """As `torch.save`, which hides what is wrong with the disk; OSError says it."""
    with open(path, "wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def _without_augments(family: DiffusionModel) -> Mapping[str, Tensor]:
    """The network's tensors, but for what augmentation is told by, which sounds are made without."""
    state = family.network.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("augment.weight")}
