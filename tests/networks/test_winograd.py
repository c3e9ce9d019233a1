from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks import winograd


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def conv(inputs: int, outputs: int, taps: int, bias: bool = True) -> nn.Conv1d:
    made = nn.Conv1d(inputs, outputs, taps, padding=taps // 2, bias=bias).requires_grad_(False)
    for parameter in made.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    return made


@pytest.mark.parametrize("frames", [1, 5, 255, 256, 257, 511, 512, 513, 1027])
@pytest.mark.parametrize("taps", [1, 3, 5, 7])
def test_it_is_the_same_convolution(frames: int, taps: int) -> None:
    layer, x = conv(6, 9, taps), noise(frames, 6)
    found, _ = winograd.convolve(x, layer)
    expected = layer.double()(x.double().T[None])[0].T
    assert found.shape == (frames, 9)
    assert (found - expected).norm() < 3e-6 * expected.norm()


def test_no_bias_will_do() -> None:
    layer, x = conv(6, 9, 5, bias=False), noise(700, 6)
    found, _ = winograd.convolve(x, layer)
    torch.testing.assert_close(found, layer(x.T[None])[0].T, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("frames", [100, 1300])
def test_a_norm_follows_and_goes_before(frames: int) -> None:
    first, second, norm = conv(4, 8, 5), conv(8, 3, 5), nn.GroupNorm(1, 8).requires_grad_(False)
    nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(2))
    nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(3))
    x, plus = noise(frames, 4), noise(frames, 8)
    h, moments = winograd.convolve(x, first)
    y, _ = winograd.convolve(h.clone(), second, before=moments.affine(norm))
    activated = F.gelu(norm(first(x.T[None])))
    torch.testing.assert_close(y.T[None], second(activated), rtol=1e-4, atol=1e-4)
    found = winograd.activate(h, moments.affine(norm), plus)
    torch.testing.assert_close(found.T[None], activated + plus.T, rtol=1e-4, atol=1e-5)


def test_what_goes_into_a_convolution_is_not_overwritten() -> None:
    layer, norm = conv(4, 4, 5), nn.GroupNorm(1, 4).requires_grad_(False)
    for frames in (100, 600):
        x = noise(frames, 4)
        before = x.clone()
        _, moments = winograd.convolve(x, layer)
        winograd.convolve(x, layer, before=moments.affine(norm))
        assert torch.equal(x, before)


def test_silence_has_no_variance_and_does_no_harm() -> None:
    layer, norm = conv(4, 4, 5, bias=False), nn.GroupNorm(1, 4).requires_grad_(False)
    y, moments = winograd.convolve(torch.zeros(600, 4), layer)
    assert not winograd.activate(y, moments.affine(norm)).any()


def test_it_is_for_inference_in_float32_alone() -> None:
    x = noise(1, 600, 4)
    assert not winograd.is_supported(x)  # gradients are on
    with torch.no_grad():
        assert winograd.is_supported(x)
        assert not winograd.is_supported(x.double())
        assert not winograd.is_supported(x.to("meta"))
        with torch.autocast("cpu", torch.bfloat16):
            assert not winograd.is_supported(x)
