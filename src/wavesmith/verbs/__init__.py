"""What people do: sounds and requests in, sounds out. One name and one default in Python, CLI and studio."""

from wavesmith.verbs.again import VERBS, again
from wavesmith.verbs.clean import clean
from wavesmith.verbs.generate import GenerateSettings, generate, sample, stream
from wavesmith.verbs.inpaint import extend, inpaint
from wavesmith.verbs.kit import make_kit
from wavesmith.verbs.like import generate_like
from wavesmith.verbs.loop import loop, loop_points
from wavesmith.verbs.morph import morph, morph_labels
from wavesmith.verbs.restyle import restyle, restyle_file
from wavesmith.verbs.settings import Settings, parse_label, settle
from wavesmith.verbs.upscale import upscale
from wavesmith.verbs.vary import vary
from wavesmith.verbs.verb import Task, Verb

__all__ = [
    "VERBS",
    "GenerateSettings",
    "Settings",
    "Task",
    "Verb",
    "again",
    "clean",
    "extend",
    "generate",
    "generate_like",
    "inpaint",
    "loop",
    "loop_points",
    "make_kit",
    "morph",
    "morph_labels",
    "parse_label",
    "restyle",
    "restyle_file",
    "sample",
    "settle",
    "stream",
    "upscale",
    "vary",
]
