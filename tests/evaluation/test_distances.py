from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.distances import (
    Pairs,
    frechet_audio_distance,
    frechet_distance,
    ideal_coverage,
    kernel_audio_distance,
    overlap,
)


def features(count: int, seed: int, width: int = 8, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(count, width, generator=generator)


def textbook(first: Tensor, second: Tensor) -> float:
    one, two = np.cov(first.double().numpy().T), np.cov(second.double().numpy().T)
    mean = first.double().mean(dim=0) - second.double().mean(dim=0)
    return float(mean @ mean) + float(np.trace(one + two - 2 * scipy.linalg.sqrtm(one @ two).real))


def test_frechet_is_the_textbook_formula() -> None:
    mix = features(8, seed=9)
    first, second = features(300, 0) @ mix, features(200, 1, shift=0.5, scale=1.5)
    assert frechet_distance(first, second) == pytest.approx(textbook(first, second), rel=1e-6)


def test_frechet_of_a_set_with_itself_is_zero_even_with_fewer_sounds_than_features() -> None:
    few = features(10, 0, width=64)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("counts", [(64, 64), (64, 400), (300, 70)])
def test_extrapolation_takes_the_bias_of_small_sets_away(counts: tuple[int, int]) -> None:
    plain, unbiased = [], []
    for seed in range(8):
        first = features(counts[0], 2 * seed, width=32)
        second = features(counts[1], 2 * seed + 1, width=32, shift=0.25)
        plain.append(frechet_distance(first, second))
        unbiased.append(frechet_audio_distance(first, second, seed=seed))
    truth = 32 * 0.25**2
    assert np.mean(plain) > truth + 2
    assert abs(np.mean(unbiased) - truth) < 0.25 * (np.mean(plain) - truth)


def test_the_frechet_audio_distance_takes_as_many_sounds_as_dimensions() -> None:
    with pytest.raises(RequestError, match="use at least 32"):
        frechet_audio_distance(features(31, 0, width=32), features(100, 1, width=32))


@pytest.mark.parametrize("distance", [frechet_distance, frechet_audio_distance, kernel_audio_distance])
def test_distances_grow_with_the_difference(distance) -> None:  # type: ignore[no-untyped-def]
    real = features(300, 0)
    near, middle, far = (distance(features(300, 1, shift=shift), real) for shift in (0.0, 0.5, 1.5))
    assert near < middle < far
    narrow = distance(features(300, 1, scale=0.3), real)
    assert narrow > near


def test_kernel_distance_is_unbiased() -> None:
    values = [kernel_audio_distance(features(20, seed), features(20, 1000 + seed)) for seed in range(200)]
    mean, error = np.mean(values), np.std(values) / np.sqrt(len(values))
    assert abs(mean) < 3 * error
    assert min(values) < 0


def test_kernel_distance_by_its_definition() -> None:
    first, second = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])

    def kernel(distance: float) -> float:
        return float(np.exp(-(distance**2) / 8))

    expected = 100 * (kernel(1) + kernel(2) - 2 * (kernel(0) + kernel(2) + kernel(1) + kernel(1)) / 4)
    assert kernel_audio_distance(first, second) == pytest.approx(expected)


def test_a_resample_is_the_distance_of_the_sounds_in_it_without_pairs_of_one_with_itself() -> None:
    first, second = features(12, 0), features(9, 1)
    once, twice = torch.ones(1, 12, dtype=torch.float64), torch.ones(1, 9, dtype=torch.float64)
    once[0, :4] = 0
    left_out = Pairs.of(first, second).kernels(once, twice)
    # The bandwidth is that of the reference, which is whole in both.
    assert float(left_out) == pytest.approx(kernel_audio_distance(first[4:], second))
    doubled = Pairs.of(first, second).kernels(2 * torch.ones_like(once), 2 * twice)
    assert float(doubled) == pytest.approx(kernel_audio_distance(first, second))


def test_overlap_tells_missing_variety_from_wrong_sounds() -> None:
    real = torch.cat([features(100, 0), features(100, 1, shift=20)])
    one_kind = features(100, 2)
    half_wrong = torch.cat([real + 0.01, features(200, 3, shift=-20)])
    collapsed, spoiled = overlap(one_kind, real), overlap(half_wrong, real)
    assert collapsed.precision > 0.8
    assert collapsed.recall == pytest.approx(0.45, abs=0.06)
    assert collapsed.coverage == pytest.approx(0.45, abs=0.06)
    assert collapsed.density == pytest.approx(1, abs=0.2)
    assert spoiled.precision == pytest.approx(0.5, abs=0.02)
    assert spoiled.density == pytest.approx(0.6, abs=0.15)
    assert spoiled.recall > 0.95
    assert spoiled.coverage == 1


def test_the_ideal_coverage_is_what_one_distribution_reaches() -> None:
    reached = [overlap(features(60, 2 * seed), features(90, 2 * seed + 1)).coverage for seed in range(20)]
    assert np.mean(reached) == pytest.approx(ideal_coverage(60, 90), abs=0.02)


def test_sets_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(RequestError, match="too small"):
        frechet_distance(features(1, 0), features(9, 1))
    with pytest.raises(RequestError, match="at least 6"):
        overlap(features(5, 0), features(9, 1))
    with pytest.raises(RequestError, match="one embedding"):
        kernel_audio_distance(features(5, 0), features(5, 1, width=7))
