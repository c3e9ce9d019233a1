from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from wavesmith.transforms.patch import Patch, PatchConfig


def test_each_frame_holds_a_run_of_samples_of_every_channel() -> None:
    left, right = torch.arange(6.0), torch.arange(100.0, 106.0)
    z = Patch(channels=2, size=3).encode(torch.stack([left, right])[None])
    assert z[0, :, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert z[0, :, 1].tolist() == [3, 4, 5, 103, 104, 105]


@pytest.mark.parametrize("length", [1, 15, 16, 17, 100])
def test_any_length_comes_back_exactly(length: int) -> None:
    transform = PatchConfig(size=16).build(channels=2)
    wave = torch.randn(3, 2, length, generator=torch.Generator().manual_seed(length))
    z = transform.encode(wave)
    assert z.shape == (3, transform.features, transform.frames(length))
    assert transform.features == 32
    torch.testing.assert_close(transform.decode(z, length), wave, rtol=0, atol=0)


def test_padding_is_silence() -> None:
    z = Patch(channels=1, size=4).encode(torch.ones(1, 1, 5))
    assert z[0].tolist() == [[1, 1], [1, 0], [1, 0], [1, 0]]


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        PatchConfig(size=0)
