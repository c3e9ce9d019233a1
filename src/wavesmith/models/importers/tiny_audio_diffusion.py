"""Tiny Audio Diffusion's checkpoints, and other Lightning files with a `UNetV0` of audio-diffusion-pytorch.

The network is in there nine times: as the model that trained, a copy of it and an average of its weights,
each under three names. In that code the average never reached any sound: its copies computed with the weights
of the model that trained. So those are taken unless the average is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig
from wavesmith.models.importers.matching import Piece, gathered, same, spread
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
from wavesmith.networks import AttentionUNetConfig

RATE, LENGTH = 44100, 32768
"""What all of its published models were trained at."""

_SETS = {"online": ("model.", "model_ema.online_model."), "ema": ("model_ema.ema_model.",)}
_NETS = ("net.", "diffusion.net.", "sampler.net.")
_LEVEL = "blocks.2.net"
_HEAD_WIDTH = 64

_KINDS = {  # what is at a place of a level, by how the names of its tensors go on
    "residual": r"block\.blocks\.0\.blocks\.",
    "inner": r"(block\.blocks|skip)\.",
    "attention": r"blocks\.0\.block\.(norm|norm_context|to_q|to_kv|attention)\.",
    "modulation": r"blocks\.0\.block\.blocks\.0\.1\.",
    "up": r"block\.1\.",
    "down": r"block\.",
}
_TIME = {
    "time.frequencies": ("blocks.0.weights",),
    "time.inlet": ("blocks.0.to_out",),
    "time.hidden": ("blocks.1.blocks.0.0", "blocks.1.blocks.1.0"),
}
_LAYERS = {
    "residual.norm1": "block.blocks.0.blocks.0.0",
    "residual.conv1": "block.blocks.0.blocks.0.2",
    "residual.norm2": "block.blocks.0.blocks.1.0",
    "residual.conv2": "block.blocks.0.blocks.1.2",
    "modulation": "blocks.0.block.blocks.0.1",
    "norm": "blocks.0.block.norm",
    "norm_context": "blocks.0.block.norm_context",
    "to_query": "blocks.0.block.to_q",
    "to_key_value": "blocks.0.block.to_kv",
    "out": "blocks.0.block.attention.blocks.0",
}


def recognises(source: Source) -> bool:
    """Whether the tensors are called as in audio-diffusion-pytorch."""
    return any(_prefixes(source.tensors, which) for which in _SETS)


def read(source: Source, asked: Asked) -> Reading:
    """The model in a checkpoint.

    Raises:
        ModelError: when the checkpoint does not hold the whole of one.
        RequestError: when its rate or length are not known, or what was asked for contradicts it.
    """
    which = asked.weights or ("online" if _prefixes(source.tensors, "online") else "ema")
    prefixes = _prefixes(source.tensors, which)
    if not prefixes:
        raise RequestError(f"{source.path} does not hold '{which}' weights; leave that out.")
    names = (name for name in source.tensors if name.startswith(prefixes[0]))
    tensors = {name.removeprefix(prefixes[0]): source.tensors[name] for name in names}
    stem = source.path.stem
    settings = beside(source.path, "config.yaml", f"{stem}.yaml", "config.yml", f"{stem}.yml")
    network, channels = _measured(source.path, tensors, setting(settings, "model", "model") or {})
    rate, length = _rate_and_length(source, settings, asked, network)
    config = make_config(
        source.path, network, kind="v", rate=rate, length=length, channels=channels, sampling=V_SAMPLING
    )
    found = gathered(source.path, config, lambda name: _piece(name, network), tensors)
    _check_copies(source, prefixes, tensors)
    kind = "the average of its weights" if which == "ema" else "its weights as training left them"
    return Reading(config, found, f"Tiny Audio Diffusion's network, read from `{source.path.name}` ({kind})")


def _prefixes(names: Iterable[str], which: str) -> list[str]:
    """Prefixes under which a set of weights is there, the most usual first."""
    prefixes = [model + net for model in _SETS[which] for net in _NETS]
    return [prefix for prefix in prefixes if any(name.startswith(f"{prefix}blocks.") for name in names)]


def _check_copies(source: Source, prefixes: list[str], tensors: Mapping[str, Tensor]) -> None:
    """Refuse copies of a set of weights that differ: nobody can tell which of them made its sounds."""
    for prefix in prefixes[1:]:
        copies = ((name, source.tensors.get(prefix + name)) for name in tensors)
        unlike = [name for name, copy in copies if copy is not None and not same(copy, tensors[name])]
        if unlike:
            raise ModelError(
                f"{source.path} holds copies of one network, but {prefixes[0]}{unlike[0]} and "
                f"{prefix}{unlike[0]} differ; get it again, or keep only the copy that is meant."
            )


def _measured(path: Path, tensors: Mapping[str, Tensor], settings: Any) -> tuple[AttentionUNetConfig, int]:
    """Configuration and audio channels of the network that tensors make; a few may be missing.

    How wide an attention head is, and how many groups a norm has, cannot be seen in them.
    """
    downs: list[Tensor] = []
    items: list[tuple[int, int]] = []
    level: str | None = _LEVEL
    while level is not None:
        kinds = _kinds(tensors, level)
        down, counts = tensors.get(f"{level}.block.blocks.0.block.weight"), Counter(kinds.values())
        if down is None or down.ndim != 3 or counts["residual"] < 2:
            raise ModelError(f"{path} lacks most of Tiny Audio Diffusion's network; get it again.")
        downs.append(down)
        items.append((counts["residual"] // 2, counts["attention"] // counts["residual"]))
        level = next((place for place, kind in kinds.items() if kind == "inner"), None)
    told, frequencies = (tensors.get(name) for name in ("blocks.0.to_out.bias", "blocks.0.weights"))
    if told is None or frequencies is None:
        raise ModelError(f"{path} lacks what tells Tiny Audio Diffusion's network the noise; get it again.")
    queries = [tensor for name, tensor in tensors.items() if name.endswith(".to_q.weight") and tensor.ndim]
    width = setting(settings, "attention_features") or _HEAD_WIDTH
    groups = {"groups": setting(settings, "resnet_groups")} if setting(settings, "resnet_groups") else {}
    try:
        network = AttentionUNetConfig(
            channels=tuple(down.shape[0] for down in downs),
            factors=tuple(down.shape[2] for down in downs),
            items=tuple(count for count, _ in items),
            attentions=tuple(count for _, count in items),
            heads=max(1, queries[0].shape[0] // width) if queries and isinstance(width, int) else 1,
            head_features=width,
            modulation_features=told.numel(),
            fourier_features=frequencies.numel(),
            **groups,
        )
    except ValidationError as error:
        raise ModelError(
            f"{path} holds a network that wavesmith cannot build ({first_problem(error)})."
        ) from error
    return network, downs[0].shape[1]


def _kinds(tensors: Iterable[str], level: str) -> dict[str, str]:
    """What is at the places of a level, as far as its tensors are there: `{place: kind}`."""
    places: dict[str, str] = {}
    start = f"{level}.block.blocks."
    for name in tensors:
        if name.startswith(start):
            number, _, rest = name.removeprefix(start).partition(".")
            kind = next((kind for kind, form in _KINDS.items() if re.match(form, rest)), "unknown")
            places[start + number] = kind
    return places


def _rate_and_length(
    source: Source, settings: Any, asked: Asked, network: AttentionUNetConfig
) -> tuple[Any, Any]:
    """What the settings beside the file say, or its user, or what is known of the published network."""
    check_rate(source.path, setting(settings, "sampling_rate"), asked)
    usual = (RATE, LENGTH) if network == AttentionUNetConfig() else (None, None)
    rate = first(asked.rate, setting(settings, "sampling_rate"), usual[0])
    length = first(asked.length, setting(settings, "length"), usual[1])
    if rate is None or length is None:
        raise unsaid(source.path)
    return rate, length


def _piece(name: str, config: AttentionUNetConfig) -> Piece:
    """What the tensor with our `name` is called there, after the prefix."""
    layer, _, parameter = name.rpartition(".")
    if name in _TIME:
        return Piece(name, _TIME[name])
    if layer in _TIME:
        return Piece(name, tuple(f"{theirs}.{parameter}" for theirs in _TIME[layer]), tied=True)
    inner, _, rest = re.sub(r"^unet((?:\.inner)*)\.", r"\1|", layer).partition("|")
    depth, level = inner.count("inner"), _LEVEL
    for outer in range(depth):
        level += f".block.blocks.{_middle(config, outer)}"
    if rest == "down":
        return Piece(name, (f"{level}.block.blocks.0.block.{parameter}",))
    if rest == "up":
        last = 2 * _middle(config, depth) - (depth + 1 == len(config.channels))
        return Piece(name, (f"{level}.block.blocks.{last}.block.1.{parameter}",))
    if rest == "gate":
        return Piece(name, (f"{level}.skip.blocks.0.1.{parameter}",))
    side, item, kind = rest.split(".", 2)
    modules = 2 + config.attentions[depth]
    first = 1 if side == "before" else _middle(config, depth) + (depth + 1 < len(config.channels))
    if match := re.match(r"attentions\.(\d+)\.(.*)", kind):
        number, kind = 2 + int(match[1]), match[2]
    else:
        number = int(kind == "modulation")
    place = first + int(item) * modules + number
    return Piece(name, (f"{level}.block.blocks.{place}.{_LAYERS[kind]}.{parameter}",))


def _middle(config: AttentionUNetConfig, depth: int) -> int:
    """Place of the lower levels in a level, or of the first block after them in the deepest."""
    return 1 + config.items[depth] * (2 + config.attentions[depth])


def checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """What Tiny Audio Diffusion's code reads: our weights under all nine prefixes.

    Raises:
        ModelError: when the network has what that code has not.
    """
    assert isinstance(config.network, AttentionUNetConfig)
    unet = config.network
    if unet.context_features or any(unet.context_channels or ()):
        raise ModelError("Tiny Audio Diffusion has no place for a network that is told a context.")
    tensors = spread([_piece(ours, unet) for ours in network], network)
    prefixes = [model + net for which in _SETS.values() for model in which for net in _NETS]
    state = {prefix + theirs: tensors[theirs] for prefix in prefixes for theirs in tensors}
    state |= {"model_ema.initted": torch.ones(1), "model_ema.step": torch.zeros(1, dtype=torch.long)}
    return {"epoch": 0, "global_step": 0, "pytorch-lightning_version": "1.7.7", "state_dict": state}
