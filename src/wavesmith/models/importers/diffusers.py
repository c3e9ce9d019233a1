"""Dance Diffusion as a folder of diffusers' `DanceDiffusionPipeline`, such as `harmonai/maestro-150k`.

Of `unet/config.json` only the structure of the network is read. Published folders do not state the number of
frequencies of the noise embedding, and diffusers assumes a wrong one since 0.36; folders written here do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig
from wavesmith.files import replacing
from wavesmith.models.importers import dance_diffusion
from wavesmith.models.importers.checkpoint import (
    V_SAMPLING,
    ImportedModel,
    ImportOptions,
    check_rate,
    first_known,
    make_config,
    read_checkpoint,
    read_settings,
    setting,
)
from wavesmith.models.importers.tensor_names import TensorMapping, export_tensors, import_tensors
from wavesmith.models.model_folder import write_tensors
from wavesmith.networks import DanceDiffusionConfig
from wavesmith.networks.dance_diffusion_unet import FILTER, NOISE_FEATURES

INDEX, CONFIG = "model_index.json", "unet/config.json"
WEIGHTS = ("unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin")

_LAYERS = {
    "conv1": "conv_1",
    "norm1": "group_norm_1",
    "conv2": "conv_2",
    "norm2": "group_norm_2",
    "skip": "conv_skip",
    "norm": "group_norm",
    "out": "proj_attn",
}


def recognises(folder: Path) -> bool:
    """Return whether a folder has the layout of diffusers."""
    return (folder / CONFIG).is_file() or (folder / INDEX).is_file()


def read(folder: Path, options: ImportOptions) -> ImportedModel:
    """Read the model in a folder.

    Raises:
        ModelError: when files are missing or damaged, or have another network.
        RequestError: when `options` contradict the folder.
    """
    settings = read_settings(folder / CONFIG)
    if options.weights is not None:
        raise RequestError(f"{folder} holds one set of weights only; leave 'weights' out.")
    check_rate(folder, setting(settings, "sample_rate"), options)
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(
            f"{folder} lacks the weights, {WEIGHTS[0]} or {Path(WEIGHTS[1]).name}; get it again."
        )
    network = _network(folder, settings)
    config = make_config(
        folder,
        network,
        kind="v",
        rate=first_known(options.rate, setting(settings, "sample_rate")),
        length=first_known(options.length, setting(settings, "sample_size")),
        channels=setting(settings, "in_channels"),
        sampling=V_SAMPLING,
    )
    tensors = read_checkpoint(weights).tensors
    found = import_tensors(
        weights, config, lambda name: _mapping(name, network), tensors, _constants(network)
    )
    return ImportedModel(
        config, found, f"Dance Diffusion's network, read from the diffusers folder `{folder.name}`"
    )


def _network(folder: Path, settings: Any) -> DanceDiffusionConfig:
    """Return the network that settings describe; raises ModelError if it is not Dance Diffusion's."""
    down, widths = setting(settings, "down_block_types") or [], setting(settings, "block_out_channels") or []
    try:
        attentions = 1 + [*down].count("AttnDownBlock1D")
        network = DanceDiffusionConfig(channels=(*widths, *widths[-1:]), attentions=attentions)
        expected = _settings(network)
    except (ValidationError, TypeError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise ModelError(f"{folder / CONFIG} describes no network of Dance Diffusion ({problem}).") from error
    for name, value in expected.items():
        if settings.get(name, value) != value and name != "time_embedding_dim":
            raise ModelError(
                f"{folder / CONFIG} describes another network than Dance Diffusion's ({name} is "
                f"{settings[name]}, not {value}); wavesmith cannot build it."
            )
    return network


def _settings(network: DanceDiffusionConfig) -> dict[str, Any]:
    """Return diffusers' description of the network."""
    levels, attending = len(network.channels) - 1, network.attentions - 1
    plain = levels - 1 - attending
    return {
        "_class_name": "UNet1DModel",
        "extra_in_channels": 2 * NOISE_FEATURES,
        "time_embedding_type": "fourier",
        "time_embedding_dim": 2 * NOISE_FEATURES,
        "use_timestep_embedding": False,
        "flip_sin_to_cos": True,
        "block_out_channels": [*network.channels[:-1]],
        "down_block_types": ["DownBlock1DNoSkip"] + ["DownBlock1D"] * plain + ["AttnDownBlock1D"] * attending,
        "mid_block_type": "UNetMidBlock1D",
        "up_block_types": ["AttnUpBlock1D"] * attending + ["UpBlock1D"] * plain + ["UpBlock1DNoSkip"],
    }


def _mapping(name: str, config: DanceDiffusionConfig) -> TensorMapping:
    """Return the mapping of the tensor with our `name`."""
    where = dance_diffusion.locate(name, config)
    if where is None:
        return TensorMapping(name, ("time_proj.weight",))
    level, number, lowest = _levels(config)[where.depth], where.block, where.depth + 1 == len(config.channels)
    half, number = (0, number) if lowest else divmod(number, 3)
    attention = where.layer in ("norm", "qkv", "out")
    block = f"{level[half]}.{'attentions' if attention else 'resnets'}.{number}"
    layers = ("query", "key", "value") if where.layer == "qkv" else (_LAYERS[where.layer],)
    tap = -1 if where.layer == "skip" else None  # of a convolution of one
    return TensorMapping(name, tuple(f"{block}.{layer}.{where.parameter}" for layer in layers), one=tap)


def _levels(config: DanceDiffusionConfig) -> list[tuple[str, str]]:
    """Return the names of each level's down block and up block."""
    count = len(config.channels) - 1
    pairs = [(f"down_blocks.{depth}", f"up_blocks.{count - 1 - depth}") for depth in range(count)]
    return [*pairs, ("mid_block", "mid_block")]


def _constants(config: DanceDiffusionConfig) -> dict[str, Tensor]:
    """Return the resampling filters between levels."""
    taps, levels = torch.from_numpy(FILTER), _levels(config)[1:]
    return {f"{down}.down.kernel": taps for down, _ in levels} | {
        f"{up}.up.kernel": 2 * taps for _, up in levels
    }


def write(config: DiffusionConfig, network: Mapping[str, Tensor], folder: Path) -> None:
    """Write a folder that `DanceDiffusionPipeline.from_pretrained` reads.

    Raises:
        ModelError: when diffusers cannot build the network.
        WavesmithError: when the folder cannot be written.
    """
    assert isinstance(config.network, DanceDiffusionConfig)
    unet = config.network
    changing = [a != b for a, b in pairwise(unet.channels[len(unet.channels) - unet.attentions - 1 :])]
    if (unet.kernel, unet.bias) != (5, True) or unet.attentions < 1 or any(changing):
        raise ModelError(
            "diffusers cannot build this network: it has only convolutions of 5 taps with bias, and "
            "attention only where the width does not change; convert it to a ckpt."
        )
    tensors = export_tensors([_mapping(name, unet) for name in network], network) | _constants(unet)
    sizes = {"in_channels": config.channels, "out_channels": config.channels}
    sizes |= {"sample_rate": config.rate, "sample_size": config.length}
    pipeline = {"_class_name": "DanceDiffusionPipeline", "scheduler": ["diffusers", "IPNDMScheduler"]}
    with replacing(folder / WEIGHTS[0]) as temporary:
        write_tensors(tensors, temporary)
    for file, settings in {
        CONFIG: _settings(unet) | sizes,
        "scheduler/scheduler_config.json": {"_class_name": "IPNDMScheduler", "num_train_timesteps": 1000},
        INDEX: pipeline | {"unet": ["diffusers", "UNet1DModel"]},
    }.items():
        with replacing(folder / file) as temporary:
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
