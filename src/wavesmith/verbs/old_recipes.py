"""Recipes of version 0.1, brought to today's names; the only place that knows the old ones."""

from __future__ import annotations

from typing import Any

from wavesmith.recipe import Recipe

_OLD = "0.1."
_INVERSION_STEPS = 24
_RENAMED = {"sounds": "count"}
_UNUSED = {
    "morph": {
        "label",
        "avoid",
        "guide",
        "sampler",
        "eta",
        "sigma_min",
        "guidance",
        "guidance_interval",
    },
    "clean": {"sampler", "schedule", "eta", "sigma_min"},
    "inversion": {"sampler", "eta", "sigma_min"},
}
"""Settings that version 0.1 recorded and did not use."""


def upgraded(recipe: Recipe) -> Recipe:
    """Return a recipe with the names of this version, which makes the same sound."""
    if not recipe.version.startswith(_OLD):
        return recipe
    verb = "morph" if recipe.verb == "grid" else recipe.verb
    return recipe.model_copy(update={"verb": verb, "settings": _settings(verb, recipe.settings)})


def _settings(verb: str, old: dict[str, Any]) -> dict[str, Any]:
    settings = {_RENAMED.get(name, name): value for name, value in old.items()}
    inverted = settings.get("method") == "inversion" and settings.get("amount") != 1
    way = "inversion" if inverted else verb
    if way in _UNUSED and "steps" in settings:
        settings["steps"] = max(_INVERSION_STEPS, settings["steps"])
    return {name: value for name, value in settings.items() if name not in _UNUSED.get(way, ())}
