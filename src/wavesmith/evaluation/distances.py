"""Distances between sets of generated and real sounds, given by their embeddings `[N, D]`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wavesmith.errors import RequestError

NEIGHBOURS = 5
_HALVINGS = 4


class Overlap(NamedTuple):
    """Overlap of two sets, by the balls around each sound that reach to its k-th nearest neighbour.

    Attributes:
        precision: share of generated sounds that lie in a real sound's ball (Kynkaanniemi et al. 2019).
        recall: share of real sounds that lie in a generated sound's ball.
        density: number of real balls that a generated sound lies in, over k; about 1 for sets of one
            distribution (Naeem et al. 2020). Unlike precision, it hardly depends on outliers.
        coverage: share of real sounds whose ball has a generated sound in it.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the Frechet distance between normal distributions fitted to features `[N, D]` and `[M, D]`.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982; FID, Heusel et al. 2017; FAD,
    Kilgour et al. 2019), in float64, with unbiased covariances. It grows as sets get smaller, so values
    compare only between sets of the same sizes: see `frechet_audio_distance`.

    Raises:
        RequestError: when a set has fewer than 2 sounds or the widths differ.
    """
    return _frechet(*_checked(first, second))


def frechet_audio_distance(generated: Tensor, reference: Tensor, *, seed: int = 0) -> float:
    """Return the Frechet audio distance without the bias of finite sets, FAD-infinity.

    Sets are `[N, D]` and `[M, D]`.

    Their distance is d + a / N + b / M to first order (Chong and Forsyth 2020; for audio Gui et
    al. 2024). Halving both sets doubles the bias, so d is twice the distance of the whole sets minus
    that of halves, averaged over several random ones. Both sets shrink, not only the generated one, because
    small references are as biased. The value may be slightly negative for similar sets.

    Raises:
        RequestError: when a set has fewer sounds than its features have dimensions, or the widths differ.
    """
    generated, reference = _checked(generated, reference, at_least=generated.shape[-1])
    generator = torch.Generator().manual_seed(seed)
    halves = []
    for _ in range(_HALVINGS):
        one, two = (torch.randperm(len(x), generator=generator) for x in (generated, reference))
        halves += [_frechet(generated[one[side::2]], reference[two[side::2]]) for side in (0, 1)]
    return 2 * _frechet(generated, reference) - sum(halves) / len(halves)


def kernel_audio_distance(generated: Tensor, reference: Tensor) -> float:
    """Return the kernel audio distance (KAD, Chung et al. 2025) of features `[N, D]` to a reference `[M, D]`.

    100 times the unbiased squared maximum mean discrepancy (Gretton et al. 2012, lemma 6) under a Gaussian
    kernel whose bandwidth is the median distance within the reference. 0 for sets of one distribution,
    where it may be slightly negative; at most 200. Values of sets of any size are comparable.

    Raises:
        RequestError: when a set has fewer than 2 sounds or the widths differ.
    """
    return Pairs.of(generated, reference).kernel()


def overlap(generated: Tensor, real: Tensor, k: int = NEIGHBOURS) -> Overlap:
    """Return precision, recall, density and coverage of features `[N, D]` against `[M, D]`.

    Recall and coverage grow with the number of generated sounds, precision and density with that of real
    ones, so compare sets of equal sizes.

    Raises:
        RequestError: when a set has no more than k sounds or the widths differ.
    """
    return Overlap(*(float(values.mean()) for values in Pairs.of(generated, real).memberships(k)))


def ideal_coverage(generated: int, real: int, k: int = NEIGHBOURS) -> float:
    """Return the expected coverage by generated sounds that have the distribution of the real ones.

    1 minus the probability that the k nearest of a real sound are all real (Naeem et al. 2020, section 3.3).
    """
    missed = 1.0
    for step in range(1, k + 1):
        missed *= (real - step) / (real + generated - step)
    return 1 - missed


class Pairs(NamedTuple):
    """Euclidean distances of all pairs: within the generated set, within the real one, and across."""

    generated: Tensor
    real: Tensor
    across: Tensor

    @classmethod
    def of(cls, generated: Tensor, real: Tensor) -> Pairs:
        """Measure features `[N, D]` and `[M, D]`; RequestError for fewer than 2 or other widths."""
        generated, real = _checked(generated, real)
        pairs = ((generated, generated), (real, real), (generated, real))
        return cls(*(torch.cdist(*pair, compute_mode="use_mm_for_euclid_dist") for pair in pairs))

    def kernel(self) -> float:
        """Return the kernel audio distance of the sets."""
        one, two = (torch.ones(1, size, dtype=torch.float64) for size in self.across.shape)
        return float(self.kernels(one, two))

    def kernels(self, of_generated: Tensor, of_real: Tensor) -> Tensor:
        """Return kernel audio distances `[R]` of bootstrap samples with counts `[R, N]` and `[R, M]`.

        A sound is never paired with itself, whatever its count.
        """
        size = len(self.real)
        between = self.real[tuple(torch.triu_indices(size, size, 1))]
        bandwidth = between.median().clamp_min(1e-12)
        own, others, across = (torch.exp(-0.5 * (part / bandwidth).square()) for part in self)
        within = _mean_of_pairs(of_generated, own) + _mean_of_pairs(of_real, others)
        count = of_generated.sum(dim=1) * of_real.sum(dim=1)
        return 100 * (within - 2 * ((of_generated @ across) * of_real).sum(dim=1) / count)

    def memberships(self, k: int = NEIGHBOURS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the terms of which the fields of `Overlap` are means: `[N]`, `[M]`, `[N]`, `[M]`.

        Raises:
            RequestError: when a set has no more than k sounds.
        """
        if (fewest := min(self.across.shape)) <= k:
            raise RequestError(f"A set of {fewest} sounds is too small to compare; use at least {k + 1}.")
        in_real = self.across <= _reach(self.real, k)
        in_generated = self.across <= _reach(self.generated, k)[:, None]
        return (
            in_real.any(dim=1).double(),
            in_generated.any(dim=0).double(),
            in_real.sum(dim=1).double() / k,
            in_real.any(dim=0).double(),
        )


def _mean_of_pairs(counts: Tensor, kernel: Tensor) -> Tensor:
    pairs = counts.sum(dim=1).square() - counts.square().sum(dim=1)
    return (((counts @ kernel) * counts).sum(dim=1) - counts.square() @ kernel.diagonal()) / pairs


def _reach(distances: Tensor, k: int) -> Tensor:
    """Return the distance `[N]` to the k-th nearest other member (the nearest is the member itself)."""
    return distances.kthvalue(k + 1, dim=1).values


def _checked(first: Tensor, second: Tensor, at_least: int = 2) -> tuple[Tensor, Tensor]:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise RequestError("Only two sets of features [N, D] from one embedding can be compared.")
    if (fewest := min(len(first), len(second))) < at_least:
        raise RequestError(f"A set of {fewest} sounds is too small to compare; use at least {at_least}.")
    return first.double(), second.double()


def _frechet(first: Tensor, second: Tensor) -> float:
    mean = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    one, two = _factor(first), _factor(second)
    # tr (C1 C2)^(1/2) is the sum of the singular values of A1 A2^T where C = A^T A; no matrix root is needed.
    overlapping = torch.linalg.svdvals(one @ two.T).sum()
    return float(mean + one.square().sum() + two.square().sum() - 2 * overlapping)


def _factor(features: Tensor) -> Tensor:
    """Return the upper triangle A `[min(N, D), D]` of which A^T A is the covariance."""
    centred = features - features.mean(dim=0)
    factor: Tensor = torch.linalg.qr(centred, mode="r").R / (len(features) - 1) ** 0.5
    return factor
