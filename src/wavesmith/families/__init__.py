"""Families: kinds of models behind one interface (`Family`), with capabilities that verbs need.

`build` makes an untrained model from a configuration, `read_config` reads one; `register` adds a family, as
does a package's entry point in the group `wavesmith.families`.
"""

from wavesmith.families.capabilities import (
    Codes,
    Constraint,
    Continues,
    Denoises,
    Edits,
    Inverts,
    Morph,
    Scores,
    Steers,
)
from wavesmith.families.condition import Condition, LossTerm, WaveLoss
from wavesmith.families.family import Family, FamilyConfig, Label, Medium, ObjectiveConfig, Sampling
from wavesmith.families.meta import on_meta_device
from wavesmith.families.objective import Batch, Objective
from wavesmith.families.registry import FAMILIES, build, read_config, register

__all__ = [
    "FAMILIES",
    "Batch",
    "Codes",
    "Condition",
    "Constraint",
    "Continues",
    "Denoises",
    "Edits",
    "Family",
    "FamilyConfig",
    "Inverts",
    "Label",
    "LossTerm",
    "Medium",
    "Morph",
    "Objective",
    "ObjectiveConfig",
    "Sampling",
    "Scores",
    "Steers",
    "WaveLoss",
    "build",
    "on_meta_device",
    "read_config",
    "register",
]
