"""What can be asked for over HTTP: the verbs of the Python API, their settings, names and defaults.

The request models are derived from the verbs' own settings; only bounds stand here, for the schema and for
sliders. Whatever a model cannot follow is refused by the verb's own check.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from wavesmith.descriptors import TIMBRES
from wavesmith.diffusion import SAMPLERS, SCHEDULES
from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.serve.limits import LIMITS
from wavesmith.verbs import VERBS, Settings, Verb, settle
from wavesmith.verbs.settings import LONGEST_SECONDS, SEED_LIMIT, Label

SoundId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{12}(-[0-9]{3,5})?$", description="A sound in the library.")
]


@dataclass(frozen=True)
class Action:
    """A verb as people ask for it over HTTP.

    Attributes:
        verbs: in Python, by how many sounds they are given.
        count: how many sounds if nobody says.
        along: whether the count says how many sounds lie between the ends of a morph.
        most: sounds of one job.
    """

    verbs: Mapping[int, Verb[Any]]
    count: int = 1
    along: bool = False
    most: int = LIMITS.count

    @property
    def settings(self) -> type[Settings]:
        """What all its verbs can be asked for."""
        kind: type[Settings] = next(iter(self.verbs.values())).settings
        return kind

    def verb(self, sources: int) -> Verb[Any]:
        """The verb for so many sources; raises RequestError if there is none."""
        if sources not in self.verbs:
            wanted = " or ".join(str(count) for count in self.verbs)
            raise RequestError(f"It is done to {wanted} sounds, not to {sources}; give as many as that.")
        return self.verbs[sources]

    def total(self, count: int, sources: int) -> int:
        """How many sounds are made."""
        return count * count if self.along and sources == 4 else count


def _plain(name: str, **other: Any) -> Action:
    return Action({VERBS[name].sources: VERBS[name]}, **other)


ACTIONS: dict[str, Action] = {
    **{name: _plain(name) for name in ("generate", "vary", "restyle", "inpaint", "extend", "loop")},
    "morph": Action({2: VERBS["morph"], 4: VERBS["grid"]}, count=8, along=True, most=64),
    "morph_labels": _plain("morph_labels", count=8, along=True, most=64),
    "upscale": _plain("upscale"),
    "clean": _plain("clean", most=1),
}
"""All that a job can do, by the names of the Python API."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TimbreAsked(_Asked):
    """A timbre, at a percentile of the sounds that the model was trained on."""

    timbre: str = Field(json_schema_extra={"enum": list(TIMBRES)})
    percentile: float = Field(ge=0, le=100)
    weight: float = Field(default=1.0, ge=0, le=100)


class WidthAsked(_Asked):
    """Stereo width: 0 is mono, 1 all side."""

    width: float = Field(ge=0, le=1)
    weight: float = Field(default=1.0, ge=0, le=100)


class LikeAsked(_Asked):
    """Likeness to a sound of the library."""

    like: SoundId
    weight: float = Field(default=1.0, ge=0, le=100)


_NAMES: dict[str, list[str]] = {"sampler": sorted(SAMPLERS), "schedule": sorted(SCHEDULES)}
_BOUNDS: dict[str, tuple[float, float]] = {
    "steps": (1, LIMITS.steps),
    "sigma_min": (0, 10),
    "sigma_max": (0.001, 1000),
    "guidance": (0, 100),
    "eta": (0, 1),
    "peak_db": (-60, 0),
    "seconds": (0.01, LONGEST_SECONDS),
    "amount": (0, 1),
    "envelope": (0, 1),
    "before": (0, LONGEST_SECONDS),
    "after": (0, LONGEST_SECONDS),
    "bars": (0.01, 1000),
    "bpm": (1, 1000),
    "beats": (1, 64),
    "joint": (0.01, LONGEST_SECONDS),
    "cutoff": (100, 192_000),
    "strength": (0, 10),
}
_TYPES: dict[str, Any] = {
    "guide": list[TimbreAsked | WidthAsked | LikeAsked],
    "regions": Annotated[list[tuple[float, float]], Field(min_length=1, max_length=64)],
}
_NEEDED = {"regions", "to"}  # nothing stands in for them
_ELSEWHERE = {"label", "sounds"}  # beside the settings: the label of the request, and its count


def _settings_asked(name: str, action: Action) -> type[BaseModel]:
    """A verb's settings, none of which has to be given but those that nothing stands in for."""
    told = _descriptions(action.settings)
    fields: dict[str, Any] = {}
    for field, info in action.settings.model_fields.items():
        if field in _ELSEWHERE:
            continue
        kind: Any = _TYPES.get(field, info.annotation)
        default = None if info.is_required() or field == "guide" else info.default
        if field in _NEEDED:
            default = ...
        else:
            kind = kind | None
        low, high = _BOUNDS.get(field, (None, None))
        more: Any = {"enum": _NAMES[field]} if field in _NAMES else None
        about = Field(default, ge=low, le=high, description=told.get(field), json_schema_extra=more)
        fields[field] = (kind, about)
    model: type[BaseModel] = create_model(f"{_camel(name)}Settings", __base__=_Asked, **fields)
    return model


def _descriptions(kind: type[Settings]) -> dict[str, str]:
    """What the docstrings of settings and of those that they build on say of each field."""
    told: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        _, _, listed = (inspect.getdoc(one) or "").partition("Attributes:\n")
        for names, text in re.findall(r"^    ([\w, ]+): ((?:.|\n(?=        ))*)", listed, re.M):
            told |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return told


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


class JobRequest(_Asked):
    """What every job is asked for.

    Attributes:
        seed: which sounds; drawn if left out.
        first: index of the first sound of the seed.
    """

    verb: str
    model: str | None = Field(default=None, max_length=100, description="The server's first if left out.")
    count: int | None = Field(default=None, ge=1, le=LIMITS.count)
    seed: int | None = Field(default=None, ge=0, lt=SEED_LIMIT)
    first: int = Field(default=0, ge=0, le=99_000)
    label: Label = None
    sources: list[SoundId] = Field(default=[], max_length=4)
    settings: Any = None


def _job_request(name: str, action: Action) -> type[JobRequest]:
    settings = _settings_asked(name, action)
    needed = any(field.is_required() for field in settings.model_fields.values())
    least, most = min(action.verbs), max(action.verbs)
    fields: dict[str, Any] = {
        "verb": (Literal[name], ...),
        "count": (
            int | None,
            Field(default=None, ge=1, le=action.most, description=f"{action.count} if left out."),
        ),
        "settings": (settings, ...) if needed else (settings | None, None),
    }
    if most:
        fields["sources"] = (list[SoundId], Field(min_length=least, max_length=most))
    else:
        fields["sources"] = (list[SoundId], Field(default=[], max_length=0))
    model: type[JobRequest] = create_model(f"{_camel(name)}Request", __base__=JobRequest, **fields)
    model.__doc__ = f"What `{name}` can be asked for."
    return model


REQUESTS: dict[str, type[JobRequest]] = {name: _job_request(name, action) for name, action in ACTIONS.items()}

if TYPE_CHECKING:
    AnyJob = JobRequest
else:
    AnyJob = Annotated[reduce(or_, REQUESTS.values()), Field(discriminator="verb")]


def completed(request: JobRequest, name: str, model: Model, seed: int) -> tuple[dict[str, Any], int]:
    """A request with model, count and seed filled in, as JSON values, and how many sounds it makes.

    Raises:
        RequestError: when the model cannot follow it.
    """
    action = ACTIONS[request.verb]
    verb = action.verb(len(request.sources))
    filled = {"model": name, "count": request.count or action.count, "seed": seed}
    values = request.model_dump(mode="json", exclude_unset=True) | filled
    total = action.total(values["count"], len(request.sources))
    if total > LIMITS.count:
        raise RequestError(f"{total} sounds are too many for one job; ask for {LIMITS.count} at most.")
    asked = arguments(values)
    asked["guide"] = [guide for guide in asked.get("guide") or () if "like" not in guide] or None
    settle(verb.settings, model, **asked)
    return values, total


def arguments(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a completed request gives the verb; sounds to be like are still named by id."""
    asked = dict(request.get("settings") or {})
    if request.get("label") is not None:
        asked["label"] = request["label"]
    if ACTIONS[request["verb"]].along:
        asked["sounds"] = request["count"]
    return asked


def verbs_described() -> dict[str, dict[str, Any]]:
    """What every verb takes: the JSON schema of its settings, its counts, and how many sounds it is given."""
    return {
        name: {
            "settings": _flat(REQUESTS[name].model_fields["settings"].annotation),
            "sources": [min(action.verbs), max(action.verbs)],
            "count": {"default": action.count, "maximum": action.most},
        }
        for name, action in ACTIONS.items()
    }


def _flat(annotation: Any) -> dict[str, Any]:
    """The schema of settings, without saying of each that it may be null as well."""
    kind = next(one for one in (annotation, *get_args(annotation)) if isinstance(one, type))
    schema: dict[str, Any] = kind.model_json_schema()  # type: ignore[attr-defined]
    for name, field in schema["properties"].items():
        kinds = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
        if len(kinds) == 1:
            rest = {key: value for key, value in field.items() if key != "anyOf"}
            schema["properties"][name] = kinds[0] | rest
    return schema
