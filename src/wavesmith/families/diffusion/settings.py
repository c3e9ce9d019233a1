"""Settings of the diffusion family's operations: the one place of their bounds and descriptions."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from wavesmith.diffusion import SAMPLERS, SCHEDULES
from wavesmith.diffusion import schedule as find_schedule
from wavesmith.errors import RequestError
from wavesmith.families.family import Family, Label, Sampling
from wavesmith.registry import Registry


def _names(registry: Registry[Any]) -> dict[str, JsonValue]:
    """Return the JSON schema of a name; packages may add more than those that it lists."""
    return {"enum": [*registry.registered()]}


def _check_interval(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    if not 0 <= low < high < math.inf:
        raise ValueError(f"no noise level lies between {low:g} and {high:g}; give low before high")
    return interval


Interval = Annotated[tuple[float, float], AfterValidator(_check_interval)]
"""Noise levels, low and high."""

LoweredInterval = Annotated[
    Interval | None,
    Field(
        description="Noise levels, low and high, at which guidance applies; by default the model's own "
        "interval, lowered as far as sampling starts below the highest noise level."
    ),
]

Steps = Annotated[int, Field(ge=1, le=10_000, description="Sampling steps from noise to sound.")]
Schedule = Annotated[
    str,
    Field(description="Spacing of the noise levels.", json_schema_extra=_names(SCHEDULES)),
]
SigmaMax = Annotated[float, Field(gt=0, le=1e9, description="Highest noise level, where sampling starts.")]


class _Guided(Sampling):
    """Classifier-free guidance (Ho & Salimans 2022)."""

    avoid: Label = Field(default=None, description="Label, or mix of labels, that guidance leads away from.")
    guidance: float = Field(ge=0, le=100, description="Classifier-free guidance scale; 1 disables it.")

    def check(self, family: Family) -> None:
        """Raise RequestError for a label that the model does not know."""
        super().check(family)
        family.label_weights(self.avoid)


class DiffusionSampling(_Guided):
    """Settings of `generate`."""

    guidance_interval: Interval = Field(description="Noise levels, low and high, at which guidance applies.")
    sampler: str = Field(description="Sampling algorithm.", json_schema_extra=_names(SAMPLERS))
    schedule: Schedule
    steps: Steps
    sigma_min: float = Field(ge=0, le=1000, description="Lowest noise level before 0, where sampling ends.")
    sigma_max: SigmaMax
    eta: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of fresh noise in each step, for samplers that take it, such as ddim.",
    )

    def check(self, family: Family) -> None:
        """Raise RequestError for unknown names, an empty range, or an eta that the sampler does not take."""
        super().check(family)
        if self.eta is not None and "eta" not in SAMPLERS[self.sampler].options:
            able = ", ".join(name for name, known in SAMPLERS.items() if "eta" in known.options)
            raise RequestError(
                f"The sampler '{self.sampler}' takes no eta; leave it out or choose one of: {able}."
            )
        SAMPLERS.canonical(self.sampler)
        find_schedule(self.schedule, self.steps, self.sigma_min, self.sigma_max)


class EditSampling(DiffusionSampling):
    """Settings of `edit`."""

    guidance_interval: LoweredInterval = None  # type: ignore[assignment]


class InversionSampling(_Guided):
    """Settings of `resample`: both directions use one second-order sampler, so none can be chosen."""

    guidance_interval: LoweredInterval = None
    schedule: Schedule
    steps: Steps
    sigma_max: SigmaMax

    def check(self, family: Family) -> None:
        """Raise RequestError for an unknown schedule."""
        super().check(family)
        find_schedule(self.schedule, self.steps, 1e-3 * self.sigma_max, self.sigma_max)


class MorphSampling(Sampling):
    """Settings of `morph`: unconditional, so there is nothing to guide."""

    schedule: Schedule
    steps: Steps
    sigma_max: SigmaMax

    def check(self, family: Family) -> None:
        """Raise RequestError for an unknown schedule."""
        super().check(family)
        find_schedule(self.schedule, self.steps, 1e-3 * self.sigma_max, self.sigma_max)


class DenoisingSampling(_Guided):
    """Settings of `denoise`, which always takes Euler steps along Karras's schedule."""

    guidance_interval: LoweredInterval = None
    steps: Steps
    sigma_max: SigmaMax
