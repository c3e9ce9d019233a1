from __future__ import annotations

import numpy as np
import pytest
import torch

from wavesmith.evaluation.bootstrap import around, resamples, share


def test_resamples_repeat_and_leave_out_but_keep_the_size() -> None:
    counts = resamples(50, seed=3)
    assert (counts.sum(dim=1) == 50).all()
    assert (counts == 0).any(dim=1).all()
    assert torch.equal(counts, resamples(50, seed=3))
    assert not torch.equal(counts, resamples(50, seed=4))


def test_the_interval_of_a_mean_holds_the_truth_nineteen_times_in_twenty() -> None:
    generator = torch.Generator().manual_seed(0)
    held = 0
    for trial in range(200):
        values = torch.randn(60, generator=generator, dtype=torch.float64)
        one = around(float(values.mean()), resamples(60, trial) @ values / 60)
        held += one.low <= 0 <= one.high
    assert 0.9 <= held / 200 <= 0.99


def test_a_bias_of_the_resamples_does_not_move_the_interval() -> None:
    drawn = 7 + torch.linspace(-1, 1, 101, dtype=torch.float64)
    one = around(2.0, drawn)
    assert (one.low, one.high) == (pytest.approx(1.05), pytest.approx(2.95))


def test_shares_at_the_ends_are_not_certain() -> None:
    assert share(20, 20).low == pytest.approx(0.839, abs=0.001)
    assert share(20, 20).high == 1
    assert share(0, 20).high == pytest.approx(1 - 0.839, abs=0.001)
    half = share(200, 400)
    assert np.allclose([half.value, half.low, half.high], [0.5, 0.4513, 0.5487], atol=1e-3)
