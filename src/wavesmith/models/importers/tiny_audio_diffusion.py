"""Tiny Audio Diffusion's checkpoints, and other Lightning files with a `UNetV0` of audio-diffusion-pytorch.

A checkpoint has the network nine times: the trained model, a copy of it and an average of its weights, each
under three names. In that code the average never affected any sound: its copies computed with the weights of
the trained model. So these are read unless the average is requested.
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
from wavesmith.models.importers.tensor_names import TensorMapping, export_tensors, identical, import_tensors
from wavesmith.networks import AttentionUNetConfig

RATE, LENGTH = 44100, 32768
"""Rate and length of all its published models."""

_SETS = {"online": ("model.", "model_ema.online_model."), "ema": ("model_ema.ema_model.",)}
_NETS = ("net.", "diffusion.net.", "sampler.net.")
_LEVEL = "blocks.2.net"
_HEAD_WIDTH = 64

_KINDS = {  # kinds of modules in a level, by the names of their tensors
    "residual": r"block\.blocks\.0\.blocks\.",
    "inner": r"(block\.blocks|skip)\.",
    "attention": r"blocks\.0\.block\.(norm|norm_context|to_q|to_kv|attention)\.",
    "modulation": r"blocks\.0\.block\.blocks\.0\.1\.",
    "up": r"block\.1\.",
    "down": r"block\.",
}
_TIME = {
    "time.frequencies": ("blocks.0.weights",),
    "time.proj_in": ("blocks.0.to_out",),
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


def recognises(checkpoint: CheckpointFile) -> bool:
    """Return whether the tensors have audio-diffusion-pytorch's names."""
    return any(_prefixes(checkpoint.tensors, which) for which in _SETS)


def read(checkpoint: CheckpointFile, options: ImportOptions) -> ImportedModel:
    """Read the model in a checkpoint.

    Raises:
        ModelError: when the checkpoint is incomplete.
        RequestError: when its rate or length are unknown, or `options` contradict it.
    """
    which = options.weights or ("online" if _prefixes(checkpoint.tensors, "online") else "ema")
    prefixes = _prefixes(checkpoint.tensors, which)
    if not prefixes:
        raise RequestError(f"{checkpoint.path} has no '{which}' weights; leave that out.")
    names = (name for name in checkpoint.tensors if name.startswith(prefixes[0]))
    tensors = {name.removeprefix(prefixes[0]): checkpoint.tensors[name] for name in names}
    stem = checkpoint.path.stem
    settings = settings_beside(checkpoint.path, "config.yaml", f"{stem}.yaml", "config.yml", f"{stem}.yml")
    network, channels = _network(checkpoint.path, tensors, setting(settings, "model", "model") or {})
    rate, length = _rate_and_length(checkpoint, settings, options, network)
    config = make_config(
        checkpoint.path, network, kind="v", rate=rate, length=length, channels=channels, sampling=V_SAMPLING
    )
    found = import_tensors(checkpoint.path, config, lambda name: _mapping(name, network), tensors)
    _check_copies(checkpoint, prefixes, tensors)
    kind = "the average of its weights" if which == "ema" else "its latest weights"
    return ImportedModel(
        config, found, f"Tiny Audio Diffusion's network, read from `{checkpoint.path.name}` ({kind})"
    )


def _prefixes(names: Iterable[str], which: str) -> list[str]:
    """Return the prefixes of a set of weights in the checkpoint, the most usual first."""
    prefixes = [model + net for model in _SETS[which] for net in _NETS]
    return [prefix for prefix in prefixes if any(name.startswith(f"{prefix}blocks.") for name in names)]


def _check_copies(checkpoint: CheckpointFile, prefixes: list[str], tensors: Mapping[str, Tensor]) -> None:
    """Raise ModelError for copies of a set of weights that differ: any of them may be the right one."""
    for prefix in prefixes[1:]:
        copies = ((name, checkpoint.tensors.get(prefix + name)) for name in tensors)
        unlike = [name for name, copy in copies if copy is not None and not identical(copy, tensors[name])]
        if unlike:
            raise ModelError(
                f"{checkpoint.path} has copies of one network, but {prefixes[0]}{unlike[0]} and "
                f"{prefix}{unlike[0]} differ; get it again, or remove all but one of the copies."
            )


def _network(path: Path, tensors: Mapping[str, Tensor], settings: Any) -> tuple[AttentionUNetConfig, int]:
    """Infer network configuration and audio channels from tensors, a few of which may be missing.

    Head width and number of norm groups are read from settings, as tensors do not show them.
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
        level = next((name for name, kind in kinds.items() if kind == "inner"), None)
    modulation, frequencies = (tensors.get(name) for name in ("blocks.0.to_out.bias", "blocks.0.weights"))
    if modulation is None or frequencies is None:
        raise ModelError(f"{path} lacks the noise embedding of Tiny Audio Diffusion's network; get it again.")
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
            modulation_features=modulation.numel(),
            fourier_features=frequencies.numel(),
            **groups,
        )
    except ValidationError as error:
        raise ModelError(
            f"{path} holds a network that wavesmith cannot build ({first_problem(error)})."
        ) from error
    return network, downs[0].shape[1]


def _kinds(tensors: Iterable[str], level: str) -> dict[str, str]:
    """Return the kinds of the modules of a level that have tensors here, by their names."""
    modules: dict[str, str] = {}
    start = f"{level}.block.blocks."
    for name in tensors:
        if name.startswith(start):
            number, _, rest = name.removeprefix(start).partition(".")
            kind = next((kind for kind, form in _KINDS.items() if re.match(form, rest)), "unknown")
            modules[start + number] = kind
    return modules


def _rate_and_length(
    checkpoint: CheckpointFile, settings: Any, options: ImportOptions, network: AttentionUNetConfig
) -> tuple[Any, Any]:
    """Return rate and length from the settings beside the file, its user, or the published network."""
    check_rate(checkpoint.path, setting(settings, "sampling_rate"), options)
    usual = (RATE, LENGTH) if network == AttentionUNetConfig() else (None, None)
    rate = first_known(options.rate, setting(settings, "sampling_rate"), usual[0])
    length = first_known(options.length, setting(settings, "length"), usual[1])
    if rate is None or length is None:
        raise unknown_length(checkpoint.path)
    return rate, length


def _mapping(name: str, config: AttentionUNetConfig) -> TensorMapping:
    """Return the mapping of the tensor with our `name`, without the prefix."""
    layer, _, parameter = name.rpartition(".")
    if name in _TIME:
        return TensorMapping(name, _TIME[name])
    if layer in _TIME:
        return TensorMapping(name, tuple(f"{theirs}.{parameter}" for theirs in _TIME[layer]), tied=True)
    inner, _, rest = re.sub(r"^unet((?:\.inner)*)\.", r"\1|", layer).partition("|")
    depth, level = inner.count("inner"), _LEVEL
    for outer in range(depth):
        level += f".block.blocks.{_middle(config, outer)}"
    if rest == "down":
        return TensorMapping(name, (f"{level}.block.blocks.0.block.{parameter}",))
    if rest == "up":
        last = 2 * _middle(config, depth) - (depth + 1 == len(config.channels))
        return TensorMapping(name, (f"{level}.block.blocks.{last}.block.1.{parameter}",))
    if rest == "gate":
        return TensorMapping(name, (f"{level}.skip.blocks.0.1.{parameter}",))
    side, item, kind = rest.split(".", 2)
    modules = 2 + config.attentions[depth]
    first = 1 if side == "before" else _middle(config, depth) + (depth + 1 < len(config.channels))
    if match := re.match(r"attentions\.(\d+)\.(.*)", kind):
        number, kind = 2 + int(match[1]), match[2]
    else:
        number = int(kind == "modulation")
    position = first + int(item) * modules + number
    return TensorMapping(name, (f"{level}.block.blocks.{position}.{_LAYERS[kind]}.{parameter}",))


def _middle(config: AttentionUNetConfig, depth: int) -> int:
    """Return the position of the lower levels in a level, or of its first block after them in the deepest."""
    return 1 + config.items[depth] * (2 + config.attentions[depth])


def export_checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """Return the content of a checkpoint for Tiny Audio Diffusion: our weights under all nine prefixes.

    Raises:
        ModelError: when that code cannot build the network.
    """
    assert isinstance(config.network, AttentionUNetConfig)
    unet = config.network
    if unet.context_features or any(unet.context_channels or ()):
        raise ModelError("Tiny Audio Diffusion has no network with a context; convert the model to a folder.")
    tensors = export_tensors([_mapping(ours, unet) for ours in network], network)
    prefixes = [model + net for which in _SETS.values() for model in which for net in _NETS]
    state = {prefix + theirs: tensors[theirs] for prefix in prefixes for theirs in tensors}
    state |= {"model_ema.initted": torch.ones(1), "model_ema.step": torch.zeros(1, dtype=torch.long)}
    return {"epoch": 0, "global_step": 0, "pytorch-lightning_version": "1.7.7", "state_dict": state}
