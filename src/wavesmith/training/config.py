"""Configuration of a training run: plain values, in `configs/*.yaml` and in every trained model's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypedDict

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from wavesmith.data import Augmentation
from wavesmith.errors import RequestError, first_problem, unknown
from wavesmith.families import FAMILIES, FamilyConfig, ObjectiveConfig
from wavesmith.families import read_config as read_family_config
from wavesmith.fitting import FitConfig
from wavesmith.fitting.config import Width

_FROM_DATA = {"labels", "augments"}  # fields of a model's configuration that the sounds decide


class TrainingConfig(FitConfig):
    """How a model is trained.

    The table in `docs/train.md` derives from these fields.
    """

    ema: tuple[Width, ...] = Field(
        default=(0.05, 0.1), min_length=1, description=FitConfig.model_fields["ema"].description
    )
    label_dropout: float = Field(
        default=0.15, ge=0, le=1, description="Share of examples without their label, which guidance needs."
    )
    augmentation: Augmentation | None = Field(
        default=Augmentation(), description="Random changes to the sounds; null for none."
    )
    precision: Literal["auto", "32", "bf16", "16"] = Field(
        default="auto", description="Numeric precision; auto is bf16 on hardware made for it, else 32."
    )
    held_out: float = Field(
        default=0.1, ge=0, le=0.5, description="Share of the sounds, by source, held out of training."
    )
    validate_every: int = Field(default=5_000, ge=1, description="Examples between held-out losses.")
    demo_every: int = Field(default=10_000, ge=1, description="Examples between demos.")
    save_every: int = Field(default=5_000, ge=1, description="Examples between checkpoints.")
    keep: Literal["best", "last"] = Field(
        default="best", description="Model in the folder: that of the lowest held-out loss, or the last."
    )
    patience: int = Field(
        default=0,
        ge=0,
        description="Examples without a lower held-out loss after which training stops; 0 for never.",
    )


class TrainingOptions(TypedDict, total=False):
    """Fields of `TrainingConfig` as keyword arguments; None leaves a value as it is."""

    examples: int | None
    batch: int | None
    accumulate: int | None
    learning_rate: float | None
    warmup: int | None
    decay: float | None
    betas: tuple[float, float] | None
    eps: float | None
    weight_decay: float | None
    clip: float | None
    ema: tuple[float, ...] | None
    label_dropout: float | None
    augmentation: Augmentation | None
    precision: Literal["auto", "32", "bf16", "16"] | None
    held_out: float | None
    validate_every: int | None
    demo_every: int | None
    save_every: int | None
    keep: Literal["best", "last"] | None
    patience: int | None
    seed: int | None


class DataConfig(BaseModel):
    """Which sounds of a folder are used; null sets no condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis: str | None = Field(
        default=None, description="Only sounds whose manifest gives this `licence_basis`."
    )
    licences: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Only sounds under these licences, by family (`cc-by`) or name (`CC-BY-4.0`).",
    )


class RunConfig(BaseModel):
    """Everything that decides a training run except the sounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: SerializeAsAny[FamilyConfig] = Field(
        description="Configuration of the model by its `family` (by default diffusion), without labels."
    )
    objective: SerializeAsAny[ObjectiveConfig] = Field(
        default=ObjectiveConfig(),
        validate_default=True,
        description="Training settings that only this family has.",
    )
    data: DataConfig = Field(default=DataConfig(), description="Which sounds are used.")
    base: str | None = Field(
        default=None,
        description="Model to start from instead of random weights; it must have the same network.",
    )
    training: TrainingConfig = Field(default=TrainingConfig(), description="How the model is trained.")

    @model_validator(mode="before")
    @classmethod
    def _read_version_0_1(cls, values: Any) -> Any:
        """Move `noise_levels`, which version 0.1 kept under `training`, to `objective`."""
        if not isinstance(values, Mapping):
            return values
        training = values.get("training")
        if not isinstance(training, Mapping) or "noise_levels" not in training:
            return values
        training = dict(training)
        levels = {"noise_levels": training.pop("noise_levels")}
        return {**values, "training": training, "objective": levels | dict(values.get("objective") or {})}

    @field_validator("model", mode="before")
    @classmethod
    def _read_model(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if given := [name for name in sorted(_FROM_DATA) if value.get(name)]:
            raise ValueError(f"{given[0]} follow from the sounds; leave them out")
        return read_family_config(value)

    @field_validator("objective", mode="before")
    @classmethod
    def _read_objective(cls, value: Any, info: ValidationInfo) -> Any:
        if "model" not in info.data:  # which is an error enough
            return ObjectiveConfig()
        expected = FAMILIES[info.data["model"].family].OBJECTIVE
        if isinstance(value, expected):
            return value
        return expected.model_validate(value.model_dump() if isinstance(value, ObjectiveConfig) else value)

    def to_yaml(self) -> str:
        """Return the text of a configuration file."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude={"model": _FROM_DATA}), sort_keys=False)

    def with_training(self, **training: Any) -> RunConfig:
        """Return the same with other values of `training`; None leaves a value as it is.

        Raises:
            RequestError: for a value that cannot be used.
        """
        return self.model_copy(update={"training": changed(self.training, training)})

    def with_licences(self, licences: Sequence[str] | None) -> RunConfig:
        """Return the same for sounds under these licences only; None changes nothing."""
        if licences is None:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"licences": tuple(licences)})})


def changed(config: TrainingConfig, values: Mapping[str, Any]) -> TrainingConfig:
    """Return a configuration with some values replaced; None leaves a value as it is.

    Raises:
        RequestError: for a value that cannot be used.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return TrainingConfig.model_validate(config.model_dump() | given)
    except ValidationError as error:
        raise RequestError(
            f"The training options cannot be used ({first_problem(error)}); correct that."
        ) from error


def config_names() -> list[str]:
    """Return the names of the configurations that come with wavesmith."""
    names = [path.name for path in _folder().iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load_config(name: str | Path) -> RunConfig:
    """Load a configuration that comes with wavesmith, by name, or from a YAML file.

    Raises:
        RequestError: when there is none, or its values cannot be used.
    """
    path = Path(name)
    if str(name) in config_names():
        text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    else:
        raise RequestError(unknown("training configuration", str(name), config_names()))
    try:
        return RunConfig.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise RequestError(f"The configuration {name} is not valid YAML ({problem}); correct it.") from error
    except ValidationError as error:
        raise RequestError(
            f"The configuration {name} cannot be used ({first_problem(error)}); correct that."
        ) from error


def _folder() -> Traversable:
    return resources.files("wavesmith.training") / "configs"
