"""The settings that faces offer: of a verb and of the family operations that it may need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from wavesmith.families import FAMILIES, Family
from wavesmith.verbs.verb import Verb


def fields_of(verb: Verb[Any], families: Iterable[type[Family]] | None = None) -> Mapping[str, FieldInfo]:
    """Return the fields that a request of a verb may have, by name: the verb's own first.

    Args:
        verb: whose requests.
        families: whose operations count; all registered ones if None.
    """
    fields = dict(verb.settings.model_fields)
    for family in FAMILIES.values() if families is None else families:
        for operation in verb.operations:
            if operation in family.OPERATIONS:
                fields |= {
                    name: field
                    for name, field in family.OPERATIONS[operation].model_fields.items()
                    if name not in fields
                }
    return fields
