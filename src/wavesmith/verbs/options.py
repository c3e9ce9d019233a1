"""Settings that user interfaces offer: of a verb and of the family operations that it may need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from wavesmith.families import FAMILIES, Family
from wavesmith.guides import TimbreGuide
from wavesmith.models import Model
from wavesmith.verbs.settings import bounds
from wavesmith.verbs.verb import Verb


def fields_of(verb: Verb[Any], families: Iterable[type[Family]] | None = None) -> Mapping[str, FieldInfo]:
    """Return the fields that a request of a verb may have, by name: the verb's own first.

    Args:
        verb: whose requests.
        families: whose operations count; all registered ones if None.
    """
    fields = dict(verb.settings.model_fields)
    for family in FAMILIES.values() if families is None else families:
        for operation in verb.operations:
            if operation in family.OPERATIONS:
                fields |= {
                    name: field
                    for name, field in family.OPERATIONS[operation].model_fields.items()
                    if name not in fields
                }
    return fields


def defaults_of(verb: Verb[Any], model: Model) -> dict[str, Any]:
    """Return the values that settings have with this model unless a request gives others.

    Settings without a value here have to be given.
    """
    family = model.family
    own = {
        name: field.default
        for name, field in fields_of(verb, [type(family)]).items()
        if not field.is_required()
    }
    operation = verb.operation(family, {})
    return {**own, **family.defaults(operation), **verb.settings.defaults(model)}


def plain_type(annotation: Any) -> Any:
    """Return the type of a field without bounds and without None; a union of several types as it is."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return plain_type(kinds[0]) if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007
    return annotation


def choices(field: FieldInfo) -> list[str]:
    """Return the values that a field can have, if they are names out of a list."""
    if get_origin(plain_type(field.annotation)) is Literal:
        return list(get_args(plain_type(field.annotation)))
    extra = field.json_schema_extra
    names: list[str] = list(extra.get("enum", [])) if isinstance(extra, dict) else []  # type: ignore[arg-type]
    return names


def range_text(field: FieldInfo) -> str:
    """Return the range or the choices of a field in words, such as `0 to 1`; empty where there are none."""
    if names := choices(field):
        return f"one of {', '.join(names)}"
    if plain_type(field.annotation) not in (int, float):
        return ""
    low, high = (None if bound is None else f"{bound:.12g}" for bound in bounds(field))
    if any(hasattr(one, "gt") for one in field.metadata):
        return f"above {low}, up to {high}" if high else f"above {low}"
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"up to {high}" if high else ""


def default_text(field: FieldInfo) -> str:
    """Return the default of a field in words; empty where it has none of its own."""
    if field.is_required() or field.default in (None, ()):
        return ""
    return f"{field.default:.12g}" if isinstance(field.default, float) else str(field.default)


def option_name(name: str) -> str:
    """Return the command-line option of a setting; that of a list is named after one of its entries."""
    return "--region" if name == "regions" else f"--{name.replace('_', '-')}"


def option_words(name: str, value: Any) -> list[str] | None:
    """Return a setting as words of a command line; None for guides that only a file can describe."""
    option = option_name(name)
    if name == "guide":
        if not all(map(_is_plain, value)):
            return None
        return ["--timbre", ",".join(f"{guide['timbre']}={guide['percentile']!r}" for guide in value)]
    if isinstance(value, Mapping):
        return [option, ",".join(f"{label}={weight!r}" for label, weight in value.items())]
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], list | tuple):
            return [word for start, end in value for word in (option, f"{start!r}-{end!r}")]
        return [option, *map(repr, value)]
    return [option, "none" if value is None else str(value)]


def _is_plain(guide: Mapping[str, Any]) -> bool:
    """Tell whether a guide is a timbre with the usual weight and interval."""
    usual = TimbreGuide(timbre="", percentile=0)
    return "timbre" in guide and all(
        guide.get(name, getattr(usual, name)) in (getattr(usual, name), list(usual.interval))
        for name in ("weight", "interval")
    )
