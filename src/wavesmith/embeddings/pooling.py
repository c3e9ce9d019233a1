"""Embeddings of sounds of any rate, number of channels and length."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional

from wavesmith.embeddings.protocol import Embedding
from wavesmith.errors import RequestError
from wavesmith.sound import Sound


@torch.no_grad()
def embed_sounds(embedding: Embedding, sounds: Iterable[Sound]) -> Tensor:
    """Return vectors `[N, D]`, float32, of sounds of any rate, number of channels and length.

    Sounds are embedded one at a time, so that memory does not grow with their number if they come from a
    generator.

    Raises:
        RequestError: when there is no sound.
    """
    vectors = [embedding(sound.mono().resample(embedding.rate).tensor()[None]) for sound in sounds]
    if not vectors:
        raise RequestError("There is no sound to embed; give at least one.")
    return torch.cat(vectors)


def in_windows(embed: Callable[[Tensor], Tensor], waves: Tensor, frames: int) -> Tensor:
    """Return vectors `[B, D]` of waves `[B, C, N]` by a function that embeds mono windows `[M, frames]`.

    The last window is filled up with silence. A sound's vector is the mean over its windows, weighted by
    their energy, so that silence after a sound changes nothing.
    """
    mono = waves.mean(dim=1)
    count = max(1, -(-mono.shape[-1] // frames))
    parts = functional.pad(mono, (0, count * frames - mono.shape[-1])).reshape(len(mono), count, frames)
    energies = parts.square().sum(dim=2)
    loud = energies > 1e-6 * energies.amax(dim=1, keepdim=True)
    loud[:, 0] |= ~loud.any(dim=1)  # of a silent sound the first window counts
    vectors = embed(parts[loud])
    owners = loud.nonzero()[:, 0]
    weights = (energies + (energies.amax(dim=1, keepdim=True) == 0))[loud][:, None]
    summed = vectors.new_zeros(len(mono), vectors.shape[1]).index_add(0, owners, vectors * weights)
    return summed / weights.new_zeros(len(mono), 1).index_add(0, owners, weights)
