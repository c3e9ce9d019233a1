"""Configuration of a diffusion model."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wavesmith.diffusion import (
    NOISE_LEVELS,
    PARAMETERISATIONS,
    LogitNormal,
    LogNormal,
    NoiseLevels,
    Parameterisation,
)
from wavesmith.errors import RequestError
from wavesmith.families.family import FamilyConfig, ObjectiveConfig
from wavesmith.networks import NetworkConfig
from wavesmith.transforms import SpectralConfig, TransformConfig


class ParameterisationConfig(BaseModel):
    """What the network predicts; `sigma_data` (edm and gated) is the standard deviation of clean features."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str
    sigma_data: float = Field(default=1.0, gt=0)

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        try:
            return PARAMETERISATIONS.canonical(kind)
        except RequestError as error:
            raise ValueError(str(error)) from error

    def build(self) -> Parameterisation:
        """Return the parameterisation."""
        kind = PARAMETERISATIONS[self.kind]
        return kind(**self.model_dump(include={field.name for field in fields(kind)}))


class SamplingDefaults(BaseModel):
    """How the model is best sampled: its own values for settings that a request leaves out.

    `sigma_max` and `sigma_min` bound the schedule; `guidance` is the classifier-free scale (1: none), applied
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
    def _check_range(self) -> SamplingDefaults:
        if not self.sigma_min < self.sigma_max:
            raise ValueError(f"sigma_min ({self.sigma_min:g}) must be below sigma_max ({self.sigma_max:g})")
        return self


class DiffusionConfig(FamilyConfig):
    """Configuration of a diffusion model: the content of its `config.json`."""

    family: Literal["diffusion"] = "diffusion"
    transform: TransformConfig
    network: NetworkConfig
    parameterisation: ParameterisationConfig
    sampling: SamplingDefaults = SamplingDefaults()

    @model_validator(mode="after")
    def _check_space(self) -> DiffusionConfig:
        check_space(self.transform, self.parameterisation)
        return self

    def resized(self, rate: int, channels: int, seconds: float) -> DiffusionConfig:
        """Return the same model for other sounds; a spectral transform keeps its time resolution."""
        transform = self.transform
        if isinstance(transform, SpectralConfig):
            hop = 2 ** max(4, round(math.log2(transform.hop * rate / self.rate)))
            transform = transform.model_copy(update={"hop": hop})
        grain = 2 * getattr(transform, "hop", 1)
        length = math.ceil(seconds * rate / grain) * grain
        values = {"rate": rate, "channels": channels, "length": length, "transform": transform}
        return self.model_copy(update=values)

    def summary(self) -> str:
        """Return the kinds of network and transform."""
        return f"{self.network.kind} over the {self.transform.kind} transform"


def check_space(transform: TransformConfig, parameterisation: ParameterisationConfig) -> None:
    """Raise ValueError for `gated` outside time and frequency: its gate is a gain for one band at a time."""
    if parameterisation.kind == "gated" and transform.kind != "spectral":
        raise ValueError(
            f"gated needs the spectral transform, not {transform.kind}; choose another kind, such as edm"
        )


class LogNormalConfig(BaseModel):
    """Sigma whose logarithm is normal with `mean` and `std` (Karras et al. 2022)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["log_normal"] = "log_normal"
    mean: float = -0.6
    std: float = Field(default=1.4, gt=0)

    def build(self) -> NoiseLevels:
        """Return the distribution."""
        return LogNormal(self.mean, self.std)


class LogitNormalConfig(BaseModel):
    """Rectified flow's time whose logit is normal with `mean` and `std` (Esser et al. 2024)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["logit_normal"] = "logit_normal"
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)

    def build(self) -> NoiseLevels:
        """Return the distribution."""
        return LogitNormal(self.mean, self.std)


class UniformConfig(BaseModel):
    """Noise levels spread evenly over a coordinate: the angle of `v`, Dance Diffusion's, or a flow's time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["uniform_angle", "crash", "uniform_flow"]

    def build(self) -> NoiseLevels:
        """Return the distribution."""
        return NOISE_LEVELS[self.kind]()


NoiseLevelsConfig = Annotated[
    LogNormalConfig | LogitNormalConfig | UniformConfig, Field(discriminator="kind")
]


class DiffusionObjective(ObjectiveConfig):
    """Training settings of the diffusion family."""

    noise_levels: NoiseLevelsConfig = Field(
        default=LogNormalConfig(), description="Distribution of the noise levels (sigma) to train at."
    )

    @classmethod
    def published(cls, model: FamilyConfig) -> DiffusionObjective | None:
        """Return the noise levels that Dance Diffusion or Tiny Audio Diffusion was trained at."""
        if not isinstance(model, DiffusionConfig):
            return None
        if model.network.kind == "dance_diffusion":
            return cls(noise_levels=UniformConfig(kind="crash"))
        if model.parameterisation.kind in ("v", "epsilon"):
            return cls(noise_levels=UniformConfig(kind="uniform_angle"))
        return None
