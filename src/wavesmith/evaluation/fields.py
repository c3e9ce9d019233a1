"""Fields of reports whose names differ from those of version 0.1, whose reports are still read."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field


def renamed(name: str, former: str, **options: Any) -> Any:
    """Return a pydantic field that is read by its name or its former name and written by its name."""
    return Field(validation_alias=AliasChoices(name, former), **options)
