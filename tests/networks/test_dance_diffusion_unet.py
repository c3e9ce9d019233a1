from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.networks.cost import multiply_adds, parameters
from wavesmith.networks.dance_diffusion_unet import (
    DanceDiffusion,
    DanceDiffusionConfig,
    downsample,
    upsample,
)

SMALL = DanceDiffusionConfig(channels=(8, 32, 32, 32), attentions=2)
FILTER = torch.tensor([-3, -9, 29, 111, 111, 29, -9, -3]) / 256


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(config: DanceDiffusionConfig = SMALL, features: int = 2, **extra: int) -> DanceDiffusion:
    """A network with known weights that are nowhere zero, so that every path matters."""
    network = config.build(features, **extra).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return network


def answer(network: DanceDiffusion, x: Tensor, c_noise: Tensor, **conditions: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network(x, c_noise, **conditions)
    return y


def test_the_defaults_are_those_of_the_official_models() -> None:
    with torch.device("meta"):
        network = DanceDiffusionConfig().build(features=2)
        cost = multiply_adds(network, torch.zeros(1, 2, 65536), torch.zeros(1))
    assert parameters(network) == 221_389_322
    assert len(list(network.parameters())) == len(network.state_dict()) == 906
    assert network.stride == 8192
    assert 2 * cost == pytest.approx(690e9, rel=0.01)  # with filters that do not mix channels


def test_a_length_that_does_not_fit_goes_on_mirrored() -> None:
    network, x, level = build(), noise(1, 2, 61), torch.tensor([0.4])
    whole = torch.cat([x, x[..., 57:60].flip(-1)], dim=-1)
    torch.testing.assert_close(answer(network, x, level), answer(network, whole, level)[..., :61])


@pytest.mark.parametrize("frames", [24, 1000, 1001, 4096])
def test_inference_on_a_cpu_gives_what_training_sees(frames: int) -> None:
    """Without gradients convolutions take another way, with longer sounds a third."""
    network, x, level = build(), noise(2, 2, frames), torch.tensor([0.2, 0.8])
    expected = network(x, level).detach()
    found = answer(network, x, level)
    assert (found - expected).norm() < 1e-5 * expected.norm()


def test_wide_kernels_and_no_bias_are_possible() -> None:
    config = SMALL.model_copy(update={"kernel": 7, "bias": False})
    network, x, level = build(config), noise(1, 2, 600), torch.tensor([0.5])
    assert not any(name.endswith("conv1.bias") for name in network.state_dict())
    expected = network(x, level).detach()
    assert (answer(network, x, level) - expected).norm() < 1e-5 * expected.norm()


def test_float64_and_bfloat16_are_possible() -> None:
    network, x, level = build(), noise(1, 2, 600), torch.tensor([0.5])
    expected = answer(network, x, level).double()
    exact = answer(network.double(), x.double(), level.double())
    assert (exact - expected).norm() < 1e-5 * expected.norm()
    rough = answer(network.bfloat16(), x.bfloat16(), level.bfloat16())
    assert (rough.double() - expected).norm() < 0.1 * expected.norm()


@pytest.mark.parametrize("frames", [6, 12, 32, 250])
def test_half_the_rate_is_a_mirrored_filter_and_every_second_frame(frames: int) -> None:
    x = noise(2, frames, 3)
    padded = F.pad(x.mT, (3, 3), mode="reflect")
    expected = F.conv1d(padded, FILTER.expand(3, 1, 8), stride=2, groups=3).mT
    torch.testing.assert_close(downsample(x), expected)


@pytest.mark.parametrize("frames", [3, 6, 16, 125])
def test_twice_the_rate_is_the_same_filter_between_frames(frames: int) -> None:
    x = noise(2, frames, 3)
    padded = F.pad(x.mT, (2, 2), mode="reflect")
    kernel = 2 * FILTER.expand(3, 1, 8)
    expected = F.conv_transpose1d(padded, kernel, stride=2, padding=7, groups=3).mT
    torch.testing.assert_close(upsample(x), expected)


def test_a_slow_wave_survives_the_way_down_and_up() -> None:
    wave = torch.sin(2 * math.pi * torch.arange(256) / 64)[None, :, None]
    torch.testing.assert_close(upsample(downsample(wave))[:, 8:-8], wave[:, 8:-8], rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"channels": (8,)}, "at least 2 items"),
        ({"channels": (0, 8)}, "greater than 0"),
        ({"kernel": 4}, "kernel must be odd; 4 is not"),
        ({"attentions": 14}, r"attentions must be below the number of channels \(14\)"),
        ({"channels": (8, 16, 32), "attentions": 1}, "must be multiples of 32; 16 is not"),
        ({"chanels": (8,)}, "Extra inputs are not permitted"),
    ],
)
def test_configurations_that_cannot_be_built_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DanceDiffusionConfig(**changes)
