"""Families by name, and models built from configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavesmith.families.family import Family, FamilyConfig
from wavesmith.registry import Registry

FAMILIES: Registry[type[Family]] = Registry(
    "family",
    {"diffusion": "wavesmith.families.diffusion:DiffusionModel"},
    entry_points="wavesmith.families",
)
"""Known families. Packages advertise theirs as entry points in the group `wavesmith.families`."""


def register(family: type[Family]) -> type[Family]:
    """Add a family under its `NAME`; a class decorator."""
    FAMILIES.register(family.NAME, family)
    return family


def read_config(values: Mapping[str, Any]) -> FamilyConfig:
    """Validate a model's configuration by the type that its `family` (by default diffusion) names.

    Raises:
        RequestError: for an unknown family.
        ValidationError: pydantic's, for values that do not make sense.
    """
    name = values.get("family", "diffusion")
    return FAMILIES[str(name)].CONFIG.model_validate(dict(values))


def build(config: FamilyConfig) -> Family:
    """Return an untrained model of a configuration."""
    return FAMILIES[config.family](config)
