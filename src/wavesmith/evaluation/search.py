"""Nearest neighbours among vectors: exact in blocks, or by an index where that would take too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from wavesmith.errors import RequestError

_BLOCK = 4096
_SPARE = 8  # candidates beyond k that are measured again exactly
_EXACT_LIMIT = 3e11  # queries x vectors x dimensions that a laptop does in some tens of seconds

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

    Exact, unless there is so much to compare that an index pays and hnswlib is installed (the extra `index`),
    which then finds about 99 of 100 (HNSW, Malkov and Yashunin 2018). Memory grows with neither set:
    `vectors` may be memory-mapped.

    Args:
        queries: what to look for. A query that is one of the vectors finds itself first.
        vectors: where to look.
        k: how many for each query.
        progress: called with (vectors done, vectors in all).

    Raises:
        RequestError: when there are fewer than `k` vectors.
    """
    if len(vectors) < k:
        raise RequestError(f"Cannot find the {k} nearest of {len(vectors)} sounds; give at least {k}.")
    if len(queries) * vectors.size > _EXACT_LIMIT and has_index():
        return _by_index(queries, vectors, k, progress)
    return _exact(queries, vectors, k, progress)


def has_index() -> bool:
    """Whether hnswlib is installed."""
    try:
        import hnswlib  # noqa: F401
    except ImportError:
        return False
    return True


def _exact(queries: Vectors, vectors: Vectors, k: int, progress: Progress | None) -> Neighbours:
    wanted = torch.from_numpy(np.array(queries, np.float32))
    count = min(k + _SPARE, len(vectors))
    best = torch.full((len(wanted), 0), torch.inf)
    index = torch.zeros(len(wanted), 0, dtype=torch.long)
    for start, part in _blocks(vectors, progress):
        block = torch.from_numpy(part)
        for queried in range(0, len(wanted), _BLOCK):  # both sides in blocks: [4096, 4096] at a time
            rows = slice(queried, queried + _BLOCK)
            found = torch.cdist(wanted[rows], block).topk(min(count, len(block)), largest=False)
            if queried == 0:
                values, places = [], []
            values.append(found.values)
            places.append(found.indices + start)
        best, index = torch.cat([best, torch.cat(values)], 1), torch.cat([index, torch.cat(places)], 1)
        best, order = best.topk(min(count, best.shape[1]), largest=False)
        index = index.gather(1, order)
    return _measured(queries, vectors, index.numpy(), k)


def _by_index(queries: Vectors, vectors: Vectors, k: int, progress: Progress | None) -> Neighbours:
    import hnswlib

    index = hnswlib.Index(space="l2", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=100, M=16, random_seed=0)
    for start, part in _blocks(vectors, progress):
        index.add_items(part, np.arange(start, start + len(part)))
    count = min(k + _SPARE, len(vectors))
    index.set_ef(max(64, 2 * count))
    found = [
        index.knn_query(queries[start : start + _BLOCK], k=count)[0]
        for start in range(0, len(queries), _BLOCK)
    ]
    return _measured(queries, vectors, np.concatenate(found).astype(np.int64), k)


def _blocks(vectors: Vectors, progress: Progress | None) -> Iterator[tuple[int, Vectors]]:
    for start in range(0, len(vectors), _BLOCK):
        part = np.array(vectors[start : start + _BLOCK], np.float32)
        yield start, part
        if progress:
            progress(start + len(part), len(vectors))


def _measured(queries: Vectors, vectors: Vectors, candidates: NDArray[np.int64], k: int) -> Neighbours:
    """The best `k` of the candidates `[Q, c]` by their exact distance, which matrix products round away."""
    distances = np.empty((len(queries), k), np.float32)
    indices = np.empty((len(queries), k), np.int64)
    for row, (query, places) in enumerate(zip(queries, candidates, strict=True)):
        apart = np.sqrt(np.square(vectors[places].astype(np.float64) - query).sum(axis=1))
        order = np.argsort(apart, kind="stable")[:k]
        distances[row], indices[row] = apart[order], places[order]
    return Neighbours(distances, indices)
