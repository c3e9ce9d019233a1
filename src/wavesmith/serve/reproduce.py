"""A recipe retold: the command and the Python that make the sound again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from wavesmith.models import DEFAULT_MODEL, Model
from wavesmith.recipe import Recipe
from wavesmith.verbs import VERBS

_FUNCTIONS = {"grid": "morph"}
_OPTIONS = {"avoid": "not", "peak_db": "peak", "sounds": "steps"}
_WITHOUT_FIRST = {"morph", "grid", "morph_labels", "clean"}


class Retold(BaseModel):
    """How a sound was made: as its file says, as a command, and as Python."""

    recipe: dict[str, Any]
    command: str
    python: str


def retold(recipe: Recipe, file: str, sources: Sequence[str], model: Model | None) -> Retold:
    """Retell the recipe of `file`, made from files `sources`; what `model` does unasked is left out."""
    asked = _asked(recipe, model)
    return Retold(
        recipe=recipe.model_dump(mode="json"),
        command=_command(recipe, asked, file, sources),
        python=_python(recipe, asked, sources),
    )


def _asked(recipe: Recipe, model: Model | None) -> dict[str, Any]:
    """Settings that are not the model's and verb's own."""
    verb = VERBS.get(recipe.verb)
    if verb is None:
        return recipe.settings
    unasked = {
        name: field.default for name, field in verb.settings.model_fields.items() if not field.is_required()
    }
    if model and model.hash == recipe.model_hash:
        unasked |= verb.settings.defaults(model)
    return {
        name: value
        for name, value in recipe.settings.items()
        if _plain(value) != _plain(unasked.get(name, ...))
    }


def _plain(value: Any) -> Any:
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value


def _command(recipe: Recipe, asked: Mapping[str, Any], file: str, sources: Sequence[str]) -> str:
    guides = asked.get("guide", ())
    if recipe.verb not in VERBS or any(
        "timbre" not in guide or guide.get("weight", 1) != 1 for guide in guides
    ):
        return shlex.join(["wavesmith", "again", file])  # what stands in no option
    morphs = recipe.verb in ("morph", "grid", "morph_labels")
    parts = ["wavesmith", "morph" if morphs else recipe.verb, *sources]
    for name, value in asked.items():
        if name == "label" and recipe.verb == "generate":
            parts.insert(2, _mix(value))
        elif name == "guide":
            parts += ["--timbre", ",".join(f"{one['timbre']}={one['percentile']:g}" for one in guides)]
        elif name == "regions":
            parts += [word for start, end in value for word in ("--region", f"{start!r}-{end!r}")]
        elif name == "steps" and morphs:
            parts += ["--walk-steps", str(value)]
        else:
            parts += [f"--{_OPTIONS.get(name, name).replace('_', '-')}", *_words(value)]
    parts += ["--seed", str(recipe.seed)]
    if recipe.verb not in _WITHOUT_FIRST:
        parts += ["--first", str(recipe.index)] if recipe.index else []
    parts += ["--model", recipe.model] if recipe.model != DEFAULT_MODEL else []
    return shlex.join(parts)


def _words(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [repr(one) for one in value]
    if isinstance(value, Mapping):
        return [_mix(value)]
    return ["none" if value is None else str(value)]


def _mix(label: Any) -> str:
    if isinstance(label, Mapping):
        return ",".join(f"{name}={weight!r}" for name, weight in label.items())
    return str(label)


def _python(recipe: Recipe, asked: Mapping[str, Any], sources: Sequence[str]) -> str:
    function = _FUNCTIONS.get(recipe.verb, recipe.verb)
    given, count = dict(asked), 1
    if "sounds" in VERBS[recipe.verb].settings.model_fields if recipe.verb in VERBS else False:
        given.pop("sounds", None)
        count = recipe.settings["sounds"]
    choices = given | {"seed": recipe.seed}
    if function != "clean":
        choices |= {"n": count, "first": recipe.index} if count > 1 or recipe.index else {}
    arguments = [
        f"load({recipe.model!r})",
        *map(repr, sources),
        *(f"{name}={value!r}" for name, value in choices.items()),
    ]
    taken = "" if function == "clean" else "[0]"
    return (
        f"from wavesmith import {function}, load\n\n"
        f"sound = {function}({', '.join(arguments)}){taken}\n"
        'sound.write("again.wav")\n'
    )
