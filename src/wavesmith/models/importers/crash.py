"""CRASH's checkpoints: `{"step", "model", "ema_weights"}`; averages are listed in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from wavesmith.errors import ModelError, RequestError, first_problem
from wavesmith.families.diffusion import DiffusionConfig, SamplingDefaults
from wavesmith.models.importers.matching import Piece, gathered, spread
from wavesmith.models.importers.source import Asked, Reading, Source, first, make_config, named_tensors
from wavesmith.networks import CrashUNetConfig

SAMPLING = SamplingDefaults(
    sampler="ddim", schedule="crash", steps=50, sigma_min=1e-4, sigma_max=22.3, guidance=1.0
)
"""Its authors' quickest way to good drums, over the noise that it was trained on."""

RATE, LENGTH = 44100, 21000

_FACTORS = {5: (2, 2, 3, 5, 5)}
"""What the levels divide the rate by, which cannot be seen in the weights, by the number of levels."""

_ORDER = (
    *("conv_1", "embedding", "downsample", "gamma_beta", "upsample", "last_conv"),
    *("RFF_freq", "MLP", "residual_dense", "layer_1", "convs", "output_layer"),
    *("weight", "bias"),
)


def recognises(source: Source) -> bool:
    """Whether a file is laid out like CRASH's."""
    return "embedding.RFF_freq" in _model(source)


def read(source: Source, asked: Asked) -> Reading:
    """The model in a checkpoint.

    Raises:
        ModelError: when the checkpoint does not hold the whole of one.
        RequestError: when the weights that were asked for are not there.
    """
    tensors: dict[str, Tensor] = _model(source)
    average = source.content.get("ema_weights")
    if asked.weights == "ema" and average is None:
        raise RequestError(f"{source.path} does not hold 'ema' weights; leave that out.")
    averaged = average is not None and asked.weights != "online"
    if averaged:
        if not isinstance(average, list) or not all(isinstance(one, Tensor) for one in average):
            raise ModelError(
                f"{source.path} holds averages that are no list of tensors; get it again, or ask for its "
                "'online' weights."
            )
        if len(average) != len(tensors):
            raise ModelError(
                f"{source.path} holds the averages of {len(average)} tensors, but {len(tensors)} tensors; "
                "get it again, or ask for its 'online' weights."
            )
        tensors = dict(zip(tensors, average, strict=True))
    widths: list[int] = []
    while (skip := tensors.get(f"downsample.{len(widths)}.residual_dense.weight")) is not None and skip.ndim:
        widths.append(skip.shape[0])
    inlet, factors = tensors.get("conv_1.weight"), _FACTORS.get(len(widths))
    if inlet is None or not inlet.ndim or factors is None:
        raise ModelError(f"{source.path} lacks part of CRASH's network; get it again.")
    try:
        network = CrashUNetConfig(inlet=inlet.shape[0], widths=tuple(widths), factors=factors)
    except ValidationError as error:
        raise ModelError(
            f"{source.path} holds a network that wavesmith cannot build ({first_problem(error)})."
        ) from error
    config = make_config(
        source.path,
        network,
        kind="epsilon",
        rate=first(asked.rate, RATE),
        length=first(asked.length, LENGTH),
        channels=1,
        sampling=SAMPLING,
    )
    found = gathered(source.path, config, lambda name: _piece(name, network), tensors)
    kind = "the average of its weights" if averaged else "its weights as training left them"
    return Reading(config, found, f"CRASH's network, read from `{source.path.name}` ({kind})")


def _model(source: Source) -> dict[str, Tensor]:
    return named_tensors(source.content.get("model"))


def _piece(name: str, config: CrashUNetConfig) -> Piece:
    """What the tensor with our `name` is called there."""
    match name.split("."):
        case ["noise", "frequencies"]:
            return Piece(name, ("embedding.RFF_freq",), one=0)
        case ["noise", "layers", number, parameter]:
            theirs = f"embedding.MLP.{number}.{parameter}"
        case ["inlet", parameter]:
            theirs = f"conv_1.{parameter}"
        case ["outlet", parameter]:
            theirs = f"last_conv.{parameter}"
        case ["down", level, "modulation", parameter]:
            theirs = f"gamma_beta.{level}.output_layer.{parameter}"
        case ["down", level, "convs", "0", parameter]:
            theirs = f"downsample.{level}.layer_1.{parameter}"
        case ["down", level, "convs", number, parameter]:
            theirs = f"downsample.{level}.convs.{int(number) - 1}.{parameter}"
        case ["down", level, "skip", parameter]:
            theirs = f"downsample.{level}.residual_dense.{parameter}"
        case ["up", level, *layer, parameter]:  # counted from the deepest there
            kind = "residual_dense" if layer == ["skip"] else ".".join(layer)
            theirs = f"upsample.{len(config.widths) - 1 - int(level)}.{kind}.{parameter}"
    return Piece(name, (theirs,))


def checkpoint(config: DiffusionConfig, network: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """What CRASH's code reads: our weights, as the latest and as the average."""
    assert isinstance(config.network, CrashUNetConfig)
    unet = config.network
    tensors = spread([_piece(ours, unet) for ours in network], network)
    ordered = {theirs: tensors[theirs] for theirs in sorted(tensors, key=_rank)}
    return {"step": 0, "model": ordered, "ema_weights": list(ordered.values())}


def _rank(name: str) -> list[int]:
    """Where a tensor stands in the order of that code's network, by which averages are told apart."""
    return [int(part) if part.isdigit() else _ORDER.index(part) for part in name.split(".")]
