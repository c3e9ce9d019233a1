"""What people do: sounds and requests in, sounds out. One name and one default in Python, CLI and studio."""

from wavesmith.verbs.again import VERBS, again
from wavesmith.verbs.generate import GenerateSettings, generate, sample, stream
from wavesmith.verbs.settings import Settings, parse_label, settle
from wavesmith.verbs.verb import Task, Verb

__all__ = [
    "VERBS",
    "GenerateSettings",
    "Settings",
    "Task",
    "Verb",
    "again",
    "generate",
    "parse_label",
    "sample",
    "settle",
    "stream",
]
