"""What a verb was asked for, completed by the model's defaults: the part of a recipe that people choose."""

from __future__ import annotations

import secrets

from pydantic import BaseModel, ConfigDict, ValidationError

from wavesmith.diffusion import SCHEDULES
from wavesmith.diffusion import sampler as find_sampler
from wavesmith.errors import RequestError, unknown
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
    peak_db: float | None = -1.0


def settle(
    model: Model,
    *,
    label: str | None = None,
    seconds: float | None = None,
    sampler: str | None = None,
    schedule: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    peak_db: float | None = -1.0,
) -> Settings:
    """Fill in what was not asked for from the model's defaults, and refuse what makes no sense.

    Raises:
        RequestError: for an unknown label, sampler or schedule, or a number out of range.
    """
    default = model.family.config.sampling
    try:
        settings = Settings(
            label=label,
            seconds=model.seconds if seconds is None else seconds,
            sampler=sampler or default.sampler,
            schedule=schedule or default.schedule,
            steps=default.steps if steps is None else steps,
            sigma_min=default.sigma_min,
            sigma_max=default.sigma_max,
            guidance=default.guidance if guidance is None else guidance,
            guidance_interval=default.guidance_interval,
            peak_db=peak_db,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestError(
            f"{first['loc'][0]} cannot be {first['input']!r}: {first['msg'].lower()}."
        ) from error
    check(model, settings)
    return settings


def check(model: Model, settings: Settings) -> None:
    """Refuse settings that this model cannot follow; raises RequestError with one sentence."""
    model.family.label_weights(settings.label)
    find_sampler(settings.sampler)
    if settings.schedule not in SCHEDULES:
        raise RequestError(unknown("schedule", settings.schedule, SCHEDULES))
    if not 1 <= settings.steps <= 10_000:
        raise RequestError(f"{settings.steps} steps make no sense; choose 1 to 10000, such as 16.")
    if not 0.01 <= settings.seconds <= LONGEST_SECONDS:
        raise RequestError(
            f"A sound of {settings.seconds:g} seconds cannot be made; choose 0.01 to {LONGEST_SECONDS:g}."
        )
    if not 0 <= settings.guidance <= 100:
        raise RequestError(f"A guidance of {settings.guidance:g} makes no sense; choose 0 to 100, such as 2.")
    if settings.peak_db is not None and not -60 <= settings.peak_db <= 0:
        raise RequestError(f"A peak of {settings.peak_db:g} dBFS makes no sense; choose -60 to 0.")


def check_count(n: int, seed: int | None) -> int:
    """Refuse counts below 1 and seeds out of range; draw a seed if there is none."""
    if n < 1:
        raise RequestError(f"{n} sounds cannot be made; ask for 1 or more.")
    if seed is None:
        return secrets.randbelow(SEED_LIMIT)
    if not 0 <= seed < SEED_LIMIT:
        raise RequestError(f"Seed {seed} is out of range; choose 0 to {SEED_LIMIT - 1}.")
    return seed
