"""All verbs by name."""

from __future__ import annotations

from typing import Any

from wavesmith.registry import Registry
from wavesmith.sound import Sound
from wavesmith.tags import InstrumentTags
from wavesmith.verbs.clean import CLEAN
from wavesmith.verbs.generate import GENERATE
from wavesmith.verbs.inpaint import EXTEND, INPAINT
from wavesmith.verbs.loop import LOOP
from wavesmith.verbs.morph import MORPH, MORPH_LABELS
from wavesmith.verbs.restyle import RESTYLE
from wavesmith.verbs.upscale import UPSCALE
from wavesmith.verbs.vary import VARY
from wavesmith.verbs.verb import Verb

_ALL: tuple[Verb[Any], ...] = (
    GENERATE,
    VARY,
    RESTYLE,
    MORPH,
    MORPH_LABELS,
    INPAINT,
    EXTEND,
    LOOP,
    UPSCALE,
    CLEAN,
)
VERBS: Registry[Verb[Any]] = Registry("verb", {verb.name: verb for verb in _ALL})
"""Verbs in the order in which user interfaces list them."""


def instrument_tags(sound: Sound) -> InstrumentTags | None:
    """Return the instrument tags that the file of a sound gets from its verb, if any."""
    verb = VERBS.get(sound.recipe.verb) if sound.recipe else None
    return verb.tags(sound) if verb and verb.tags else None
