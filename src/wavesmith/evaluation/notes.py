"""Sentences of a report about what was converted or left out."""

from __future__ import annotations

from collections.abc import Sequence

from wavesmith.data import LeftOut
from wavesmith.embeddings import Embedding
from wavesmith.evaluation.embedding_library import EmbeddingLibrary

_NAMED_FILES = 5


def left_out(kind: str, files: Sequence[LeftOut]) -> list[str]:
    """Return a sentence that names some of the files that were left out, or none."""
    if not files:
        return []
    named = "; ".join(f"{path} ({why})" for path, why in files[:_NAMED_FILES])
    more = f"; and {len(files) - _NAMED_FILES} more" if len(files) > _NAMED_FILES else ""
    return [f"Left out of the {kind} sounds: {named}{more}."]


def conversions(generated: EmbeddingLibrary, reference: EmbeddingLibrary, embedding: Embedding) -> list[str]:
    """Return a sentence if not all sounds have one format."""
    own, real = _formats(generated), _formats(reference)
    if own == real and "," not in own:
        return []
    return [
        f"The generated sounds have {own}, the real ones {real}; for distances and labels all are converted "
        f"to {embedding.rate} Hz, mono, one length and level; levels and spectra are measured on the files."
    ]


def _formats(library: EmbeddingLibrary) -> str:
    rates = ", ".join(map(str, sorted({file.rate for file in library.files})))
    channels = sorted({file.channels for file in library.files})
    word = "channel" if channels == [1] else "channels"
    return f"{rates} Hz and {', '.join(map(str, channels))} {word}"
