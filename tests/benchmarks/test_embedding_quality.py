import pytest
import torch
from embedding_quality import measure_quality, perturbed


def test_clear_clusters_are_found_and_swapped_ones_are_not():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(2).repeat_interleave(10)
    vectors = 10.0 * labels[:, None] + torch.randn(20, 3, generator=generator)
    good = measure_quality(vectors, labels, vectors + 0.1, labels, vectors + 0.1)
    assert good == pytest.approx((1, 1, 1))
    bad = measure_quality(vectors, 1 - labels, vectors + 0.1, labels, vectors.flip(0))
    assert (bad.label, bad.again) == (0, 0)


def test_average_precision_counts_ranks():
    vectors = torch.tensor([[0.0], [1.0], [2.0], [3.5]])
    labels = torch.tensor([0, 1, 0, 1])
    known = torch.arange(5.0)[:, None]
    # In order of nearness: 0: 1 0 1, found second; 1: 0 0 1 or 0 0 1, third; 2: 1 1 0 , ...
    found = measure_quality(known, torch.zeros(5, dtype=torch.long), vectors, labels, vectors).retrieval
    assert found == pytest.approx((1 / 2 + 1 / 3 + 1 / 3 + 1 / 2) / 4)


def test_perturbation_keeps_the_shape_and_depends_on_the_seed():
    drums = torch.rand(6, 1, 11_025, generator=torch.Generator().manual_seed(0)) - 0.5
    changed = perturbed(drums, 44_100)
    assert changed.shape == drums.shape
    assert torch.equal(changed, perturbed(drums, 44_100))
    assert not torch.equal(changed, perturbed(drums, 44_100, seed=1))
