"""Embeddings: where a sound lies among all sounds, as a vector; what distances are measured between.

`embedding(name)` makes one ready: `ears` (trained by this project, in the package), `statistics` (fixed
measurements), or one of the field's own, where its package and weights are on the machine. `listen` puts
sounds before it. No embedding ever steers: what steers must never be what judges.
"""

from typing import TYPE_CHECKING

from wavesmith.embeddings.registry import EMBEDDINGS, embedding
from wavesmith.lazy import exports

if TYPE_CHECKING:
    from wavesmith.embeddings.ears import Ears
    from wavesmith.embeddings.listening import listen
    from wavesmith.embeddings.protocol import Embedding
    from wavesmith.embeddings.statistics import Statistics
else:  # these need torch, which listing the names does not
    __getattr__ = exports(
        __name__,
        {
            "Ears": "wavesmith.embeddings.ears",
            "Embedding": "wavesmith.embeddings.protocol",
            "Statistics": "wavesmith.embeddings.statistics",
            "listen": "wavesmith.embeddings.listening",
        },
    )

__all__ = ["EMBEDDINGS", "Ears", "Embedding", "Statistics", "embedding", "listen"]
