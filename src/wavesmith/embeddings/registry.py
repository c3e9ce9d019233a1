"""Find an embedding by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from wavesmith.errors import RequestError, unknown

if TYPE_CHECKING:
    from wavesmith.embeddings.protocol import Embedding

_HOMES = {
    "multires": ("wavesmith.embeddings.multires", "bundled"),
    "ears": ("wavesmith.embeddings.ears", "bundled"),
    "statistics": ("wavesmith.embeddings.statistics", "Statistics"),
    "aisfx": ("wavesmith.embeddings.field", "aisfx"),
    "vggish": ("wavesmith.embeddings.field", "vggish"),
    "clap": ("wavesmith.embeddings.field", "clap"),
    "panns": ("wavesmith.embeddings.field", "panns"),
    "encodec": ("wavesmith.embeddings.field", "encodec"),
}

EMBEDDINGS = tuple(_HOMES)
"""Names that `embedding` knows; the first three need nothing that does not come with wavesmith."""


def embedding(name: str) -> Embedding:
    """Make an embedding ready, by its name out of `EMBEDDINGS`.

    Raises:
        RequestError: when there is none of that name, or its package or weights are not on this machine.
        ModelError: when its weights are damaged.
    """
    if name not in _HOMES:
        raise RequestError(unknown("embedding", name, EMBEDDINGS))
    module, maker = _HOMES[name]
    made: Embedding = getattr(import_module(module), maker)()
    return made
