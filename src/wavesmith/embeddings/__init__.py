"""Embeddings: where a sound lies among all sounds, as a vector; what distances are measured between.

`embedding(name)` finds one: `ears` (trained by this project, in the package), `statistics` (fixed measurements),
or one of the field's own, where its package and weights are on the machine. None of them is ever used to
steer: what steers must never be what judges.
"""

from wavesmith.embeddings.ears import Ears
from wavesmith.embeddings.embedding import Embedding
from wavesmith.embeddings.listen import listen
from wavesmith.embeddings.statistics import Statistics

__all__ = ["Ears", "Embedding", "Statistics", "listen"]
