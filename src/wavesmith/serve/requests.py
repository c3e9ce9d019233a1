"""Requests over HTTP, derived from the verbs and the fields of their settings.

What a model cannot follow is refused by the verb itself; the schemas hold names, types, bounds, defaults and
descriptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from annotated_types import Le
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from wavesmith.descriptors import TIMBRES
from wavesmith.errors import RequestError
from wavesmith.families import Family, Label, Steers
from wavesmith.guides import Guide, TimbreGuide, WidthGuide
from wavesmith.models import Model
from wavesmith.serve.limits import LIMITS
from wavesmith.verbs import VERBS, Verb
from wavesmith.verbs.options import defaults_of, fields_of, plain_type
from wavesmith.verbs.settings import SEED_LIMIT, check_count

SoundId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{12}(-[0-9]{3,5})?$", description="A sound in the library.")
]


class TimbreRequest(TimbreGuide):
    """A timbre, at a percentile of the sounds that the model was trained on."""

    timbre: str = Field(json_schema_extra={"enum": list(TIMBRES)})


class LikeRequest(Guide):
    """Likeness to a sound of the library."""

    like: SoundId


_SERVED: dict[str, Any] = {"guide": list[TimbreRequest | WidthGuide | LikeRequest]}
"""Types of settings that name files elsewhere, which requests must not."""

_MOST = {"steps": LIMITS.steps}
"""Bounds of settings that one server keeps lower than the verbs do."""


class JobRequest(BaseModel):
    """A request to make sounds; every verb has its own type of `settings`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    verb: str
    model: str | None = Field(default=None, max_length=100, description="By default the server's first.")
    count: int | None = Field(default=None, ge=1, le=LIMITS.count)
    seed: int | None = Field(default=None, ge=0, lt=SEED_LIMIT, description="By default a drawn one.")
    first: int = Field(default=0, ge=0, le=99_000, description="Index of the first sound of the seed.")
    sources: list[SoundId] = Field(default=[], max_length=4)
    settings: Any = None


def job_request_type() -> Any:
    """Return the type of all requests: a union over the registered verbs, told apart by `verb`."""
    union = reduce(or_, [_request_type(name, verb) for name, verb in VERBS.items()])
    return Annotated[union, Field(discriminator="verb")]


def _request_type(name: str, verb: Verb[Any]) -> type[JobRequest]:
    fields: dict[str, Any] = {
        "verb": (Literal[name], ...),
        "count": (int | None, _count_field(verb)),
        "settings": (settings_type(verb) | None, None),
    }
    least, most = min(verb.sources), max(verb.sources)
    default: dict[str, Any] = {} if least else {"default": []}
    fields["sources"] = (list[SoundId], Field(min_length=least, max_length=most, **default))
    return create_model(f"{_camel(name)}Request", __base__=JobRequest, __doc__=verb.summary, **fields)


def _count_field(verb: Verb[Any]) -> FieldInfo:
    least, text = 1, "Number of sounds."
    if verb.total:
        field = verb.settings.model_fields["count"]
        least, text = _bound(field, "ge") or 1, str(field.description)
    about: Any = Field(
        default=None, ge=least, le=LIMITS.count, description=f"{text} By default {verb.count}."
    )
    return cast(FieldInfo, about)


def settings_type(verb: Verb[Any], families: Iterable[type[Family]] | None = None) -> type[BaseModel]:
    """Return the type of a verb's settings in requests; none has to be given, for models have defaults."""
    fields: dict[str, Any] = {
        name: _optional(name, field) for name, field in fields_of(verb, families).items() if name != "count"
    }
    model: type[BaseModel] = create_model(
        f"{_camel(verb.name)}Settings", __config__=JobRequest.model_config, **fields
    )
    return model


def _optional(name: str, field: FieldInfo) -> tuple[Any, FieldInfo]:
    kind, metadata = _SERVED.get(name, plain_type(field.annotation)), _metadata(name, field)
    if metadata:
        kind = Annotated[(kind, *metadata)]
    served: Any = Field(
        default=None if field.is_required() or name in _SERVED else field.default,
        description=field.description,
        json_schema_extra=field.json_schema_extra,
    )
    return kind | None, served


def _metadata(name: str, field: FieldInfo) -> list[Any]:
    """Return the bounds of a field, no wider than one server allows."""
    if name not in _MOST:
        return list(field.metadata)
    return [*(one for one in field.metadata if not isinstance(one, Le)), Le(_MOST[name])]


def _bound(field: FieldInfo, name: str) -> Any:
    return next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def completed(
    request: JobRequest, name: str, model: Model, path: Callable[[str], Path]
) -> tuple[dict[str, Any], int]:
    """Return a request with model, count and seed filled in, as JSON values, and its number of sounds.

    `path` finds the file of a sound of the library.

    Raises:
        RequestError: when the model cannot follow it, or a sound that it names is gone.
    """
    verb, sources = VERBS[request.verb], len(request.sources)
    count = verb.count if request.count is None else request.count
    check_count(count)
    values = request.model_dump(mode="json", exclude_unset=True)
    values |= {"model": name, "count": count, "seed": verb.check_seed(request.seed)}
    settings, _ = verb.settle(model, sources, **arguments(values, path))
    total = max(0, verb.stop(settings, sources, request.first, count) - request.first)
    if total > LIMITS.count:
        raise RequestError(f"{total} sounds are too many for one job; ask for {LIMITS.count} at most.")
    return values, total


def arguments(request: Mapping[str, Any], path: Callable[[str], Path]) -> dict[str, Any]:
    """Return the settings of a completed request for its verb, with sounds as files instead of ids."""
    settings = dict(request.get("settings") or {})
    if VERBS[request["verb"]].total:
        settings["count"] = request["count"]
    if guides := settings.get("guide"):
        settings["guide"] = [
            guide | {"like": str(path(guide["like"]))} if "like" in guide else guide for guide in guides
        ]
    return settings


def verbs_of(model: Model) -> list[str]:
    """Return the names of the verbs that a model can do."""
    return [name for name, verb in VERBS.items() if verb.works_with(model.family)]


def described(model: Model) -> dict[str, dict[str, Any]]:
    """Describe every verb that a model can do: the JSON schema of its settings, its sources and counts.

    Defaults in the schemas are the model's own; `required` names settings without one, `own` those of the
    verb itself (the others are of the model's family).
    """
    return {name: _description(VERBS[name], model) for name in verbs_of(model)}


def _description(verb: Verb[Any], model: Model) -> dict[str, Any]:
    counts = _count_field(verb)
    return {
        "summary": verb.summary,
        "sources": list(verb.sources),
        "own": list(verb.settings.model_fields),
        "count": {
            "default": verb.count,
            "minimum": _bound(counts, "ge"),
            "maximum": LIMITS.count,
            "description": counts.description,
        },
        "settings": _schema(verb, model),
    }


def _schema(verb: Verb[Any], model: Model) -> dict[str, Any]:
    family, defaults = model.family, defaults_of(verb, model)
    fields = fields_of(verb, [type(family)])
    schema: dict[str, Any] = settings_type(verb, [type(family)]).model_json_schema()
    properties = {name: _flat(field) for name, field in schema["properties"].items()}
    for name in list(properties):
        is_label = plain_type(fields[name].annotation) == plain_type(Label)
        if (name == "guide" and not isinstance(family, Steers)) or (is_label and not model.labels):
            del properties[name]
        elif is_label:
            properties[name] = properties[name] | _label_schema(model)
        elif defaults.get(name) not in (None, ()):
            properties[name]["default"] = defaults[name]
    required = [name for name in properties if name not in defaults]
    return schema | {"properties": properties, "required": required}


def _label_schema(model: Model) -> dict[str, Any]:
    """Return the schema of a label of this model, or a mix of them by weight."""
    one = {"type": "string", "enum": list(model.labels)}
    mix = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}
    return {"anyOf": [one, mix], "format": "label"}


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a setting without the alternative that it is null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    flat = copy(schema)
    if len(kinds) == 1:
        flat = kinds[0] | {key: value for key, value in schema.items() if key != "anyOf"}
    if flat.get("default", ...) is None:
        del flat["default"]
    return flat
