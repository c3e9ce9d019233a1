"""Verbs: operations on sounds, with the same names and defaults in Python, commands and studio.

A verb works on waves and conditions and needs one operation of a family (`Verb.operations`); how the family
does it is the family's business.
"""

from functools import partial
from typing import Any

from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.again import again
from wavesmith.verbs.clean import clean
from wavesmith.verbs.generate import GenerateSettings, generate, stream
from wavesmith.verbs.inpaint import extend, inpaint
from wavesmith.verbs.kit import make_kit
from wavesmith.verbs.like import generate_like
from wavesmith.verbs.long_files import file_recipe, make_file
from wavesmith.verbs.loop import loop, loop_points
from wavesmith.verbs.morph import morph, morph_labels
from wavesmith.verbs.old_recipes import upgraded
from wavesmith.verbs.registry import VERBS, instrument_tags
from wavesmith.verbs.restyle import restyle
from wavesmith.verbs.settings import VerbSettings, parse_label
from wavesmith.verbs.upscale import upscale
from wavesmith.verbs.vary import vary
from wavesmith.verbs.verb import Task, Verb

__all__ = [
    "VERBS",
    "GenerateSettings",
    "Task",
    "Verb",
    "VerbSettings",
    "again",
    "clean",
    "extend",
    "file_recipe",
    "generate",
    "generate_like",
    "inpaint",
    "instrument_tags",
    "loop",
    "loop_points",
    "make_file",
    "make_kit",
    "morph",
    "morph_labels",
    "parse_label",
    "restyle",
    "stream",
    "upgraded",
    "upscale",
    "vary",
]


def __getattr__(name: str) -> Any:
    """Return a function for a verb that was registered without one: `(model, *sounds, **request)`."""
    if name.startswith("_") or name not in VERBS:
        raise AttributeError(f"module 'wavesmith.verbs' has no attribute '{name}'")
    return partial(_made, VERBS[name])


def _made(verb: Verb[Any], model: Model, *sounds: SoundLike, **request: Any) -> list[Sound]:
    return list(verb.stream(model, *sounds, **request))
