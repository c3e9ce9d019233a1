"""Settings of verbs: each is stated once, with its bounds, default and description.

Command-line options, the HTTP schema, the page's controls and the tables in docs derive from these fields and
from those of the family's operations (`Family.OPERATIONS`); a recipe holds the values of both.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from wavesmith.errors import RequestError, first_problem, unknown
from wavesmith.families import Family, Label, Sampling, Steers
from wavesmith.guides import AnyGuide
from wavesmith.models import Model

SEED_LIMIT = 2**31
LONGEST_SECONDS = 60.0

S = TypeVar("S", bound="VerbSettings")
B = TypeVar("B", bound=BaseModel)


class VerbSettings(BaseModel):
    """Settings that every verb has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    peak_db: float | None = Field(
        default=None, ge=-60, le=0, description="Peak level in dBFS; none leaves the level as it comes."
    )

    @classmethod
    def defaults(cls, model: Model) -> dict[str, Any]:
        """Return values that depend on the model."""
        return {}

    def check(self, model: Model) -> None:
        """Raise RequestError for settings that this model does not support."""


class LabelledSettings(VerbSettings):
    """Settings of verbs whose result can be of a label, and steered."""

    label: Label = Field(
        default=None, description="Label of the result, or a mix such as kick=0.7,snare=0.3."
    )
    guide: tuple[AnyGuide, ...] = Field(
        default=(), max_length=64, description="Guides that steer the result: see docs/steer.md."
    )

    def check(self, model: Model) -> None:
        """Raise RequestError for labels and guides that this model cannot follow."""
        super().check(model)
        model.family.label_weights(self.label)
        if self.guide and not isinstance(model.family, Steers):
            raise RequestError("This model cannot be steered; leave guides and timbres out.")


def given_values(requested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a request; None stands for a default, except for `peak_db`."""
    return {name: value for name, value in requested.items() if value is not None or name == "peak_db"}


def settle(
    kind: type[S], operation: str, model: Model, requested: Mapping[str, Any], *, complete: bool = True
) -> tuple[S, Sampling]:
    """Complete a request by the verb's and the model's defaults, and refuse invalid values.

    Args:
        kind: settings of the verb.
        operation: of the model's family.
        model: whose defaults count.
        requested: values of fields of either.
        complete: fill in defaults; False for a recipe, which holds all values.

    Raises:
        RequestError: for an unknown name, a number out of range, or a value that the model does not support.
    """
    sampling_kind = model.family.OPERATIONS[operation]
    known = kind.model_fields | sampling_kind.model_fields
    for name in requested:
        if name not in known:
            raise RequestError(_not_offered(name, known, model.family))
    defaults = {}
    if complete:
        steered = bool(requested.get("guide"))
        defaults = model.family.defaults(operation, steered) | kind.defaults(model)
    values = defaults | dict(requested)
    settings = validated(kind, _part(values, kind))
    sampling = validated(sampling_kind, _part(values, sampling_kind))
    settings.check(model)
    sampling.check(model.family)
    return settings, sampling


def validated(kind: type[B], values: Mapping[str, Any]) -> B:
    """Return settings of these values; raises RequestError that names the field and its range."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RequestError(_sentence(error, kind)) from error


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the lowest and the highest value of a field, None where there is no bound."""
    low = high = None
    for one in field.metadata:
        low = getattr(one, "ge", getattr(one, "gt", low))
        high = getattr(one, "le", getattr(one, "lt", high))
    return low, high


def _part(values: Mapping[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in kind.model_fields}


def _not_offered(name: str, known: Mapping[str, Any], family: Family) -> str:
    everywhere = {field for operation in family.OPERATIONS.values() for field in operation.model_fields}
    if name in everywhere:
        return f"'{name}' cannot be chosen here, because it would change nothing; leave it out."
    return unknown("setting", name, known)


def _sentence(error: ValidationError, kind: type[BaseModel]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        return f"{name} is missing; give a value for it."
    if name in kind.model_fields and first["type"].startswith(("greater_than", "less_than", "finite")):
        low, high = bounds(kind.model_fields[name])
        choose = f"choose {low:g} to {high:g}" if None not in (low, high) else "choose another value"
        return f"{name} cannot be {first['input']}; {choose}."
    return f"{first_problem(error)}; choose another value."


def check_seed(seed: int | None) -> int:
    """Return the seed, or draw one if there is none; raises RequestError when it is out of range."""
    if seed is None:
        return secrets.randbelow(SEED_LIMIT)
    if not 0 <= seed < SEED_LIMIT:
        raise RequestError(f"Seed {seed} is out of range; choose 0 to {SEED_LIMIT - 1}.")
    return seed


def check_count(count: int) -> None:
    """Raise RequestError for fewer than one sound."""
    if count < 1:
        raise RequestError(f"{count} sounds cannot be made; choose a count of 1 or more.")


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


def label_text(label: Label) -> str:
    """Return a label for file names, such as `kick0.7+snare0.3` for a mix; `sound` for none."""
    if isinstance(label, Mapping):
        return "+".join(f"{name}{weight:g}" for name, weight in label.items() if weight)
    return label or "sound"
