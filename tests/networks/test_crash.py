from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from wavesmith.networks.cost import parameters
from wavesmith.networks.crash import CrashUNet, CrashUNetConfig

SMALL = CrashUNetConfig(inlet=4, widths=(8, 8, 16), factors=(2, 2, 3))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(config: CrashUNetConfig = SMALL, features: int = 1, **extra: int) -> CrashUNet:
    """A network with known weights that are nowhere zero, so that every path matters."""
    network = config.build(features, **extra).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    network.noise.frequencies.normal_(generator=generator)
    return network


def answer(network: CrashUNet, x: Tensor, c_noise: Tensor, **conditions: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network(x, c_noise, **conditions)
    return y


def test_the_defaults_are_crash() -> None:
    with torch.device("meta"):
        network = CrashUNetConfig().build(features=1)
    assert parameters(network) + network.noise.frequencies.numel() == 15_754_849
    assert len(network.state_dict()) == 121
    assert network.stride == 300


@pytest.mark.parametrize("frames", [1, 2, 11, 12, 61])
def test_any_length_goes_in_and_comes_out(frames: int) -> None:
    y = answer(build(), noise(3, 1, frames), torch.tensor([0.1, 0.5, 0.9]))
    assert y.shape == (3, 1, frames)
    assert y.isfinite().all()


def test_several_outputs_share_one_pass() -> None:
    y = answer(build(features=2, outputs=2), noise(2, 2, 24), torch.tensor([0.2, 0.8]))
    assert y.shape == (2, 4, 24)


def test_sounds_of_a_batch_do_not_mix() -> None:
    network, x, level = build(), noise(2, 1, 24), torch.tensor([0.2, 0.8])
    alone = answer(network, x[1:], level[1:])
    torch.testing.assert_close(answer(network, x, level)[1:], alone, rtol=1e-4, atol=1e-4)


def test_the_noise_level_matters() -> None:
    network, x = build(), noise(1, 1, 24)
    quiet, loud = (answer(network, x, torch.tensor([level])) for level in (0.1, 0.9))
    assert not torch.allclose(quiet, loud, atol=1e-2)


def test_labels_steer_and_none_means_no_label() -> None:
    network, x, level = build(labels=3), noise(1, 1, 24), torch.tensor([0.5])
    free = answer(network, x, level)
    kick, snare = (answer(network, x, level, label=torch.eye(3)[i : i + 1]) for i in (0, 1))
    torch.testing.assert_close(answer(network, x, level, label=torch.zeros(1, 3)), free, rtol=0, atol=0)
    assert not torch.allclose(kick, free, atol=1e-2)
    assert not torch.allclose(kick, snare, atol=1e-2)


def test_augmentation_begins_without_effect() -> None:
    network, x, level = SMALL.build(1, augments=2), noise(1, 1, 24), torch.tensor([0.5])
    plain, changed = answer(network, x, level), answer(network, x, level, augment=torch.ones(1, 2))
    torch.testing.assert_close(changed, plain, rtol=0, atol=0)


def test_every_parameter_learns() -> None:
    network = build(labels=3, outputs=2, augments=1)
    y = network(noise(2, 1, 24), torch.tensor([0.2, 0.8]), label=torch.eye(3)[:2], augment=torch.ones(2, 1))
    y.square().mean().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert idle == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"factors": (2, 2)}, "factors has 2 entries, but widths has 5"),
        ({"widths": (), "factors": ()}, "at least 1 item"),
        ({"inlet": 0}, "greater than 0"),
        ({"width": (8,)}, "Extra inputs are not permitted"),
    ],
)
def test_configurations_that_cannot_be_built_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CrashUNetConfig(**changes)


def test_the_configuration_survives_json() -> None:
    assert CrashUNetConfig.model_validate_json(SMALL.model_dump_json()) == SMALL
