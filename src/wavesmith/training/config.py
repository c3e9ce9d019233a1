"""What a training run is told: plain values, in `recipes/*.yaml` and in every model's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from importlib.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wavesmith.data import Augmentation
from wavesmith.diffusion import Crash, LogitNormal, LogNormal, NoiseLevels, UniformAngle, UniformFlow
from wavesmith.errors import RequestError, first_problem, unknown
from wavesmith.families.diffusion import ParameterisationConfig, SamplingDefaults, check_space
from wavesmith.networks import NetworkConfig
from wavesmith.transforms import TransformConfig


class LogNormalConfig(BaseModel):
    """Sigma whose logarithm is normal with `mean` and `std`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["log_normal"] = "log_normal"
    mean: float = -0.6
    std: float = Field(default=1.4, gt=0)

    def build(self) -> NoiseLevels:
        """Make the distribution."""
        return LogNormal(self.mean, self.std)


class LogitNormalConfig(BaseModel):
    """Rectified flow's time whose logit is normal with `mean` and `std` (Esser et al. 2024)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["logit_normal"] = "logit_normal"
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)

    def build(self) -> NoiseLevels:
        """Make the distribution."""
        return LogitNormal(self.mean, self.std)


class UniformConfig(BaseModel):
    """Levels spread evenly over a coordinate: the angle of `v`, Dance Diffusion's, or that of a flow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["uniform_angle", "crash", "uniform_flow"]

    def build(self) -> NoiseLevels:
        """Make the distribution."""
        kinds: dict[str, Callable[[], NoiseLevels]]
        kinds = {"uniform_angle": UniformAngle, "crash": Crash, "uniform_flow": UniformFlow}
        return kinds[self.kind]()


NoiseLevelsConfig = Annotated[
    LogNormalConfig | LogitNormalConfig | UniformConfig, Field(discriminator="kind")
]


class ModelRecipe(BaseModel):
    """What is built (see `DiffusionConfig`); labels come from the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = Field(ge=1000, le=384_000)
    channels: int = Field(ge=1, le=16)
    length: int = Field(ge=1, le=2**31)
    transform: TransformConfig
    network: NetworkConfig
    parameterisation: ParameterisationConfig
    sampling: SamplingDefaults = SamplingDefaults()

    @model_validator(mode="after")
    def _space_suits(self) -> ModelRecipe:
        check_space(self.transform, self.parameterisation)
        return self


Beta = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[float, Field(ge=0.001, le=0.25)]


class TrainingConfig(BaseModel):
    """How it is trained. Amounts are counted in examples, so that batch size and devices do not change them.

    Attributes:
        examples: sounds to train on in all, repeats counted.
        batch: sounds per step on each device.
        accumulate: steps whose gradients are summed before the weights move.
        learning_rate: of AdamW, after `warmup` examples; over the last `decay` of the run it falls to a
            fiftieth, linearly.
        betas, eps, weight_decay: of AdamW.
        clip: largest norm of the gradient; None for no limit.
        ema: relative widths, 0.001 to 0.25, of the averages of the weights (see `ema.py`).
        label_dropout: share of examples shown without their label, which guidance needs.
        noise_levels: distribution of training sigma.
        augmentation: changes to the sounds, told to the network; None for none.
        precision: `auto` is bf16 where a CUDA device or CPU is quick at it, float32 elsewhere.
        held_out: share of sounds, by source, kept for judging.
        validate_every, demo_every, save_every: examples between held-out losses, demos and checkpoints.
        keep: which model the folder holds: that of the lowest held-out loss, or the last.
        patience: stop when the held-out loss has not fallen for so many examples; 0 for never.
        seed: of everything random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: int = Field(default=100_000, ge=1)
    batch: int = Field(default=16, ge=1)
    accumulate: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=4e-4, gt=0)
    warmup: int = Field(default=3_000, ge=0)
    decay: float = Field(default=0.4, ge=0, le=1)
    betas: tuple[Beta, Beta] = (0.9, 0.99)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float | None = Field(default=1.0, gt=0)
    ema: tuple[Width, ...] = Field(default=(0.05, 0.1), min_length=1)
    label_dropout: float = Field(default=0.15, ge=0, le=1)
    noise_levels: NoiseLevelsConfig = LogNormalConfig()
    augmentation: Augmentation | None = Augmentation()
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    held_out: float = Field(default=0.1, ge=0, le=0.5)
    validate_every: int = Field(default=5_000, ge=1)
    demo_every: int = Field(default=10_000, ge=1)
    save_every: int = Field(default=5_000, ge=1)
    keep: Literal["best", "last"] = "best"
    patience: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)


class DataChoice(BaseModel):
    """Which sounds of a folder are used; None sets no condition.

    `basis`: only those whose manifest gives this `licence_basis`. `licences`: only those under one of these,
    by family (`cc-by`) or name (`CC-BY-4.0`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis: str | None = None
    licences: tuple[str, ...] | None = Field(default=None, min_length=1)


class TrainingRecipe(BaseModel):
    """Everything that decides a training run but the sounds.

    `base` names a model to start from instead of random weights; it must have the same network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelRecipe
    data: DataChoice = DataChoice()
    base: str | None = None
    training: TrainingConfig = TrainingConfig()

    def to_yaml(self) -> str:
        """The text of a recipe file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def changed(self, **training: Any) -> TrainingRecipe:
        """The same with other training values; None means unchanged. Raises RequestError for bad ones."""
        asked = {name: value for name, value in training.items() if value is not None}
        try:
            changed = TrainingConfig.model_validate(self.training.model_dump() | asked)
        except ValidationError as error:
            raise RequestError(
                f"The training options cannot be used ({first_problem(error)}); correct that."
            ) from error
        return self.model_copy(update={"training": changed})

    def admitting(self, licences: Sequence[str] | None) -> TrainingRecipe:
        """The same with sounds under these licences only; None means unchanged."""
        if licences is None:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"licences": tuple(licences)})})


def recipe_names() -> list[str]:
    """Recipes that come with wavesmith."""
    names = [path.name for path in _folder().iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read_recipe(name: str | Path) -> TrainingRecipe:
    """Read a recipe that comes with wavesmith, by name, or a YAML file.

    Raises:
        RequestError: when there is none, or it does not make sense.
    """
    path = Path(name)
    if str(name) in recipe_names():
        text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    else:
        raise RequestError(unknown("training recipe", str(name), recipe_names()))
    try:
        return TrainingRecipe.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise RequestError(f"The recipe {name} is not valid YAML ({problem}); correct it.") from error
    except ValidationError as error:
        raise RequestError(
            f"The recipe {name} cannot be used ({first_problem(error)}); correct that."
        ) from error


def _folder() -> Traversable:
    return resources.files("wavesmith") / "recipes"
