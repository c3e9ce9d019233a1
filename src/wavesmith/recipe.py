"""The recipe of a sound: everything needed to generate it again, sample for sample."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

VERSION = "0.2.0"


class Source(BaseModel):
    """A sound that a verb worked on.

    Attributes:
        path: its path, as given to the verb; empty for a sound in memory.
        sha256: `Sound.sha256`, by which a file that has changed since is recognised.
        recipe: its own recipe, if a model generated it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str
    recipe: Recipe | None = None


class Recipe(BaseModel):
    """The recipe of one sound.

    Attributes:
        verb: name of the verb.
        model: name of the model, as given to `load`.
        model_hash: hash of the model.
        seed: seed of the noise.
        index: number of the sound among those of the seed; it is the same for any batch size.
        settings: settings of the verb (label, sampler, steps, guidance, seconds, ...) as plain JSON values;
            each verb validates its own.
        sources: sounds that the verb worked on.
        version: version of wavesmith.
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
        """Return one line of JSON with keys in a fixed order, as written into files."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Parse the output of `to_json`; raises pydantic's ValidationError, a ValueError, if it is not."""
        return cls.model_validate_json(text)
