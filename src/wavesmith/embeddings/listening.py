"""How sounds of any rate, width and length come before an embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional

from wavesmith.embeddings.protocol import Embedding
from wavesmith.errors import RequestError
from wavesmith.sound import Sound


@torch.no_grad()
def listen(embedding: Embedding, sounds: Iterable[Sound]) -> Tensor:
    """Vectors `[N, D]`, float32, of sounds of any rate, number of channels and length.

    They are heard one at a time: memory does not grow with their number, if they come from a generator.

    Raises:
        RequestError: when there is no sound.
    """
    heard = [embedding(sound.mono().resample(embedding.rate).tensor()[None]) for sound in sounds]
    if not heard:
        raise RequestError("There is no sound to listen to; give at least one.")
    return torch.cat(heard)


def in_windows(hear: Callable[[Tensor], Tensor], waves: Tensor, frames: int) -> Tensor:
    """Vectors `[B, D]` of waves `[B, C, N]` by one that hears mono windows `[M, frames]`.

    The last window is filled up with silence. A sound's vector is the mean over its windows, each weighted by
    its energy, so that silence after a sound changes nothing.
    """
    mono = waves.mean(dim=1)
    count = max(1, -(-mono.shape[-1] // frames))
    parts = functional.pad(mono, (0, count * frames - mono.shape[-1])).reshape(len(mono), count, frames)
    energies = parts.square().sum(dim=2)
    loud = energies > 1e-6 * energies.amax(dim=1, keepdim=True)
    loud[:, 0] |= ~loud.any(dim=1)  # silence is heard, too
    vectors = hear(parts[loud])
    owners = loud.nonzero()[:, 0]
    weights = (energies + (energies.amax(dim=1, keepdim=True) == 0))[loud][:, None]
    summed = vectors.new_zeros(len(mono), vectors.shape[1]).index_add(0, owners, vectors * weights)
    return summed / weights.new_zeros(len(mono), 1).index_add(0, owners, weights)
