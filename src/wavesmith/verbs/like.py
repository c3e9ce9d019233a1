"""Sounds nearest to a given one, chosen out of many."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from wavesmith.data.audible import check_audible
from wavesmith.descriptors import LogMel
from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike, as_sound
from wavesmith.verbs.generate import stream
from wavesmith.verbs.verb import path_of

_LOWEST_DB = -60.0


def generate_like(
    model: Model, sound: SoundLike, count: int = 1, *, of: int | None = None, **request: Any
) -> list[Sound]:
    """Generate many sounds and keep those that are nearest to a given one, nearest first.

    Distance is the root mean square difference of log-mel spectrograms, each relative to its own peak. The
    results are ordinary sounds of `generate`, which can be made again without the given one.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels.
        count: how many to keep.
        of: out of how many; eight times as many as are kept if None.
        request: as for `generate`.

    Raises:
        RequestError: when fewer are to be made than kept, or the model cannot follow the request.
        AudioError: when the given sound is empty, silent or cannot be read.
    """
    total = 8 * count if of is None else of
    if count < 1 or total < count:
        raise RequestError(f"{count} sounds cannot be kept out of {total}; keep fewer, or make more.")
    given = as_sound(sound)
    check_audible(given, path_of(sound))
    return nearest(stream(model, total, **request), given, count)


def nearest(sounds: Iterable[Sound], given: Sound, count: int) -> list[Sound]:
    """Return the sounds that are nearest to a given one, nearest first; only those are kept in memory."""
    distances = ((distance(sound, given), k, sound) for k, sound in enumerate(sounds))
    return [sound for _, _, sound in heapq.nsmallest(count, distances, key=lambda entry: entry[:2])]


@torch.no_grad()
def distance(sound: Sound, other: Sound) -> float:
    """Return the log-mel distance of two sounds in dB, both in mono at the rate of the first."""
    length = max(sound.frames, other.resample(sound.rate).frames)
    mel = LogMel(sound.rate)

    def picture(one: Sound) -> Tensor:
        wave = one.mono().resample(sound.rate).crop(length).tensor()
        levels: Tensor = mel(wave[None]).clamp_min(_LOWEST_DB)
        return levels

    return float((picture(sound) - picture(other)).square().mean().sqrt())
