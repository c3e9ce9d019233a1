"""A model as people hold it: a name, a hash, a family with its weights, and a card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from wavesmith.descriptors import TimbreTable
from wavesmith.families import Family
from wavesmith.models.provenance import Provenance

if TYPE_CHECKING:
    from wavesmith.verbs.choices import ModelVerbs
else:
    ModelVerbs = object


@dataclass(frozen=True)
class Model(ModelVerbs):
    """What `load` returns and every verb takes.

    Attributes:
        name: what to give to `load` to get this model again: a bundled name, a folder or a hub repository.
        hash: first 16 hexadecimal digits of the SHA-256 over configuration and weights.
        family: the weights and all that generates with them, in evaluation mode.
        card: the text of its README.md.
        timbre: what timbres the sounds have that it was trained on; None if nobody measured.
        provenance: what it was trained on, by whom and under which licences; None if it does not say.
    """

    name: str
    hash: str
    family: Family
    card: str = ""
    timbre: TimbreTable | None = None
    provenance: Provenance | None = None

    @property
    def rate(self) -> int:
        """Samples per second of what it makes."""
        return self.family.config.rate

    @property
    def channels(self) -> int:
        """Audio channels of what it makes."""
        return self.family.config.channels

    @property
    def seconds(self) -> float:
        """Length of what it was trained to make."""
        return self.family.config.length / self.family.config.rate

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels it knows; empty for an unconditional model."""
        return self.family.config.labels

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.family.device

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a verb as a method: `model.generate(...)` is `wavesmith.generate(model, ...)`."""
            verbs = import_module("wavesmith.verbs")  # a floor above, known here by name alone
            if name.startswith("_") or name not in verbs.VERBS:
                raise AttributeError(f"A model has no attribute '{name}'")
            return partial(getattr(verbs, name), self)
