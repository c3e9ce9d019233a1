from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.neighbours import nearest

RATE = 8000


def bursts(count: int, seed: int, frames: int = 4000) -> Tensor:
    """Noise in bursts of random rhythm: no two alike."""
    generator = torch.Generator().manual_seed(seed)
    rhythm = torch.rand(count, 1, 16, generator=generator).square().repeat_interleave(frames // 16, dim=2)
    return rhythm * torch.randn(count, 1, frames, generator=generator)


def test_a_quieter_copy_is_found() -> None:
    reference = bursts(150, 0)
    waves = torch.cat([0.1 * reference[140:141], bursts(3, 1)])
    distances, indices = nearest(waves, reference, rate=RATE)
    assert indices[0] == 140
    assert distances[0] < 0.1
    assert (distances[1:] > 2).all()


def test_inaudible_noise_hides_no_copy() -> None:
    reference = torch.nn.functional.pad(bursts(5, 0), (0, 4000))
    waves = reference + 1e-4 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(1))
    distances, indices = nearest(waves, reference, rate=RATE)
    assert indices.tolist() == [0, 1, 2, 3, 4]
    assert (distances < 0.5).all()


def test_within_a_set_a_sound_is_not_its_own_neighbour() -> None:
    waves = bursts(130, 0)
    waves[129] = waves[3]
    distances, indices = nearest(waves, rate=RATE)
    assert (indices[3], indices[129]) == (129, 3)
    assert (indices != torch.arange(130)).all()
    assert distances[3] == pytest.approx(0, abs=0.1)
    assert distances.sort().values[2] > 2


def test_only_the_common_length_counts() -> None:
    reference = bursts(4, 0)
    distances, indices = nearest(reference[..., :3000], reference, rate=RATE)
    assert indices.tolist() == [0, 1, 2, 3]
    assert (distances < 0.1).all()


def test_nothing_to_compare_with_is_an_error() -> None:
    with pytest.raises(RequestError, match="at least two"):
        nearest(bursts(1, 0), rate=RATE)
    with pytest.raises(RequestError, match="no other sound"):
        nearest(bursts(1, 0), bursts(1, 0)[:0], rate=RATE)
