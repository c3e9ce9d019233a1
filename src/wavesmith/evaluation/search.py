"""Nearest neighbours among vectors: exact in blocks, or by an index where that would take too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wavesmith.errors import RequestError

_BLOCK = 4096
_SPARE = 8  # candidates beyond k whose distances are computed again exactly
_EXACT_LIMIT = 3e11  # queries x vectors x dimensions that take a laptop some tens of seconds

Vectors = NDArray[np.float32]
Progress = Callable[[int, int], None]


class Neighbours(NamedTuple):
    """Distances (Euclidean, ascending) and indices of the nearest vectors, both `[Q, k]`."""

    distances: Vectors
    indices: NDArray[np.int64]


def nearest(
    queries: Vectors, vectors: Vectors, k: int = 1, *, progress: Progress | None = None
) -> Neighbours:
    """Find the `k` vectors `[N, D]` that are nearest to each query `[Q, D]`.

    Exact, except for large sets where hnswlib is installed (the extra `index`), which then finds about 99 of
    100 (HNSW, Malkov and Yashunin 2018). Memory grows with neither set: `vectors` may be memory-mapped.

    Args:
        queries: vectors whose neighbours are searched; one that is among the vectors finds itself first.
        vectors: vectors that are searched.
        k: number of neighbours.
        progress: called with (vectors done, vectors in all).

    Raises:
        RequestError: when there are fewer than `k` vectors.
    """
    if len(vectors) < k:
        raise RequestError(f"Cannot find the {k} nearest of {len(vectors)} sounds; give at least {k}.")
    count = min(k + _SPARE, len(vectors))
    if len(queries) * vectors.size > _EXACT_LIMIT and has_index():
        candidates = _by_index(queries, vectors, count, progress)
    else:
        blocks = (torch.from_numpy(part) for _, part in _blocks(vectors, progress))
        candidates = nearest_in_blocks(torch.from_numpy(np.array(queries, np.float32)), blocks, count)[
            1
        ].numpy()
    return _measured(queries, vectors, candidates, k)


def nearest_in_blocks(
    queries: Tensor, blocks: Iterable[Tensor], k: int, exclude: Sequence[int | None] | None = None
) -> tuple[Tensor, Tensor]:
    """Find the k rows nearest to each query among rows that come in blocks, in memory of a few blocks.

    Args:
        queries: `[Q, D]`.
        blocks: rows `[B, D]`, in order; at least k rows in all, one more with `exclude`.
        k: number of rows.
        exclude: for each query one row that does not count; None for no row.

    Returns:
        Euclidean distances `[Q, k]`, ascending, and indices of the rows `[Q, k]`.
    """
    best = torch.empty(len(queries), 0)
    index = torch.empty(len(queries), 0, dtype=torch.long)
    excluded = torch.full((len(queries),), -1)
    for query, row in enumerate(exclude or ()):
        excluded[query] = -1 if row is None else row
    start = 0
    for block in blocks:
        values, indices = _nearest_rows(queries, block, k, excluded - start)
        best, index = torch.cat([best, values], dim=1), torch.cat([index, indices + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), largest=False)
        index = index.gather(1, order)
        start += len(block)
    return best, index


def has_index() -> bool:
    """Return whether hnswlib is installed."""
    try:
        import hnswlib  # noqa: F401
    except ImportError:
        return False
    return True


def _nearest_rows(queries: Tensor, block: Tensor, k: int, excluded: Tensor) -> tuple[Tensor, Tensor]:
    """Return distances and indices of the rows of one block nearest to each query, except those excluded."""
    found = []
    for part, rows in zip(torch.split(queries, _BLOCK), torch.split(excluded, _BLOCK), strict=True):
        distances = torch.cdist(part, block)
        distances[rows[:, None] == torch.arange(len(block))] = torch.inf
        found.append(distances.topk(min(k, len(block)), largest=False))
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


def _by_index(queries: Vectors, vectors: Vectors, count: int, progress: Progress | None) -> NDArray[np.int64]:
    import hnswlib

    index = hnswlib.Index(space="l2", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=100, M=16, random_seed=0)
    for start, part in _blocks(vectors, progress):
        index.add_items(part, np.arange(start, start + len(part)))
    index.set_ef(max(64, 2 * count))
    found = [
        index.knn_query(queries[start : start + _BLOCK], k=count)[0]
        for start in range(0, len(queries), _BLOCK)
    ]
    return np.concatenate(found).astype(np.int64)


def _blocks(vectors: Vectors, progress: Progress | None) -> Iterator[tuple[int, Vectors]]:
    for start in range(0, len(vectors), _BLOCK):
        part = np.array(vectors[start : start + _BLOCK], np.float32)
        yield start, part
        if progress:
            progress(start + len(part), len(vectors))


def _measured(queries: Vectors, vectors: Vectors, candidates: NDArray[np.int64], k: int) -> Neighbours:
    """Return the best `k` of the candidates `[Q, c]` by distances in float64, which matrix products round."""
    distances = np.empty((len(queries), k), np.float32)
    indices = np.empty((len(queries), k), np.int64)
    for row, (query, rows) in enumerate(zip(queries, candidates, strict=True)):
        exact = np.sqrt(np.square(vectors[rows].astype(np.float64) - query).sum(axis=1))
        order = np.argsort(exact, kind="stable")[:k]
        distances[row], indices[row] = exact[order], rows[order]
    return Neighbours(distances, indices)
