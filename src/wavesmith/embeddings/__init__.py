"""Embeddings: vectors of sounds, between which distances are measured.

`load_embedding(name)` loads one of `EMBEDDINGS`: `mel_cnn` (trained by this project, bundled), `statistics`
(fixed measurements), or a published one where its package and weights are installed. `embed_sounds` applies
it to sounds. An embedding is never used as a guide: what steers a model must not measure it.
"""

from typing import TYPE_CHECKING

from wavesmith.embeddings.registry import EMBEDDINGS, load_embedding
from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.embeddings.mel_cnn import MelCnn
    from wavesmith.embeddings.pooling import embed_sounds
    from wavesmith.embeddings.protocol import Embedding
    from wavesmith.embeddings.statistics import Statistics
else:  # these need torch, which listing the names does not
    __getattr__ = exports(
        __name__,
        {
            "Embedding": "wavesmith.embeddings.protocol",
            "MelCnn": "wavesmith.embeddings.mel_cnn",
            "Statistics": "wavesmith.embeddings.statistics",
            "embed_sounds": "wavesmith.embeddings.pooling",
        },
    )

__all__ = ["EMBEDDINGS", "Embedding", "MelCnn", "Statistics", "embed_sounds", "load_embedding"]
