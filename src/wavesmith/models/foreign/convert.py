"""Write models: as folders of ours, or as the tools that their networks come from read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, unknown
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.files import replacing
from wavesmith.models.folder import save_folder
from wavesmith.models.foreign import crash, dance_diffusion, diffusers, tiny_audio_diffusion
from wavesmith.models.model import Model

Form = Literal["folder", "ckpt", "diffusers"]

_CHECKPOINTS: dict[str, Callable[..., dict[str, Any]]] = {
    "dance_diffusion": dance_diffusion.checkpoint,
    "attention_unet": tiny_audio_diffusion.checkpoint,
    "crash_unet": crash.checkpoint,
}


def convert(model: Model, out: Path, form: Form) -> None:
    """Write a model: as our own folder, as a `.ckpt` of the tool its network comes from, or for diffusers.

    Raises:
        RequestError: when there is no such form, or `out` is taken.
        ModelError: when that tool has no place for the model.
        WavesmithError: when `out` cannot be written or the disk is full.
    """
    if form not in get_args(Form):
        raise RequestError(unknown("form", form, get_args(Form)))
    if out.exists():
        raise RequestError(f"{out} is already there; choose another place.")
    config, kind = model.family.config, model.family.config.network.kind
    if form == "folder":
        save_folder(out, model.family, model.card)
        return
    if config.labels or config.transform.kind != "raw" or kind not in _CHECKPOINTS:
        labels = ", with labels" if config.labels else ""
        raise ModelError(
            f"No other tool has a place for this model ({kind} on {config.transform.kind}{labels}); convert "
            "it to a folder."
        )
    network = _without_augments(model.family)
    if form == "diffusers":
        if kind != "dance_diffusion":
            raise ModelError(f"diffusers has no place for the network {kind}; convert it to a ckpt.")
        diffusers.write(config, network, out)
        return
    content = _CHECKPOINTS[kind](config, network, out.stem)
    with (
        replacing(out) as temporary,
        open(temporary, "wb") as file,
    ):  # Python says what is wrong with the disk
        torch.save(content, file)


def _without_augments(family: DiffusionModel) -> Mapping[str, Tensor]:
    """The network's tensors, but for what augmentation is told by, which sounds are made without."""
    state = family.network.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("augment.weight")}
