"""Nearest neighbours among sounds: is a generated sound new, or one of the training sounds again?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.hearing.mel import LogMel

_LOWEST_DB = -60.0
_BATCH = 64


def nearest(waves: Tensor, reference: Tensor | None = None, *, rate: int) -> tuple[Tensor, Tensor]:
    """Find the sound of `reference` that is nearest to each of `waves`.

    The distance is the root mean square difference of log-mel pictures in dB, each relative to its own peak,
    with everything below -60 dB held equal: it ignores gain and what cannot be heard. A copy is within
    0.5 dB of its original; takes of one drum are mostly 1 to 3 dB apart, so judge by what real sounds show.
    The longer sounds are cut to the shorter length.

    Args:
        waves: `[N, C, L]`.
        reference: `[M, C, L]`; None compares each sound with the others of `waves`.
        rate: frames per second.

    Returns:
        Distances in dB `[N]` and indices into the reference `[N]`. Apart from the pictures of `waves`,
        memory does not grow with either set.

    Raises:
        RequestError: when there is nothing to compare with.
    """
    others = waves if reference is None else reference
    if len(others) < (2 if reference is None else 1):
        raise RequestError("There is no other sound to compare with; give at least two.")
    length = min(waves.shape[-1], others.shape[-1])
    mel = LogMel(rate, window=1024, hop=512)
    pictures = torch.cat([_picture(mel, part[..., :length]) for part in torch.split(waves, _BATCH)])
    best = torch.full((len(waves),), math.inf)
    index = torch.zeros(len(waves), dtype=torch.long)
    for start in range(0, len(others), _BATCH):
        part = _picture(mel, others[start : start + _BATCH, :, :length])
        distances = torch.cdist(pictures, part) / math.sqrt(part.shape[1])
        if reference is None:
            itself = torch.arange(len(part))
            distances[start + itself, itself] = math.inf
        closest, place = distances.min(dim=1)
        index = torch.where(closest < best, start + place, index)
        best = torch.minimum(best, closest)
    return best, index


@torch.no_grad()
def _picture(mel: LogMel, waves: Tensor) -> Tensor:
    picture: Tensor = mel(waves)
    return picture.clamp_min(_LOWEST_DB).flatten(1)
