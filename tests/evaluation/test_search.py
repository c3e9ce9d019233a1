from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from wavesmith.errors import RequestError
from wavesmith.evaluation import search
from wavesmith.evaluation.search import nearest, nearest_in_blocks


def vectors(count: int, seed: int, width: int = 12) -> search.Vectors:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def by_hand(queries: search.Vectors, table: search.Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
    apart = np.sqrt(np.square(queries[:, None].astype(float) - table).sum(axis=2))
    order = np.argsort(apart, axis=1)[:, :k]
    return np.take_along_axis(apart, order, axis=1), order


def test_neighbours_are_exact_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_BLOCK", 64)
    queries, table = vectors(150, 0), vectors(500, 1)
    seen: list[tuple[int, int]] = []
    found = nearest(queries, table, 3, progress=lambda *done: seen.append(done))
    distances, indices = by_hand(queries, table, 3)
    assert (found.indices == indices).all()
    assert np.allclose(found.distances, distances, atol=1e-6)
    assert seen[-1] == (500, 500)
    assert len(seen) == 8


def test_vectors_that_differ_by_a_rounding_are_distinguished() -> None:
    table = 100 + vectors(50, 2)
    queries = table[:5] + np.float32(1e-4)
    found = nearest(queries, table, 2)
    assert (found.indices[:, 0] == np.arange(5)).all()
    assert found.distances[:, 0] == pytest.approx(1e-4 * np.sqrt(12), rel=0.1)


def test_an_index_finds_nearly_all_and_measures_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hnswlib")
    monkeypatch.setattr(search, "_EXACT_LIMIT", 0)
    queries, table = vectors(60, 0), vectors(800, 1)
    found, (distances, indices) = nearest(queries, table, 2), by_hand(queries, table, 2)
    assert (found.indices == indices).mean() > 0.95
    right = found.indices == indices
    assert np.allclose(found.distances[right], distances[right], atol=1e-6)


def test_without_an_index_library_all_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_EXACT_LIMIT", 0)
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    assert not search.has_index()
    queries, table = vectors(5, 0), vectors(80, 1)
    assert (nearest(queries, table, 2).indices == by_hand(queries, table, 2)[1]).all()


def test_more_neighbours_than_sounds_are_refused() -> None:
    with pytest.raises(RequestError, match="give at least 4"):
        nearest(vectors(2, 0), vectors(3, 1), 4)


def test_the_nearest_rows_are_found_across_blocks():
    rows = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    queries = rows[[3, 40]] + 0.01
    distances, indices = nearest_in_blocks(queries, rows.split(16), 3)
    expected = torch.cdist(queries, rows).topk(3, largest=False)
    assert indices.tolist() == expected.indices.tolist()
    assert torch.allclose(distances, expected.values, atol=1e-4)
    _, others = nearest_in_blocks(queries, rows.split(16), 1, exclude=[3, 40])
    assert others[:, 0].tolist() == expected.indices[:, 1].tolist()
