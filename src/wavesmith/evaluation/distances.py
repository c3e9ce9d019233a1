"""How far a set of generated sounds is from a set of real ones, seen through features `[N, D]`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.errors import RequestError


class PrecisionRecall(NamedTuple):
    """Share of generated sounds that look real, and share of real sounds that the generator can look like."""

    precision: float
    recall: float


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Frechet distance between normal distributions fitted to features `[N, D]` and `[M, D]`.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982; FID, Heusel et al. 2017; FAD,
    Kilgour et al. 2019), in float64. Covariances are shrunk towards a multiple of the identity by the amount
    of Ledoit and Wolf (2004), which keeps small sets stable and vanishes for large ones: values compare only
    between sets of similar size.

    Raises:
        RequestError: when a set has fewer than 2 sounds or the widths differ.
    """
    first, second = _checked(first, second)
    mean = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    one, two = _covariance(first), _covariance(second)
    # tr (C1 C2)^(1/2) = sum of singular values of C1^(1/2) C2^(1/2): no root of a non-symmetric matrix.
    overlap = torch.linalg.svdvals(_root(one) @ _root(two)).sum()
    return max(0.0, float(mean + one.trace() + two.trace() - 2 * overlap))


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy between features `[N, D]` and `[M, D]`.

    The kernel is Gaussian with the median distance within `second`, the reference, as bandwidth (KAD, Chung
    et al. 2025, without its factor of 100; the estimate of Gretton et al. 2012, lemma 6). Near 0 for sets of
    one distribution, where it may be slightly negative; at most 2. It needs no covariance, so it holds for
    small sets too.

    Raises:
        RequestError: when a set has fewer than 2 sounds or the widths differ.
    """
    first, second = _checked(first, second)
    within = _distances(second, second)
    bandwidth = torch.pdist(second).median().clamp_min(1e-12)

    def kernel(distances: Tensor) -> Tensor:
        return torch.exp(-0.5 * (distances / bandwidth).square())

    def mean_off_diagonal(values: Tensor) -> Tensor:
        return (values.sum() - values.trace()) / (len(values) * (len(values) - 1))

    own = mean_off_diagonal(kernel(_distances(first, first))) + mean_off_diagonal(kernel(within))
    return float(own - 2 * kernel(_distances(first, second)).mean())


def precision_recall(generated: Tensor, real: Tensor, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019) of features `[N, D]` against `[M, D]`.

    Each set's region is the union of balls round its members that reach to the k-th nearest other member;
    precision is the share of generated sounds inside the real region, recall the reverse.

    Raises:
        RequestError: when a set has no more than k sounds or the widths differ.
    """
    generated, real = _checked(generated, real, at_least=k + 1)
    across = _distances(generated, real)
    return PrecisionRecall(
        precision=float((across <= _reach(real, k)).any(dim=1).double().mean()),
        recall=float((across <= _reach(generated, k)[:, None]).any(dim=0).double().mean()),
    )


def _checked(first: Tensor, second: Tensor, at_least: int = 2) -> tuple[Tensor, Tensor]:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise RequestError("Only two sets of features [N, D] from one judge can be compared.")
    if (fewest := min(len(first), len(second))) < at_least:
        raise RequestError(f"A set of {fewest} sounds is too small to compare; use at least {at_least}.")
    return first.double(), second.double()


def _distances(first: Tensor, second: Tensor) -> Tensor:
    # The faster way through a matrix product rounds small distances away.
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


def _reach(features: Tensor, k: int) -> Tensor:
    """Distance `[N]` to the k-th nearest other member (the nearest of all is the member itself)."""
    return _distances(features, features).kthvalue(k + 1, dim=1).values


def _covariance(features: Tensor) -> Tensor:
    """Covariance `[D, D]`, shrunk by Ledoit and Wolf (2004), "A well-conditioned estimator", section 3."""
    count, width = features.shape
    centred = features - features.mean(dim=0)
    sample = centred.T @ centred / count
    target = sample.trace() / width * torch.eye(width, dtype=sample.dtype)
    dispersion = (sample - target).square().sum()
    # Mean over sounds of |x x^T - S|^2, written without forming the products.
    error = (centred.square().sum(dim=1).square().mean() - sample.square().sum()) / count
    shrinkage = (error / dispersion.clamp_min(1e-300)).clamp(0, 1)
    shrunk: Tensor = torch.lerp(sample, target, shrinkage) * (count / (count - 1))
    return shrunk


def _root(matrix: Tensor) -> Tensor:
    """Square root of a positive semi-definite matrix; rounding below zero is cut off."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
