"""The interface of a family: a kind of model that can be trained and sampled.

A family turns waves and conditions into waves. Beyond `generate` it offers operations (`Family.OPERATIONS`),
each of which is a method of one of the protocols in `capabilities` and has settings of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from typing_extensions import Self

from wavesmith.errors import RequestError, unknown
from wavesmith.families.condition import Condition
from wavesmith.families.objective import Batch, Objective
from wavesmith.noise import ItemNoise

Label = str | dict[str, float] | None
"""A label, a mix of labels by weight such as `{"kick": 0.7, "snare": 0.3}`, or no label."""

Medium = Literal["waves", "latents", "tokens", "notes"]


class FamilyConfig(BaseModel):
    """Configuration of a model, the content of its `config.json`; every family adds fields of its own.

    Attributes:
        family: name of the family in `FAMILIES`.
        rate: samples per second.
        channels: audio channels.
        length: samples of the sounds that the model is trained on.
        labels: names of the classes, sorted; empty for a model without labels.
        augments: number of augmentation features that the network is conditioned on in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    rate: int = Field(ge=1000, le=384_000)
    channels: int = Field(ge=1, le=16)
    length: int = Field(ge=1, le=2**31)
    labels: tuple[str, ...] = Field(default=(), max_length=65_536)
    augments: int = Field(default=0, ge=0, le=1024)

    def resized(self, rate: int, channels: int, seconds: float) -> Self:
        """Return the same model for sounds of another rate, number of channels and (least) length."""
        values = {"rate": rate, "channels": channels, "length": math.ceil(seconds * rate)}
        return self.model_copy(update=values)

    def form(self) -> str:
        """Return length, rate and channels of its sounds, such as "1.00 s at 44100 Hz, stereo"."""
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{self.length / self.rate:.2f} s at {self.rate} Hz, {channels}"

    def summary(self) -> str:
        """Return what kind of model this is, in a few words."""
        return self.family


class Sampling(BaseModel):
    """Settings of one operation of a family; subclasses add bounded, described fields.

    The base class is for operations without settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def check(self, family: Family) -> None:
        """Raise RequestError for values that this model cannot follow."""


class ObjectiveConfig(BaseModel):
    """Training settings that only one family has, such as the distribution of noise levels."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def published(cls, model: FamilyConfig) -> Self | None:
        """Return the settings that models of another tool were trained with; None for other models."""
        return None


class Family(nn.Module, ABC):
    """A model that can be trained and sampled.

    Subclasses are built from their configuration alone: `Subclass(config)`.

    Attributes:
        NAME: name in `FAMILIES` and in configurations.
        CONFIG: type of its configuration.
        OBJECTIVE: type of its own training settings.
        OPERATIONS: settings of every operation that the family offers, by the operation's name; each is a
            method (see `capabilities`). `generate` is always among them.
        TAKES, GIVES: medium of what a verb hands in and gets back.
        config: its configuration.
    """

    NAME: ClassVar[str]
    CONFIG: ClassVar[type[FamilyConfig]]
    OBJECTIVE: ClassVar[type[ObjectiveConfig]] = ObjectiveConfig
    OPERATIONS: ClassVar[Mapping[str, type[Sampling]]] = {"generate": Sampling}
    TAKES: ClassVar[Medium] = "waves"
    GIVES: ClassVar[Medium] = "waves"

    config: FamilyConfig

    def __init__(self, config: FamilyConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def objectives(self, settings: ObjectiveConfig, seed: int) -> Sequence[Objective]:
        """Return the losses that training minimises, each with its parameters.

        Args:
            settings: an instance of `OBJECTIVE`.
            seed: of everything random in the losses; an example's draws depend on the seed and the example's
                position alone.
        """

    @abstractmethod
    def generate(self, condition: Condition, length: int, sampling: Any, noise: ItemNoise) -> Tensor:
        """Generate waves `[B, C, length]`, one for each item of `noise`.

        Args:
            condition: label weights and guides, the same for all items.
            length: samples.
            sampling: an instance of `OPERATIONS["generate"]`.
            noise: the only source of randomness.
        """

    def fit(self, waves: Tensor) -> None:
        """Measure statistics that the model needs on training waves `[B, C, N]`, before training."""

    def validate(self, batch: Batch, settings: ObjectiveConfig, seed: int) -> Mapping[str, Tensor]:
        """Return held-out losses `[B]` by name, drawn at fixed noise so that two measurements compare.

        `batch.position` numbers the held-out sounds from 0. By default the objectives' own losses.
        """
        return {one.name: one.loss(batch) for one in self.objectives(settings, seed)}

    def defaults(self, operation: str, steered: bool = False) -> dict[str, Any]:
        """Return the model's own values for settings of an operation; `steered`: guides are in use."""
        return {}

    def statistics(self) -> frozenset[str]:
        """Return names of tensors in `state_dict` that lose too much at half precision."""
        return frozenset()

    def describe(self) -> dict[str, str]:
        """Return facts about the model for people, such as the kind of its network."""
        return {}

    def multiply_adds(self, seconds: float = 1.0) -> int:
        """Return multiply-adds of one pass of the network over one sound of this length; 0 if unknown.

        Raises:
            RequestError: when the length is not a positive finite number.
        """
        if not 0 < seconds < math.inf:
            raise RequestError(f"A sound of {seconds:g} seconds cannot be made; choose a positive length.")
        return self._multiply_adds(max(1, round(seconds * self.config.rate)))

    def _multiply_adds(self, length: int) -> int:
        return 0

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    def label_weights(self, label: Label | Mapping[str, float]) -> Tensor:
        """Return weights over labels `[L]`, which sum to 1; all zero for no label.

        Raises:
            RequestError: for a label that the model does not know, or a mix without weight.
        """
        labels = self.config.labels
        weights = torch.zeros(len(labels))
        mix = {label: 1.0} if isinstance(label, str) else dict(label or {})
        for name, weight in mix.items():
            if name not in labels:
                raise RequestError(_unknown_label(name, labels))
            if not 0 <= weight < math.inf:
                raise RequestError(f"The label '{name}' cannot have the weight {weight:g}; choose 0 or more.")
            weights[labels.index(name)] = weight
        if mix and not weights.any():
            raise RequestError("All labels of the mix have the weight 0; give one of them more.")
        return weights / max(float(weights.sum()), 1e-9)


def _unknown_label(name: str, labels: Sequence[str]) -> str:
    if labels:
        return unknown("label", name, labels)
    return f"This model has no labels, so it cannot follow '{name}'; leave the label out."
