"""Sounds nearest to a given one, chosen out of many."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from wavesmith.descriptors import LogMel
from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.generate import stream
from wavesmith.verbs.source_adapter import check_audible
from wavesmith.verbs.verb import Given, heard, path_of

_LOWEST_DB = -60.0


def generate_like(
    model: Model, sound: Given, n: int = 1, *, of: int | None = None, **request: Any
) -> list[Sound]:
    """Make many sounds and keep the `n` that are nearest to a given one, nearest first.

    Nearness is the root mean square difference of log-mel pictures, each relative to its own peak. What is
    kept are ordinary sounds of `generate`, which can be made again without the given one.

    Args:
        model: what `load` returned.
        sound: of any rate, length and number of channels, or the file it is in.
        n: how many to keep.
        of: out of how many; eight times as many as are kept if None.
        request: as for `generate`.

    Raises:
        RequestError: when fewer are to be made than kept, or the model cannot follow the request.
        AudioError: when the given sound is empty, silent or cannot be read.
    """
    count = 8 * n if of is None else of
    if n < 1 or count < n:
        raise RequestError(f"{n} sounds cannot be kept out of {count}; ask for fewer, or make more.")
    given = heard(sound)
    check_audible(given, path_of(sound))
    return nearest(stream(model, count, **request), given, n)


def nearest(sounds: Iterable[Sound], given: Sound, n: int) -> list[Sound]:
    """The `n` sounds that are nearest to a given one, nearest first; only those are kept in memory."""
    distances = ((distance(sound, given), k, sound) for k, sound in enumerate(sounds))
    return [sound for _, _, sound in heapq.nsmallest(n, distances, key=lambda found: found[:2])]


@torch.no_grad()
def distance(sound: Sound, other: Sound) -> float:
    """How unlike two sounds are, in dB; both are heard in mono at the rate of the first."""
    length = max(sound.frames, other.resample(sound.rate).frames)
    mel = LogMel(sound.rate)

    def picture(one: Sound) -> Tensor:
        wave = one.mono().resample(sound.rate).crop(length).tensor()
        heard_at: Tensor = mel(wave[None]).clamp_min(_LOWEST_DB)
        return heard_at

    return float((picture(sound) - picture(other)).square().mean().sqrt())
