"""Embeddings by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wavesmith.registry import Registry

if TYPE_CHECKING:
    from wavesmith.embeddings.protocol import Embedding

EMBEDDINGS: Registry[Callable[[], Embedding]] = Registry(
    "embedding",
    {
        "multires": "wavesmith.embeddings.multires:bundled",
        "mel_cnn": "wavesmith.embeddings.mel_cnn:bundled",
        "statistics": "wavesmith.embeddings.statistics:Statistics",
        "aisfx": "wavesmith.embeddings.external:aisfx",
        "vggish": "wavesmith.embeddings.external:vggish",
        "clap": "wavesmith.embeddings.external:clap",
        "panns": "wavesmith.embeddings.external:panns",
        "encodec": "wavesmith.embeddings.external:encodec",
    },
    aliases={"ears": "mel_cnn"},  # its name in version 0.1
    entry_points="wavesmith.embeddings",
)
"""Functions that load each embedding; the first three need nothing but this package."""


def load_embedding(name: str) -> Embedding:
    """Load an embedding by its name in `EMBEDDINGS`.

    Raises:
        RequestError: when there is none of that name, or its package or weights are not installed.
        ModelError: when its weights are damaged.
    """
    return EMBEDDINGS[name]()
