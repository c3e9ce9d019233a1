"""Names of tensors in version 0.1, whose model folders still load and whose model hashes still hold.

A model's hash covers the names of its tensors, and recipes carry the hash. So hashes are computed with the
names of 0.1, whatever the tensors are called today.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

T = TypeVar("T")

NAMES_OF_0_1 = {"proj_in": "inlet", "proj_out": "outlet", "norm_out": "outlet_norm"}
"""Parts of tensor names today, and what they were in version 0.1."""

_NAMES_TODAY = {old: new for new, old in NAMES_OF_0_1.items()}


def name_of_0_1(name: str) -> str:
    """Return the name of a tensor in version 0.1: `network.inlet.weight` for `network.proj_in.weight`."""
    return _replace_parts(name, NAMES_OF_0_1)


def with_names_of_today(tensors: Mapping[str, T], expected: Collection[str]) -> dict[str, T]:
    """Rename tensors that have a name of version 0.1 where a model expects the one of today."""

    def today(name: str) -> str:
        renamed = _replace_parts(name, _NAMES_TODAY)
        return renamed if renamed in expected and name not in expected else name

    return {today(name): tensor for name, tensor in tensors.items()}


def _replace_parts(name: str, table: Mapping[str, str]) -> str:
    return ".".join(table.get(part, part) for part in name.split("."))
