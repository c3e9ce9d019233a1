"""What a verb was asked for, completed by the model's defaults: the part of a recipe that people choose."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from inspect import signature
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from torch import Tensor

from wavesmith.diffusion import SAMPLERS
from wavesmith.diffusion import sampler as find_sampler
from wavesmith.diffusion import schedule as find_schedule
from wavesmith.errors import RequestError, first_problem
from wavesmith.models import Model

SEED_LIMIT = 2**31
LONGEST_SECONDS = 60.0


class Settings(BaseModel):
    """How `generate` makes its sounds.

    Attributes:
        label: one of the model's labels; None for any.
        seconds: length of each sound.
        sampler: name in `SAMPLERS`.
        schedule: name in `SCHEDULES`.
        steps: steps of the walk from noise to sound.
        sigma_min, sigma_max: noise levels the walk spans.
        guidance: classifier-free guidance scale; 1 for none.
        guidance_interval: noise levels at which guidance applies.
        eta: share of fresh noise on the way, 0 to 1, for samplers that take it; None for the sampler's own.
        peak_db: peak level of each sound in dBFS; None leaves the level as it comes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str | None = None
    seconds: float
    sampler: str
    schedule: str
    steps: int
    sigma_min: float
    sigma_max: float
    guidance: float
    guidance_interval: tuple[float, float]
    eta: float | None = None
    peak_db: float | None = -1.0

    @model_serializer(mode="wrap")
    def _values(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an `eta` that nobody asked for, so that recipes from before it stay the same recipes."""
        values: dict[str, Any] = plain(self)
        if self.eta is None:
            del values["eta"]
        return values


def settle(
    model: Model,
    *,
    label: str | None = None,
    seconds: float | None = None,
    sampler: str | None = None,
    schedule: str | None = None,
    steps: int | None = None,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    guidance: float | None = None,
    guidance_interval: tuple[float, float] | None = None,
    eta: float | None = None,
    peak_db: float | None = -1.0,
) -> Settings:
    """Fill in what was not asked for from the model's defaults, and refuse what makes no sense.

    Raises:
        RequestError: for an unknown label, sampler or schedule, a number out of range, or an `eta` for a
            sampler that takes none.
    """
    default = model.family.config.sampling
    try:
        settings = Settings(
            label=label,
            seconds=model.seconds if seconds is None else seconds,
            sampler=sampler or default.sampler,
            schedule=schedule or default.schedule,
            steps=default.steps if steps is None else steps,
            sigma_min=default.sigma_min if sigma_min is None else sigma_min,
            sigma_max=default.sigma_max if sigma_max is None else sigma_max,
            guidance=default.guidance if guidance is None else guidance,
            guidance_interval=default.guidance_interval if guidance_interval is None else guidance_interval,
            eta=eta,
            peak_db=peak_db,
        )
    except ValidationError as error:
        raise RequestError(f"{first_problem(error)}; choose another value.") from error
    check(model, settings)
    return settings


def check(model: Model, settings: Settings) -> None:
    """Refuse settings that this model cannot follow; raises RequestError with one sentence."""
    model.family.label_weights(settings.label)
    _check_eta(settings.sampler, settings.eta)
    if not 1 <= settings.steps <= 10_000:
        raise RequestError(f"{settings.steps} steps make no sense; choose 1 to 10000, such as 16.")
    if not settings.sigma_max < math.inf:
        raise RequestError(f"A sigma_max of {settings.sigma_max:g} makes no sense; choose some tens.")
    find_schedule(settings.schedule, settings.steps, settings.sigma_min, settings.sigma_max)
    if not 0.01 <= settings.seconds <= LONGEST_SECONDS:
        raise RequestError(
            f"A sound of {settings.seconds:g} seconds cannot be made; choose 0.01 to {LONGEST_SECONDS:g}."
        )
    if not 0 <= settings.guidance <= 100:
        raise RequestError(f"A guidance of {settings.guidance:g} makes no sense; choose 0 to 100, such as 2.")
    low, high = settings.guidance_interval
    if not 0 <= low < high < math.inf:
        raise RequestError(
            f"A guidance interval of {low:g} to {high:g} makes no sense; "
            "choose 0 <= low < high, such as 0.4 to 8."
        )
    if settings.peak_db is not None and not -60 <= settings.peak_db <= 0:
        raise RequestError(f"A peak of {settings.peak_db:g} dBFS makes no sense; choose -60 to 0.")


def _check_eta(sampler: str, eta: float | None) -> None:
    run = find_sampler(sampler).run
    if eta is None:
        return
    if not _takes_eta(run):
        able = ", ".join(name for name, known in SAMPLERS.items() if _takes_eta(known.run))
        raise RequestError(f"The sampler '{sampler}' takes no eta; leave it out or choose one of: {able}.")
    if not 0 <= eta <= 1:
        raise RequestError(f"An eta of {eta:g} makes no sense; choose 0 (no fresh noise) to 1.")


def _takes_eta(run: Callable[..., Tensor]) -> bool:
    return "eta" in signature(run).parameters


def check_count(n: int, seed: int | None) -> int:
    """Refuse counts below 1 and seeds out of range; draw a seed if there is none."""
    if n < 1:
        raise RequestError(f"{n} sounds cannot be made; ask for 1 or more.")
    if seed is None:
        return secrets.randbelow(SEED_LIMIT)
    if not 0 <= seed < SEED_LIMIT:
        raise RequestError(f"Seed {seed} is out of range; choose 0 to {SEED_LIMIT - 1}.")
    return seed
