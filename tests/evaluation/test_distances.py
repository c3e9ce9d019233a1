from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.distances import frechet_distance, kernel_distance, precision_recall


def features(count: int, seed: int, width: int = 8, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(count, width, generator=generator)


def test_frechet_is_the_textbook_formula_for_large_sets() -> None:
    mix = features(8, seed=9)
    first, second = features(4000, 0) @ mix, features(4000, 1, shift=0.5, scale=1.5)
    one, two = np.cov(first.double().numpy().T), np.cov(second.double().numpy().T)
    root = scipy.linalg.sqrtm(one @ two).real
    mean = first.double().mean(dim=0) - second.double().mean(dim=0)
    expected = float(mean @ mean) + np.trace(one + two - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=0.01)


def test_frechet_of_a_set_with_itself_is_zero_even_with_fewer_sounds_than_features() -> None:
    few = features(10, 0, width=64)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


def test_shrinkage_helps_small_sets() -> None:
    def plain(first: Tensor, second: Tensor) -> float:
        one, two = np.cov(first.double().numpy().T), np.cov(second.double().numpy().T)
        mean = (first.double().mean(dim=0) - second.double().mean(dim=0)).square().sum()
        return float(mean) + float(np.trace(one + two - 2 * scipy.linalg.sqrtm(one @ two).real))

    first, second = features(30, 0, width=20), features(30, 1, width=20)
    assert frechet_distance(first, second) < 0.5 * plain(first, second)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_distances_grow_with_the_difference(distance) -> None:  # type: ignore[no-untyped-def]
    real = features(300, 0)
    near, middle, far = (distance(features(300, 1, shift=shift), real) for shift in (0.0, 0.5, 1.5))
    assert near < middle < far
    narrow = distance(features(300, 1, scale=0.3), real)
    assert narrow > near


def test_kernel_distance_is_unbiased() -> None:
    values = [kernel_distance(features(20, seed), features(20, 1000 + seed)) for seed in range(200)]
    mean, error = np.mean(values), np.std(values) / np.sqrt(len(values))
    assert abs(mean) < 3 * error
    assert min(values) < 0


def test_kernel_distance_by_its_definition() -> None:
    first, second = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])

    def kernel(distance: float) -> float:
        return float(np.exp(-(distance**2) / 8))

    expected = kernel(1) + kernel(2) - 2 * (kernel(0) + kernel(2) + kernel(1) + kernel(1)) / 4
    assert kernel_distance(first, second) == pytest.approx(expected)


def test_precision_and_recall_tell_missing_variety_from_wrong_sounds() -> None:
    real = torch.cat([features(100, 0), features(100, 1, shift=20)])
    one_kind = features(100, 2)
    half_wrong = torch.cat([real + 0.01, features(200, 3, shift=-20)])
    collapsed, spoiled = precision_recall(one_kind, real), precision_recall(half_wrong, real)
    assert collapsed.precision > 0.8
    assert collapsed.recall == pytest.approx(0.45, abs=0.06)
    assert spoiled.precision == pytest.approx(0.5, abs=0.02)
    assert spoiled.recall > 0.95


def test_sets_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(RequestError, match="too small"):
        frechet_distance(features(1, 0), features(9, 1))
    with pytest.raises(RequestError, match="at least 4"):
        precision_recall(features(3, 0), features(9, 1), k=3)
    with pytest.raises(RequestError, match="one judge"):
        kernel_distance(features(5, 0), features(5, 1, width=7))
