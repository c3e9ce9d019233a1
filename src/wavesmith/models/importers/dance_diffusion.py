"""Dance Diffusion's checkpoints: Lightning's of sample-generator, whole or trimmed, those of sample-diffusion
with a `model_config`, and stable-audio-tools' exports of its `DAU1d`.

All hold the same tensors under different prefixes. How large the network is follows from them.
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
from wavesmith.models.importers.matching import Piece, gathered, spread
from wavesmith.models.importers.official import Official, official
from wavesmith.models.importers.source import (
    V_SAMPLING,
    Asked,
    Reading,
    Source,
    beside,
    check_rate,
    first,
    make_config,
    setting,
    unsaid,
)
from wavesmith.networks import DanceDiffusionConfig
from wavesmith.networks.dance_diffusion_unet import FILTER

EMA, ONLINE = "diffusion_ema.", "diffusion."
_SETS = {"diffusion_ema": "ema", "diffusion": "online"}

EXPORT = "model_config.json"
"""What stable-audio-tools calls the settings beside an export."""

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


class Place(NamedTuple):
    """Where a tensor of our network is: `parameter` of a `layer` in one of a level's six blocks.

    Blocks 0, 1 and 2 come before the lower levels, 3, 4 and 5 after them.
    """

    depth: int
    block: int
    layer: str
    parameter: str


def place(name: str, config: DanceDiffusionConfig) -> Place | None:
    """Where the tensor with our `name` is; None for the frequencies that tell the noise level."""
    match = _PLACE.fullmatch(name)
    if match is None:
        return None
    inner, side, number, layer, parameter = match.groups()
    depth = inner.count("inner")
    modules = 2 if depth >= len(config.channels) - config.attentions else 1  # a block attends at the end
    return Place(depth, int(number) // modules + 3 * (side == "after"), layer, parameter)


def recognises(source: Source) -> bool:
    """Whether the tensors are called as in Dance Diffusion."""
    return bool(_prefixes(source.tensors))


def read(source: Source, asked: Asked) -> Reading:
    """The model in a checkpoint.

    Raises:
        ModelError: when the checkpoint does not hold the whole of one.
        RequestError: when its rate or length are not known, or what was asked for contradicts it.
    """
    which, prefix = _chosen(source, asked)
    names = (name for name in source.tensors if name.startswith(prefix))
    tensors = {name.removeprefix(prefix): source.tensors[name] for name in names}
    network, channels = _measured(source.path, tensors)
    rate, length = _rate_and_length(source, asked)
    config = make_config(
        source.path, network, kind="v", rate=rate, length=length, channels=channels, sampling=V_SAMPLING
    )
    found = gathered(source.path, config, lambda name: _piece(name, network), tensors, constants(network))
    kind = {"ema": "the average of its weights", "online": "its weights as training left them"}.get(which)
    about = f"Dance Diffusion's network, read from `{source.path.name}`" + (f" ({kind})" if kind else "")
    return Reading(config, found, about)


def _prefixes(names: Iterable[str]) -> set[str]:
    return {match[1] for name in names if (match := _PREFIX.match(name))}


def _chosen(source: Source, asked: Asked) -> tuple[str, str]:
    """Which set of weights to take, and its prefix."""
    sets = _sets(source)
    which: str = asked.weights or ("ema" if "ema" in sets else next(iter(sets)))
    if which not in sets:
        raise RequestError(f"{source.path} does not hold '{which}' weights; leave that out.")
    return which, sets[which]


def _sets(source: Source) -> dict[str, str]:
    """Prefixes of all sets of weights by `ema` and `online`, whatever these lie in; one alone may be any."""
    prefixes = sorted(_prefixes(source.tensors))
    sets = {_SETS.get(prefix.split(".")[-2:][0], prefix): prefix for prefix in prefixes}
    if len(prefixes) > 1 and not (len(sets) == len(prefixes) and sets.keys() <= set(_SETS.values())):
        raise ModelError(
            f"{source.path} holds several networks ({', '.join(prefixes)}), of which wavesmith knows no more "
            f"than one {EMA} and one {ONLINE}; keep those that are meant."
        )
    return sets


def _level(depth: int) -> str:
    """What the names of a level's layers begin with."""
    return "net.3" + ".main.7" * (depth - 1) + ".main" if depth else "net"


def _blocks(depth: int) -> list[str]:
    """Names of a level's six residual blocks."""
    numbers = (1, 3, 5, 8, 10, 12) if depth else (0, 1, 2, 4, 5, 6)
    return [f"{_level(depth)}.{number}" for number in numbers]


def _piece(name: str, config: DanceDiffusionConfig) -> Piece:
    """What the tensor with our `name` is called in a checkpoint."""
    where = place(name, config)
    if where is None:
        return Piece(name, ("timestep_embed.weight",), one=-1)
    block, matrix = _blocks(where.depth)[where.block], where.parameter == "weight"
    if where.layer in ("norm", "qkv", "out"):  # attention is the next module
        level, _, number = block.rpartition(".")
        block = f"{level}.{int(number) + 1}"
    tap = -1 if matrix and where.layer in ("skip", "qkv", "out") else None  # of a convolution of one
    return Piece(name, (f"{block}.{_LAYERS[where.layer]}.{where.parameter}",), one=tap)


def constants(config: DanceDiffusionConfig) -> dict[str, Tensor]:
    """The filters between levels, which checkpoints hold as well."""
    levels = [_level(depth) for depth in range(1, len(config.channels))]
    taps = torch.from_numpy(FILTER)
    return {f"{level}.0.kernel": taps for level in levels} | {
        f"{level}.14.kernel": 2 * taps for level in levels
    }


def _measured(path: Path, tensors: Mapping[str, Tensor]) -> tuple[DanceDiffusionConfig, int]:
    """Configuration and audio channels of the network that tensors make; a few may be missing."""

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


def _rate_and_length(source: Source, asked: Asked) -> tuple[Any, Any]:
    """What the file says, or one beside it, or its user, or the list of the official models."""
    export = beside(source.path, EXPORT, "config.json")
    info = setting(source.content, "model_config", "model_info") or {}
    said = first(setting(info, "sample_rate"), setting(export, "sample_rate"))
    check_rate(source.path, said, asked)
    rate = first(asked.rate, said)
    length = first(asked.length, setting(info, "native_chunk_size"), setting(export, "sample_size"))
    if (said is None or length is None) and (known := _official(source, rate, length)):
        return known.rate, known.length
    if rate is None or length is None:
        raise unsaid(source.path)
    return rate, length


def _official(source: Source, rate: Any, length: Any) -> Official | None:
    """Which of the official models it is; RequestError when it has another rate or length than given."""
    whole = "optimizer_states" in source.content
    known = official(source.path, whole, sure=rate is not None and length is not None)
    if known and (first(rate, known.rate), first(length, known.length)) != (known.rate, known.length):
        raise RequestError(
            f"{source.path} is Harmonai's {known.name}, of rate {known.rate} and length {known.length}; "
            "leave rate and length out (--seconds makes other lengths) or, if it is another model, rename it."
        )
    return known


def checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """What sample-generator and sample-diffusion read: our weights, as the average and as the latest."""
    assert isinstance(config.network, DanceDiffusionConfig)
    unet = config.network
    tensors = spread([_piece(ours, unet) for ours in network], network) | constants(unet)
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
            # Two levels more than this number attend in that code.
            "diffusion_config": {"n_attn_layers": max(0, unet.attentions - 2)},
        },
    }
