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
from wavesmith.evaluation.fields import renamed

FEWEST = 20
_FRECHET_DRAWS = 100

T = TypeVar("T")


class Distances(BaseModel):
    """Distances of a set of sounds from a reference; None where there are too few sounds (see `left_out`).

    Attributes:
        sounds: number of sounds.
        reference: number of sounds of the reference.
        frechet: `frechet_audio_distance`, without the bias of finite sets.
        frechet_biased: `frechet_distance`, comparable between sets of equal sizes only.
        kernel: `kernel_audio_distance`.
        precision, recall, density, coverage: see `Overlap`.
        ideal_coverage: expected coverage by as many sounds of the reference's distribution.
        left_out: a sentence for each value that is missing.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    reference: int
    frechet: Estimate | None
    frechet_biased: float | None = renamed("frechet_biased", "frechet_plain")
    kernel: Estimate
    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate
    ideal_coverage: float
    left_out: tuple[str, ...] = ()


def compare(sounds: Tensor, reference: Tensor, *, seed: int = 0) -> Distances:
    """Measure features `[N, D]` against those of a reference `[M, D]`.

    Intervals are bootstrapped over both sets. Those of precision, recall, density and coverage keep the balls
    fixed; that of the Frechet distance is the spread of the biased one, which is rather too wide.

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
        frechet_biased=_or_reason(lambda: _biased(sounds, reference), left_out),
        kernel=around(pairs.kernel(), pairs.kernels(of_sounds, of_reference)),
        precision=_mean(precision, of_sounds),
        recall=_mean(recall, of_reference),
        density=_mean(density, of_sounds),
        coverage=_mean(coverage, of_reference),
        ideal_coverage=ideal_coverage(len(sounds), len(reference)),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def kernel(sounds: Tensor, reference: Tensor, *, seed: int = 0) -> Estimate:
    """Return the kernel audio distance of features `[N, D]` to a reference `[M, D]`, with its interval.

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


def _biased(sounds: Tensor, reference: Tensor) -> float:
    _enough(sounds, reference)
    return frechet_distance(sounds, reference)


def _enough(sounds: Tensor, reference: Tensor) -> None:
    """Refuse fewer sounds than dimensions, whose covariances are singular."""
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
