"""The command and the Python code that make a sound again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from wavesmith.errors import WavesmithError
from wavesmith.models import DEFAULT_MODEL, Model
from wavesmith.recipe import Recipe
from wavesmith.verbs import VERBS, Verb, upgraded
from wavesmith.verbs.options import fields_of, option_words
from wavesmith.verbs.verb import recorded


class Reproduction(BaseModel):
    """How a sound was made: the recipe in its file, a command, and Python code."""

    recipe: dict[str, Any]
    command: str
    python: str


def reproduction(recipe: Recipe, file: str, sources: Sequence[str], model: Model | None) -> Reproduction:
    """Describe how to make a sound again.

    Args:
        recipe: of the sound.
        file: the sound is in.
        sources: files of the sounds that it was made from.
        model: that made it; settings that it would choose anyway are left out. None if it is not there.
    """
    current = upgraded(recipe)
    verb = VERBS.get(current.verb)
    command = ["wavesmith", "again", file]
    if verb is None:
        python = f'import wavesmith\n\nwavesmith.again({file!r}).write("again.wav")\n'
    else:
        settings = _chosen(verb, current, model)
        command = _command(verb, current, settings, sources) or command
        python = _python(verb, current, settings, sources)
    return Reproduction(recipe=recipe.model_dump(mode="json"), command=shlex.join(command), python=python)


def _chosen(verb: Verb[Any], recipe: Recipe, model: Model | None) -> dict[str, Any]:
    """Return the settings without which another sound would be made."""
    settings = dict(recipe.settings)
    if model is None or model.hash != recipe.model_hash:
        return settings
    sources = len(recipe.sources)
    for name in list(settings):
        fewer = {key: value for key, value in settings.items() if key != name}
        try:
            if recorded(*verb.settle(model, sources, **fewer)) == recipe.settings:
                settings = fewer
        except WavesmithError:  # such as that it is needed, or a guide's file is gone
            continue
    return settings


def _command(
    verb: Verb[Any], recipe: Recipe, settings: Mapping[str, Any], sources: Sequence[str]
) -> list[str] | None:
    """Return the command's words; None when options cannot say all settings."""
    fields = fields_of(verb)
    words: list[str] = []
    for name, value in settings.items():
        option = option_words(name, value) if name in fields else None
        if option is None:
            return None
        words += option
    words += ["--seed", str(recipe.seed)]
    words += ["--first", str(recipe.index)] if recipe.index else []
    words += ["--model", recipe.model] if recipe.model != DEFAULT_MODEL else []
    return ["wavesmith", verb.name.replace("_", "-"), *sources, *words]


def _python(verb: Verb[Any], recipe: Recipe, settings: Mapping[str, Any], sources: Sequence[str]) -> str:
    given = {**settings, "seed": recipe.seed}
    if recipe.index:
        given["first"] = recipe.index
    arguments = [*map(repr, sources), *(f"{name}={value!r}" for name, value in given.items())]
    return (
        f"import wavesmith\n\nmodel = wavesmith.load({recipe.model!r})\n"
        f"sound = model.{verb.name}({', '.join(arguments)})[0]\n"
        'sound.write("again.wav")\n'
    )
