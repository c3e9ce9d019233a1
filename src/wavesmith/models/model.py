"""A loaded model: name, hash, family with its weights, and card."""

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
    """A loaded model; `load` returns one, and every verb is a method of it.

    Attributes:
        name: argument of `load` for this model: a bundled name, a path or a hub repository.
        hash: first 16 hexadecimal digits of the SHA-256 of configuration and weights (`fingerprint`).
        family: the weights and everything that generates with them, in evaluation mode.
        card: the text of its README.md.
        timbre: percentiles of the timbres of its training sounds; None if they were not measured.
        provenance: its training sounds, their authors and licences; None if they are unknown.
    """

    name: str
    hash: str
    family: Family
    card: str = ""
    timbre: TimbreTable | None = None
    provenance: Provenance | None = None

    @property
    def rate(self) -> int:
        """Samples per second of its sounds."""
        return self.family.config.rate

    @property
    def channels(self) -> int:
        """Audio channels of its sounds."""
        return self.family.config.channels

    @property
    def seconds(self) -> float:
        """Duration of the sounds that it was trained on."""
        return self.family.config.length / self.family.config.rate

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels; empty for an unconditional model."""
        return self.family.config.labels

    @property
    def device(self) -> torch.device:
        """Device of its weights."""
        return self.family.device

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a verb as a method: `model.generate(...)` is `wavesmith.generate(model, ...)`."""
            verbs = import_module("wavesmith.verbs")  # a floor above, known here by name alone
            if name.startswith("_") or name not in verbs.VERBS:
                raise AttributeError(f"A model has no attribute '{name}'")
            return partial(getattr(verbs, name), self)
