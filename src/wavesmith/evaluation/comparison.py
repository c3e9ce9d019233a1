"""All distances of two sets of sounds, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.bootstrap import Estimate, around, resamples
from wavesmith.evaluation.distances import (
    Pairs,
    frechet_audio_distance,
    frechet_distance,
    ideal_coverage,
)

FEWEST = 20
_FRECHET_DRAWS = 100

T = TypeVar("T")


class Distances(BaseModel):
    """How far sounds are from a reference; None where there are too few (`left_out` says how many it takes).

    Attributes:
        sounds: how many were compared.
        reference: with how many.
        frechet: `frechet_audio_distance`, without the bias of finite sets.
        frechet_plain: `frechet_distance` of these very sets, which compares only at the same numbers.
        kernel: `kernel_audio_distance`.
        precision, recall, density, coverage: see `Overlap`.
        ideal_coverage: what so many sounds of the reference's own distribution would cover on average.
        left_out: a sentence for each figure that is missing.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    reference: int
    frechet: Estimate | None
    frechet_plain: float | None
    kernel: Estimate
    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate
    ideal_coverage: float
    left_out: tuple[str, ...] = ()


def compare(sounds: Tensor, reference: Tensor, *, seed: int = 0) -> Distances:
    """Measure features `[N, D]` against those of a reference `[M, D]`.

    Intervals come from resampling both sets; those of precision, recall, density and coverage hold the balls
    as they are, that of the Frechet distance is the spread of the plain one, which is rather too wide.

    Raises:
        RequestError: when one has fewer than 20 sounds, or the widths differ.
    """
    if (fewest := min(len(sounds), len(reference))) < FEWEST:
        raise RequestError(f"Distances need at least {FEWEST} sounds on either side; there are {fewest}.")
    of_sounds, of_reference = resamples(len(sounds), seed), resamples(len(reference), seed + 1)
    pairs = Pairs.of(sounds, reference)
    precision, recall, density, coverage = pairs.memberships()
    left_out: list[str] = []
    return Distances(
        sounds=len(sounds),
        reference=len(reference),
        frechet=_or_reason(lambda: _frechet(sounds, reference, of_sounds, of_reference, seed), left_out),
        frechet_plain=_or_reason(lambda: _plain(sounds, reference), left_out),
        kernel=around(pairs.kernel(), pairs.kernels(of_sounds, of_reference)),
        precision=_mean(precision, of_sounds),
        recall=_mean(recall, of_reference),
        density=_mean(density, of_sounds),
        coverage=_mean(coverage, of_reference),
        ideal_coverage=ideal_coverage(len(sounds), len(reference)),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def kernel(sounds: Tensor, reference: Tensor, *, seed: int = 0) -> Estimate:
    """Kernel audio distance of features `[N, D]` to a reference `[M, D]`, with its interval.

    Raises:
        RequestError: when one has fewer than 2 sounds, or the widths differ.
    """
    pairs = Pairs.of(sounds, reference)
    drawn = pairs.kernels(resamples(len(sounds), seed), resamples(len(reference), seed + 1))
    return around(pairs.kernel(), drawn)


def _frechet(
    sounds: Tensor, reference: Tensor, of_sounds: Tensor, of_reference: Tensor, seed: int
) -> Estimate:
    _enough(sounds, reference)
    drawn = [
        frechet_distance(_repeated(sounds, one), _repeated(reference, two))
        for one, two in zip(of_sounds[:_FRECHET_DRAWS], of_reference[:_FRECHET_DRAWS], strict=True)
    ]
    value = frechet_audio_distance(sounds, reference, seed=seed)
    return around(value, torch.tensor(drawn, dtype=torch.float64))


def _plain(sounds: Tensor, reference: Tensor) -> float:
    _enough(sounds, reference)
    return frechet_distance(sounds, reference)


def _enough(sounds: Tensor, reference: Tensor) -> None:
    """Covariances of fewer sounds than dimensions say little."""
    width, fewest = sounds.shape[1], min(len(sounds), len(reference))
    if fewest < width:
        raise RequestError(
            f"The Frechet distance of {width} dimensions needs at least {width} sounds on either side; "
            f"there are {fewest}."
        )


def _repeated(features: Tensor, counts: Tensor) -> Tensor:
    return features.repeat_interleave(counts.long(), dim=0)


def _mean(values: Tensor, counts: Tensor) -> Estimate:
    return around(float(values.mean()), counts @ values / len(values))


def _or_reason(figure: Callable[[], T], reasons: list[str]) -> T | None:
    try:
        return figure()
    except RequestError as error:
        reasons.append(str(error))
        return None
