"""The diffusion family: a transform, a network and a parameterisation tied into one denoiser of sounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from wavesmith.diffusion import EDM, X0, Epsilon, Gated, Parameterisation, RectifiedFlow, V
from wavesmith.errors import RequestError, unknown
from wavesmith.networks import NetworkConfig, multiply_adds
from wavesmith.transforms import TransformConfig


class ParameterisationConfig(BaseModel):
    """What the network predicts; `sigma_data` (edm and gated) is the deviation of clean features."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["v", "epsilon", "x0", "flow", "edm", "gated"]
    sigma_data: float = Field(default=1.0, gt=0)

    def build(self) -> Parameterisation:
        """Make the parameterisation."""
        match self.kind:
            case "edm":
                return EDM(sigma_data=self.sigma_data)
            case "gated":
                return Gated(sigma_data=self.sigma_data)
            case "v":
                return V()
            case "epsilon":
                return Epsilon()
            case "x0":
                return X0()
            case "flow":
                return RectifiedFlow()


class Sampling(BaseModel):
    """How a model is best sampled: the defaults of every verb.

    `sigma_max` and `sigma_min` bound the walk; `guidance` is the classifier-free scale (1: none), applied
    only at noise levels within `guidance_interval`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sampler: str = "dpmpp_2m"
    schedule: str = "karras"
    steps: int = Field(default=16, ge=1)
    sigma_min: float = Field(default=0.003, ge=0)
    sigma_max: float = Field(default=20.0, gt=0)
    guidance: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1e9)

    @model_validator(mode="after")
    def _range_is_one(self) -> Sampling:
        if not self.sigma_min < self.sigma_max:
            raise ValueError(f"sigma_min ({self.sigma_min:g}) must be below sigma_max ({self.sigma_max:g})")
        return self


class DiffusionConfig(BaseModel):
    """Everything that `config.json` holds.

    Attributes:
        rate: samples per second.
        channels: audio channels.
        length: samples of the sounds it was trained on; any number will do.
        labels: names of the classes, sorted; empty for none.
        augments: number of augmentation features that the network was told in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Literal["diffusion"] = "diffusion"
    rate: int = Field(ge=1000, le=384_000)
    channels: int = Field(ge=1, le=16)
    length: int = Field(ge=1, le=2**31)
    labels: tuple[str, ...] = Field(default=(), max_length=65_536)
    augments: int = Field(default=0, ge=0, le=1024)
    transform: TransformConfig
    network: NetworkConfig
    parameterisation: ParameterisationConfig
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _space_suits(self) -> DiffusionConfig:
        check_space(self.transform, self.parameterisation)
        return self


def check_space(transform: TransformConfig, parameterisation: ParameterisationConfig) -> None:
    """Raise ValueError for `gated` outside time and frequency: its gate is a gain for a band at a time."""
    if parameterisation.kind == "gated" and transform.kind != "spectral":
        raise ValueError(
            f"gated needs the spectral transform, not {transform.kind}; choose another kind, such as edm"
        )


class DiffusionModel(nn.Module):
    """Sounds in, sounds out; in between, features `[B, F, T]` that a network removes noise from."""

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        self.config = config
        self.parameterisation = config.parameterisation.build()
        self.transform = config.transform.build(config.channels)
        self.network = config.network.build(
            self.transform.features,
            outputs=self.parameterisation.outputs,
            labels=len(config.labels),
            augments=config.augments,
        )

    def denoiser(self, x: Tensor, sigma: Tensor, **cond: Any) -> Tensor:
        """The denoiser in feature space: noisy `[B, F, T]` at `sigma` `[B]` to denoised `[B, F, T]`."""
        return self.parameterisation.denoise(self.network, x, sigma, **cond)

    def training_loss(self, waves: Tensor, sigma: Tensor, eps: Tensor, **cond: Any) -> Tensor:
        """Loss per item `[B]` for waves `[B, C, N]` at noise levels `[B]` with noise `[B, F, T]`."""
        with torch.autocast(waves.device.type, enabled=False):  # half precision is too coarse for a transform
            features = self.transform.encode(waves)
        return self.parameterisation.loss(self.network, features, sigma, eps, **cond)

    def feature_shape(self, length: int) -> tuple[int, int]:
        """Shape `(F, T)` of the features of a wave of `length` samples."""
        return self.transform.features, self.transform.frames(length)

    def multiply_adds(self, seconds: float = 1.0) -> int:
        """Multiply-adds of one pass of the network over one sound of this length.

        Guidance other than 1 doubles them. They are counted on a network without weights, which computes
        nothing.

        Raises:
            RequestError: when the length is not a positive number.
        """
        if not 0 < seconds < math.inf:
            raise RequestError(f"A sound of {seconds:g} seconds cannot be made; choose a positive length.")
        with weightless():
            network = DiffusionModel(self.config).network.to("meta").eval()
            x = torch.empty(1, *self.feature_shape(max(1, round(seconds * self.config.rate))))
            return multiply_adds(network, x, torch.empty(1), label=torch.empty(1, len(self.config.labels)))

    def label_weights(self, label: str | Mapping[str, float] | None) -> Tensor:
        """Weights over labels `[L]` for a name, a mix such as `{"kick": 0.7, "snare": 0.3}`, or no label.

        The weights of a mix are brought to a sum of 1.

        Raises:
            RequestError: for a label that the model does not know, or a mix that is none.
        """
        weights = torch.zeros(len(self.config.labels))
        mix = {label: 1.0} if isinstance(label, str) else dict(label or {})
        for name, weight in mix.items():
            if name not in self.config.labels:
                raise RequestError(_unknown_label(name, self.config.labels))
            if not 0 <= weight < math.inf:
                raise RequestError(f"The label '{name}' cannot have the weight {weight:g}; choose 0 or more.")
            weights[self.config.labels.index(name)] = weight
        if mix and not weights.any():
            raise RequestError("All labels of the mix have the weight 0; give one of them more.")
        return weights / max(float(weights.sum()), 1e-9)


@contextmanager
def weightless() -> Iterator[None]:
    """What is built inside has shapes but no numbers, and takes no memory."""
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    """Leaves out how weights begin, which on the meta device does nothing but import torch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _unknown_label(name: str, labels: Sequence[str]) -> str:
    if labels:
        return unknown("label", name, labels)
    return f"This model knows no labels, so it cannot be asked for '{name}'; leave the label out."
