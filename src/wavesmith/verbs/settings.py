"""What a verb was asked for, completed by the model's defaults: the part of a recipe that people choose."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from wavesmith.diffusion import SAMPLERS
from wavesmith.diffusion import schedule as find_schedule
from wavesmith.errors import RequestError, first_problem
from wavesmith.models import Model
from wavesmith.verbs.guides import AnyGuide, read_guides

SEED_LIMIT = 2**31
LONGEST_SECONDS = 60.0

STEERED_STEPS = 16
"""Steps of a walk that is steered, at least: at each it is steered a little."""

Label = str | dict[str, float] | None
"""A label, a mix of labels by weight such as `{"kick": 0.7, "snare": 0.3}`, or none."""

S = TypeVar("S", bound="Settings")


class Settings(BaseModel):
    """How a walk goes; every verb adds what is its own.

    Attributes:
        label: what the sound should be; None for any.
        avoid: what it should not be; guidance then leads away from this instead of from the unlabelled.
        sampler: name in `SAMPLERS`.
        schedule: name in `SCHEDULES`.
        steps: steps of the whole walk from noise to sound.
        sigma_min, sigma_max: noise levels that the whole walk spans.
        guidance: classifier-free guidance scale; 1 for none.
        guidance_interval: noise levels at which guidance applies.
        eta: share of fresh noise on the way, 0 to 1, for samplers that take it; None for the sampler's own.
        peak_db: peak level of each sound in dBFS; None leaves the level as it comes.
        guide: what steers the walk, see `guides`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unasked: ClassVar[frozenset[str]] = frozenset({"avoid", "eta", "guide"})
    """Fields that recipes leave out while nobody asks for them: older recipes stay the same recipes."""

    label: Label = None
    avoid: Label = None
    sampler: str
    schedule: str
    steps: int
    sigma_min: float
    sigma_max: float
    guidance: float
    guidance_interval: tuple[float, float]
    eta: float | None = None
    peak_db: float | None = None
    guide: tuple[AnyGuide, ...] = ()

    @classmethod
    def defaults(cls, model: Model) -> dict[str, Any]:
        """What this model does unless it is asked for something else."""
        sampling = model.family.config.sampling
        return {name: getattr(sampling, name) for name in type(sampling).model_fields}

    def check(self, model: Model) -> None:
        """Refuse what this model cannot do; raises RequestError with one sentence."""
        for label in (self.label, self.avoid):
            model.family.label_weights(label)
        for guide in self.guide:
            guide.settled(model)
        _check_eta(self.sampler, self.eta)
        if not 1 <= self.steps <= 10_000:
            raise RequestError(f"{self.steps} steps make no sense; choose 1 to 10000, such as 16.")
        if not self.sigma_max < math.inf:
            raise RequestError(f"A sigma_max of {self.sigma_max:g} makes no sense; choose some tens.")
        find_schedule(self.schedule, self.steps, self.sigma_min, self.sigma_max)
        if not 0 <= self.guidance <= 100:
            raise RequestError(f"A guidance of {self.guidance:g} makes no sense; choose 0 to 100, such as 2.")
        low, high = self.guidance_interval
        if not 0 <= low < high < math.inf:
            raise RequestError(
                f"A guidance interval of {low:g} to {high:g} makes no sense; "
                "choose 0 <= low < high, such as 0.4 to 8."
            )
        if self.peak_db is not None and not -60 <= self.peak_db <= 0:
            raise RequestError(f"A peak of {self.peak_db:g} dBFS makes no sense; choose -60 to 0.")

    def without_label(self: S) -> S:
        """The same for sounds of any label, with nothing that guides: how sounds are inverted."""
        return self.model_copy(update={"label": None, "avoid": None, "guidance": 1.0, "guide": ()})

    @model_serializer(mode="wrap")
    def _values(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        return {
            name: value
            for name, value in values.items()
            if name not in self.unasked or value not in (None, (), [])
        }


def settle(kind: type[S], model: Model, **asked: Any) -> S:
    """Fill in what was not asked for from the model's defaults, and refuse what makes no sense.

    What is None was not asked for, except `peak_db`, where None asks for the level to be left alone. A walk
    that is steered has `STEERED_STEPS` at least.

    Raises:
        RequestError: for an unknown name, a number out of range, or what the model cannot do.
    """
    chosen = {name: value for name, value in asked.items() if value is not None or name == "peak_db"}
    if "guide" in chosen:
        chosen["guide"] = tuple(guide.settled(model) for guide in read_guides(chosen["guide"]))
    defaults = kind.defaults(model)
    if chosen.get("guide"):
        defaults["steps"] = max(defaults["steps"], STEERED_STEPS)
    try:
        settings = kind.model_validate(defaults | chosen)
    except ValidationError as error:
        raise RequestError(f"{first_problem(error)}; choose another value.") from error
    settings.check(model)
    return settings


def parse_label(text: str) -> str | dict[str, float]:
    """Read a label as people write it: `kick`, or a mix such as `kick=0.7,snare=0.3`.

    Raises:
        RequestError: when a weight is not a number.
    """
    if "=" not in text:
        return text.strip()
    mix = {}
    for part in text.split(","):
        name, _, weight = part.rpartition("=")
        try:
            mix[name.strip()] = float(weight)
        except ValueError:
            raise RequestError(
                f"The mix '{text}' cannot be read; write it like kick=0.7,snare=0.3."
            ) from None
    return mix


def words(label: Label) -> str:
    """A label as file names have it, such as `kick0.7+snare0.3` for a mix; `sound` for none."""
    if isinstance(label, Mapping):
        return "+".join(f"{name}{weight:g}" for name, weight in label.items() if weight)
    return label or "sound"


def _check_eta(sampler: str, eta: float | None) -> None:
    options = SAMPLERS[sampler].options
    if eta is None:
        return
    if "eta" not in options:
        able = ", ".join(name for name, known in SAMPLERS.items() if "eta" in known.options)
        raise RequestError(f"The sampler '{sampler}' takes no eta; leave it out or choose one of: {able}.")
    if not 0 <= eta <= 1:
        raise RequestError(f"An eta of {eta:g} makes no sense; choose 0 (no fresh noise) to 1.")


def check_seconds(seconds: float) -> None:
    """Refuse lengths that no sound can have."""
    if not 0.01 <= seconds <= LONGEST_SECONDS:
        raise RequestError(
            f"A sound of {seconds:g} seconds cannot be made; choose 0.01 to {LONGEST_SECONDS:g}."
        )


def check_share(name: str, value: float) -> None:
    """Refuse what is not a share from 0 to 1."""
    if not 0 <= value <= 1:
        raise RequestError(f"The {name} cannot be {value:g}; choose 0 to 1.")


def check_count(n: int, seed: int | None) -> int:
    """Refuse counts below 1 and seeds out of range; draw a seed if there is none."""
    if n < 1:
        raise RequestError(f"{n} sounds cannot be made; ask for 1 or more.")
    if seed is None:
        return secrets.randbelow(SEED_LIMIT)
    if not 0 <= seed < SEED_LIMIT:
        raise RequestError(f"Seed {seed} is out of range; choose 0 to {SEED_LIMIT - 1}.")
    return seed
