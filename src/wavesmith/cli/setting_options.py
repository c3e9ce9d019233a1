"""Options derived from the fields of settings, and the values of a request read from them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from wavesmith.errors import RequestError
from wavesmith.families import Label
from wavesmith.guides import read_guides
from wavesmith.verbs.options import default_text, option_name, plain_type, range_text
from wavesmith.verbs.settings import parse_label

_TIMBRE = "timbre"
_LABEL = plain_type(Label)
_NONE = "none"


def setting_options(fields: Mapping[str, FieldInfo]) -> list[inspect.Parameter]:
    """Return an option for each field; those that are not given are None."""
    options = [_option(name, field) for name, field in fields.items()]
    if "guide" in fields:
        text = "Percentiles of the training sounds, as brightness=80,attack=20."
        options.append(_parameter(_TIMBRE, str, typer.Option(metavar="NAME=PERCENTILE,...", help=text)))
    return options


def requested(fields: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request of the fields whose options were given."""
    values = {
        name: _value(name, field, given[name])
        for name, field in fields.items()
        if given.get(name) not in (None, [])
    }
    if given.get(_TIMBRE):
        values["guide"] = [*values.get("guide", ()), *read_guides(_timbres(given[_TIMBRE]))]
    return values


def option_help(field: FieldInfo) -> str:
    """Return the help text of a field: its description, range and default."""
    default = default_text(field)
    values = "" if get_origin(plain_type(field.annotation)) is Literal else range_text(field)
    facts = "; ".join(filter(None, (values, default and f"default {default}")))
    text = field.description or ""
    return f"{text.rstrip('.')} ({facts})." if facts else text


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    kind, text = plain_type(field.annotation), option_help(field)
    flag = option_name(name)
    if name == "guide":
        return _parameter(name, Path, typer.Option(flag, metavar="FILE", help="YAML file of guides."))
    if kind == _LABEL:
        return _parameter(name, str, typer.Option(flag, metavar="LABEL", help=text))
    if _is_spans(kind):
        option = typer.Option(flag, metavar="START-END", help=f"{text} Repeatable.")
        return _parameter(name, list[str], option)
    if kind == tuple[float, float]:
        return _parameter(name, kind, typer.Option(flag, metavar="LOW HIGH", help=text))
    if kind is float and NoneType in get_args(field.annotation):
        return _parameter(name, str, typer.Option(flag, parser=_number, metavar="FLOAT", help=text))
    if get_origin(kind) is Literal or kind in (int, float, str, bool):
        return _parameter(name, kind, typer.Option(flag, help=text))
    raise TypeError(f"the setting {name} of type {kind} cannot be an option")


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _is_spans(kind: Any) -> bool:
    arguments = get_args(kind)
    return get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis


def _value(name: str, field: FieldInfo, given: Any) -> Any:
    kind = plain_type(field.annotation)
    if name == "guide":
        return list(read_guides(given))
    if kind == _LABEL:
        return parse_label(given)
    if _is_spans(kind):
        return tuple(map(_span, given))
    return None if given == _NONE else given


def _number(text: str) -> float | str:
    return text if text == _NONE else float(text)


def _span(text: str) -> tuple[float, float]:
    start, _, end = text.rpartition("-")
    try:
        return float(start), float(end)
    except ValueError:
        raise RequestError(f"The region '{text}' cannot be read; write it like 0.2-0.5.") from None


def _timbres(text: str) -> list[dict[str, Any]]:
    guides = []
    for part in text.split(","):
        name, _, percentile = part.partition("=")
        try:
            guides.append({"timbre": name.strip(), "percentile": float(percentile)})
        except ValueError:
            raise RequestError(
                f"The timbres '{text}' cannot be read; write them like brightness=80,attack=20."
            ) from None
    return guides
