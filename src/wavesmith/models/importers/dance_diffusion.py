"""Dance Diffusion's checkpoints: Lightning's of sample-generator, whole or trimmed, those of sample-diffusion
with a `model_config`, and stable-audio-tools' exports of its `DAU1d`.

All have the same tensors under different prefixes; the size of the network follows from their shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig
from wavesmith.models.importers.checkpoint import (
    V_SAMPLING,
    CheckpointFile,
    ImportedModel,
    ImportOptions,
    check_rate,
    first_known,
    make_config,
    setting,
    settings_beside,
    unknown_length,
)
from wavesmith.models.importers.official import OfficialModel, official_model
from wavesmith.models.importers.tensor_names import TensorMapping, export_tensors, import_tensors
from wavesmith.networks import DanceDiffusionConfig
from wavesmith.networks.dance_diffusion_unet import FILTER

EMA, ONLINE = "diffusion_ema.", "diffusion."
_SETS = {"diffusion_ema": "ema", "diffusion": "online"}

EXPORT = "model_config.json"
"""Name of the settings file beside an export of stable-audio-tools."""

_PREFIX = re.compile(r"((?:\w+\.)*?)(?:net\.\d+\.|timestep_embed\.)")
_PLACE = re.compile(r"unet((?:\.inner)*)\.(before|after)\.(\d+)\.(\w+)\.(weight|bias)")
_LAYERS = {
    "conv1": "main.0",
    "norm1": "main.1",
    "conv2": "main.3",
    "norm2": "main.4",
    "skip": "skip",
    "norm": "norm",
    "qkv": "qkv_proj",
    "out": "out_proj",
}


class Location(NamedTuple):
    """Location of a tensor in our network: `parameter` of a `layer` in one of a level's six blocks.

    Blocks 0, 1 and 2 come before the lower levels, 3, 4 and 5 after them.
    """

    depth: int
    block: int
    layer: str
    parameter: str


def locate(name: str, config: DanceDiffusionConfig) -> Location | None:
    """Return the location of the tensor with our `name`; None for the frequencies of the noise embedding."""
    match = _PLACE.fullmatch(name)
    if match is None:
        return None
    inner, side, number, layer, parameter = match.groups()
    depth = inner.count("inner")
    modules = 2 if depth >= len(config.channels) - config.attentions else 1  # a block attends at the end
    return Location(depth, int(number) // modules + 3 * (side == "after"), layer, parameter)


def recognises(checkpoint: CheckpointFile) -> bool:
    """Return whether the tensors have Dance Diffusion's names."""
    return bool(_prefixes(checkpoint.tensors))


def read(checkpoint: CheckpointFile, options: ImportOptions) -> ImportedModel:
    """Read the model in a checkpoint.

    Raises:
        ModelError: when the checkpoint is incomplete.
        RequestError: when its rate or length are unknown, or `options` contradict it.
    """
    which, prefix = _chosen(checkpoint, options)
    names = (name for name in checkpoint.tensors if name.startswith(prefix))
    tensors = {name.removeprefix(prefix): checkpoint.tensors[name] for name in names}
    network, channels = _network(checkpoint.path, tensors)
    rate, length = _rate_and_length(checkpoint, options)
    config = make_config(
        checkpoint.path, network, kind="v", rate=rate, length=length, channels=channels, sampling=V_SAMPLING
    )
    found = import_tensors(
        checkpoint.path, config, lambda name: _mapping(name, network), tensors, constants(network)
    )
    kind = {"ema": "the average of its weights", "online": "its latest weights"}.get(which)
    about = f"Dance Diffusion's network, read from `{checkpoint.path.name}`" + (f" ({kind})" if kind else "")
    return ImportedModel(config, found, about)


def _prefixes(names: Iterable[str]) -> set[str]:
    return {match[1] for name in names if (match := _PREFIX.match(name))}


def _chosen(checkpoint: CheckpointFile, options: ImportOptions) -> tuple[str, str]:
    """Return the set of weights to read, and its prefix."""
    sets = _sets(checkpoint)
    which: str = options.weights or ("ema" if "ema" in sets else next(iter(sets)))
    if which not in sets:
        raise RequestError(f"{checkpoint.path} has no '{which}' weights; leave that out.")
    return which, sets[which]


def _sets(checkpoint: CheckpointFile) -> dict[str, str]:
    """Return the prefixes of all sets of weights by `ema` and `online`; a single set may have any prefix."""
    prefixes = sorted(_prefixes(checkpoint.tensors))
    sets = {_SETS.get(prefix.split(".")[-2:][0], prefix): prefix for prefix in prefixes}
    if len(prefixes) > 1 and not (len(sets) == len(prefixes) and sets.keys() <= set(_SETS.values())):
        raise ModelError(
            f"{checkpoint.path} holds several networks ({', '.join(prefixes)}), of which wavesmith reads at "
            f"most one {EMA} and one {ONLINE}; remove the others."
        )
    return sets


def _level(depth: int) -> str:
    """Return the prefix of the names of a level's layers."""
    return "net.3" + ".main.7" * (depth - 1) + ".main" if depth else "net"


def _blocks(depth: int) -> list[str]:
    """Return the names of a level's six residual blocks."""
    numbers = (1, 3, 5, 8, 10, 12) if depth else (0, 1, 2, 4, 5, 6)
    return [f"{_level(depth)}.{number}" for number in numbers]


def _mapping(name: str, config: DanceDiffusionConfig) -> TensorMapping:
    """Return the mapping of the tensor with our `name`."""
    where = locate(name, config)
    if where is None:
        return TensorMapping(name, ("timestep_embed.weight",), one=-1)
    block, matrix = _blocks(where.depth)[where.block], where.parameter == "weight"
    if where.layer in ("norm", "qkv", "out"):  # attention is the next module
        level, _, number = block.rpartition(".")
        block = f"{level}.{int(number) + 1}"
    tap = -1 if matrix and where.layer in ("skip", "qkv", "out") else None  # of a convolution of one
    return TensorMapping(name, (f"{block}.{_LAYERS[where.layer]}.{where.parameter}",), one=tap)


def constants(config: DanceDiffusionConfig) -> dict[str, Tensor]:
    """Return the resampling filters between levels, which checkpoints have as well."""
    levels = [_level(depth) for depth in range(1, len(config.channels))]
    taps = torch.from_numpy(FILTER)
    return {f"{level}.0.kernel": taps for level in levels} | {
        f"{level}.14.kernel": 2 * taps for level in levels
    }


def _network(path: Path, tensors: Mapping[str, Tensor]) -> tuple[DanceDiffusionConfig, int]:
    """Infer network configuration and audio channels from tensors, a few of which may be missing."""

    def found(names: Iterable[str]) -> list[Tensor]:
        return [tensors[name] for name in names if name in tensors and tensors[name].ndim == 3]

    depths = range(1 + max(name.startswith("net.3.") + name.count("main.7.") for name in tensors))
    convs = [found(f"{block}.main.0.weight" for block in _blocks(depth)) for depth in depths]
    attentions = [
        found(f"{_level(depth)}.{number}.qkv_proj.weight" for number in (2, 4, 6, 9, 11, 13))
        for depth in depths
    ]
    outlet = found(["net.6.main.3.weight"])
    if not all(convs) or not outlet:
        raise ModelError(f"{path} lacks most of Dance Diffusion's network; get it again.")
    try:
        network = DanceDiffusionConfig(
            channels=tuple(some[0].shape[0] for some in convs),
            attentions=sum(map(bool, attentions)),
            kernel=convs[0][0].shape[2],
            bias=any(name.endswith("main.0.bias") for name in tensors),
        )
    except ValidationError as error:
        raise ModelError(
            f"{path} holds a network that wavesmith cannot build ({first_problem(error)}); get another."
        ) from error
    return network, outlet[0].shape[0]


def _rate_and_length(checkpoint: CheckpointFile, options: ImportOptions) -> tuple[Any, Any]:
    """Return rate and length from the file, one beside it, its user, or the list of official models."""
    export = settings_beside(checkpoint.path, EXPORT, "config.json")
    info = setting(checkpoint.content, "model_config", "model_info") or {}
    stated = first_known(setting(info, "sample_rate"), setting(export, "sample_rate"))
    check_rate(checkpoint.path, stated, options)
    rate = first_known(options.rate, stated)
    length = first_known(options.length, setting(info, "native_chunk_size"), setting(export, "sample_size"))
    if (stated is None or length is None) and (known := _official(checkpoint, rate, length)):
        return known.rate, known.length
    if rate is None or length is None:
        raise unknown_length(checkpoint.path)
    return rate, length


def _official(checkpoint: CheckpointFile, rate: Any, length: Any) -> OfficialModel | None:
    """Find the official model; raises RequestError when its rate or length differ from those given."""
    whole = "optimizer_states" in checkpoint.content
    known = official_model(checkpoint.path, whole, sure=rate is not None and length is not None)
    if known and (first_known(rate, known.rate), first_known(length, known.length)) != (
        known.rate,
        known.length,
    ):
        raise RequestError(
            f"{checkpoint.path} is Harmonai's {known.name}, of rate {known.rate} and length {known.length}; "
            "leave rate and length out (--seconds makes other lengths) or, if it is another model, rename it."
        )
    return known


def export_checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """Return the content of a checkpoint for sample-generator and sample-diffusion: our weights, twice."""
    assert isinstance(config.network, DanceDiffusionConfig)
    unet = config.network
    tensors = export_tensors([_mapping(ours, unet) for ours in network], network) | constants(unet)
    return {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": "1.9.5",
        "state_dict": {prefix + theirs: tensors[theirs] for prefix in (ONLINE, EMA) for theirs in tensors},
        "model_config": {
            "version": [1, 0],
            "model_info": {
                "name": name,
                "description": "written by wavesmith",
                "type": "DD",
                "native_chunk_size": config.length,
                "sample_rate": config.rate,
            },
            # That code adds two levels with attention to this number.
            "diffusion_config": {"n_attn_layers": max(0, unet.attentions - 2)},
        },
    }
