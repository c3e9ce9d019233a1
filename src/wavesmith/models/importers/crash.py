"""CRASH's checkpoints: `{"step", "model", "ema_weights"}`; averages are listed in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig, SamplingDefaults
from wavesmith.models.importers.checkpoint import (
    CheckpointFile,
    ImportedModel,
    ImportOptions,
    first_known,
    make_config,
    named_tensors,
)
from wavesmith.models.importers.tensor_names import TensorMapping, export_tensors, import_tensors
from wavesmith.networks import CrashUNetConfig

SAMPLING = SamplingDefaults(
    sampler="ddim", schedule="crash", steps=50, sigma_min=1e-4, sigma_max=22.3, guidance=1.0
)
"""Its authors' quickest settings for good drums, over the noise levels of its training."""

RATE, LENGTH = 44100, 21000

_FACTORS = {5: (2, 2, 3, 5, 5)}
"""Downsampling of the levels by their number; the weights do not show it."""

_ORDER = (
    *("conv_1", "embedding", "downsample", "gamma_beta", "upsample", "last_conv"),
    *("RFF_freq", "MLP", "residual_dense", "layer_1", "convs", "output_layer"),
    *("weight", "bias"),
)


def recognises(checkpoint: CheckpointFile) -> bool:
    """Return whether a file has the layout of CRASH."""
    return "embedding.RFF_freq" in _model(checkpoint)


def read(checkpoint: CheckpointFile, options: ImportOptions) -> ImportedModel:
    """Read the model in a checkpoint.

    Raises:
        ModelError: when the checkpoint is incomplete.
        RequestError: when the requested weights are missing.
    """
    tensors: dict[str, Tensor] = _model(checkpoint)
    average = checkpoint.content.get("ema_weights")
    if options.weights == "ema" and average is None:
        raise RequestError(f"{checkpoint.path} has no 'ema' weights; leave that out.")
    averaged = average is not None and options.weights != "online"
    if averaged:
        if not isinstance(average, list) or not all(isinstance(one, Tensor) for one in average):
            raise ModelError(
                f"{checkpoint.path} has averages that are no list of tensors; get it again, or choose its "
                "'online' weights."
            )
        if len(average) != len(tensors):
            raise ModelError(
                f"{checkpoint.path} has {len(average)} averages for {len(tensors)} tensors; "
                "get it again, or choose its 'online' weights."
            )
        tensors = dict(zip(tensors, average, strict=True))
    widths: list[int] = []
    while (skip := tensors.get(f"downsample.{len(widths)}.residual_dense.weight")) is not None and skip.ndim:
        widths.append(skip.shape[0])
    inlet, factors = tensors.get("conv_1.weight"), _FACTORS.get(len(widths))
    if inlet is None or not inlet.ndim or factors is None:
        raise ModelError(f"{checkpoint.path} lacks part of CRASH's network; get it again.")
    try:
        network = CrashUNetConfig(inlet=inlet.shape[0], widths=tuple(widths), factors=factors)
    except ValidationError as error:
        raise ModelError(
            f"{checkpoint.path} holds a network that wavesmith cannot build ({first_problem(error)})."
        ) from error
    config = make_config(
        checkpoint.path,
        network,
        kind="epsilon",
        rate=first_known(options.rate, RATE),
        length=first_known(options.length, LENGTH),
        channels=1,
        sampling=SAMPLING,
    )
    found = import_tensors(checkpoint.path, config, lambda name: _mapping(name, network), tensors)
    kind = "the average of its weights" if averaged else "its latest weights"
    return ImportedModel(config, found, f"CRASH's network, read from `{checkpoint.path.name}` ({kind})")


def _model(checkpoint: CheckpointFile) -> dict[str, Tensor]:
    return named_tensors(checkpoint.content.get("model"))


def _mapping(name: str, config: CrashUNetConfig) -> TensorMapping:
    """Return the mapping of the tensor with our `name`."""
    match name.split("."):
        case ["noise", "frequencies"]:
            return TensorMapping(name, ("embedding.RFF_freq",), one=0)
        case ["noise", "layers", number, parameter]:
            theirs = f"embedding.MLP.{number}.{parameter}"
        case ["proj_in", parameter]:
            theirs = f"conv_1.{parameter}"
        case ["proj_out", parameter]:
            theirs = f"last_conv.{parameter}"
        case ["down", level, "modulation", parameter]:
            theirs = f"gamma_beta.{level}.output_layer.{parameter}"
        case ["down", level, "convs", "0", parameter]:
            theirs = f"downsample.{level}.layer_1.{parameter}"
        case ["down", level, "convs", number, parameter]:
            theirs = f"downsample.{level}.convs.{int(number) - 1}.{parameter}"
        case ["down", level, "skip", parameter]:
            theirs = f"downsample.{level}.residual_dense.{parameter}"
        case ["up", level, *layer, parameter]:  # CRASH counts from the deepest
            kind = "residual_dense" if layer == ["skip"] else ".".join(layer)
            theirs = f"upsample.{len(config.widths) - 1 - int(level)}.{kind}.{parameter}"
    return TensorMapping(name, (theirs,))


def export_checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """Return the content of a checkpoint for CRASH: our weights, as the latest and as the average."""
    assert isinstance(config.network, CrashUNetConfig)
    unet = config.network
    tensors = export_tensors([_mapping(ours, unet) for ours in network], network)
    ordered = {theirs: tensors[theirs] for theirs in sorted(tensors, key=_rank)}
    return {"step": 0, "model": ordered, "ema_weights": list(ordered.values())}


def _rank(name: str) -> list[int]:
    """Return the sort key of a tensor in the order of CRASH's network, which identifies the averages."""
    return [int(part) if part.isdigit() else _ORDER.index(part) for part in name.split(".")]
