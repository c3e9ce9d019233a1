"""The recipe of a sound: everything needed to make it again, sample for sample."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

VERSION = "0.2.0"


class Source(BaseModel):
    """A sound that another was made from.

    `path` says where it was, as it was given, `sha256` (`Sound.sha256`) whether what is there now is still
    it, and `recipe` how to make it again if a model made it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str
    recipe: Recipe | None = None


class Recipe(BaseModel):
    """How one sound was made.

    `seed` and `index` choose the noise: sound `index` of `seed` is the same whatever the batch size.
    `settings` holds what the verb was asked for (label, sampler, steps, guidance, seconds, ...), as plain
    JSON values; each verb validates its own. `sources` are the sounds that it was given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verb: str
    model: str
    model_hash: str
    seed: int
    index: int = 0
    settings: dict[str, Any] = Field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    version: str = VERSION

    def to_json(self) -> str:
        """One line of JSON, keys in a fixed order; what is written into files."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read what `to_json` wrote; raises pydantic's ValidationError (a ValueError) for anything else."""
        return cls.model_validate_json(text)
