from __future__ import annotations

import torch

from wavesmith.transforms.raw import Raw, RawConfig


def test_features_are_the_samples() -> None:
    transform = RawConfig().build(channels=2)
    wave = torch.randn(3, 2, 37, generator=torch.Generator().manual_seed(0))
    z = transform.encode(wave)
    assert isinstance(transform, Raw)
    assert z.shape == (3, transform.features, transform.frames(37)) == (3, 2, 37)
    torch.testing.assert_close(z, wave, rtol=0, atol=0)
    torch.testing.assert_close(transform.decode(z, 37), wave, rtol=0, atol=0)


def test_decoding_cuts_to_the_length_asked_for() -> None:
    z = torch.arange(6.0).reshape(1, 1, 6)
    assert Raw(1).decode(z, 4).tolist() == [[[0, 1, 2, 3]]]
