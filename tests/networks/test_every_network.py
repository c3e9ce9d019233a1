"""What every network promises, whatever it is built of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from wavesmith.networks import (
    AttentionUNetConfig,
    CrashUNetConfig,
    DanceDiffusionConfig,
    FrameUNetConfig,
    NetworkConfig,
    TransformerConfig,
)

CONFIGS = [
    AttentionUNetConfig(
        channels=(8, 8, 16),
        factors=(1, 2, 4),
        items=(1, 1, 2),
        attentions=(0, 0, 1),
        heads=2,
        head_features=4,
        groups=4,
        modulation_features=32,
        fourier_features=8,
    ),
    CrashUNetConfig(inlet=4, widths=(8, 8, 16), factors=(2, 2, 3)),
    DanceDiffusionConfig(channels=(8, 32, 32, 32), attentions=2),
    FrameUNetConfig(fold=2, widths=(16, 64), blocks=2, condition=16, dropout=0.1),
    TransformerConfig(fold=2, width=64, depth=2, dropout=0.1, energies=True),
]
OURS = CONFIGS[3:]
FEATURES, LABELS, AUGMENTS, FRAMES = 6, 3, 2, 32


@pytest.fixture(params=CONFIGS, ids=lambda config: config.kind)
def config(request: pytest.FixtureRequest) -> NetworkConfig:
    """Every kind of network, as small as it goes."""
    made: NetworkConfig = request.param
    return made


@pytest.fixture
def network(config: NetworkConfig) -> nn.Module:
    return known(config)


def known(config: NetworkConfig) -> nn.Module:
    """A network of two outputs, with random weights also where training starts from zeros."""
    torch.manual_seed(0)
    built = config.build(FEATURES, 2, LABELS, AUGMENTS)
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.2)
    return built.eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def levels(batch: int) -> Tensor:
    return torch.linspace(0.2, 0.8, batch)


def conditions(batch: int) -> dict[str, Tensor]:
    return {"label": noise(batch, LABELS, seed=1), "augment": noise(batch, AUGMENTS, seed=2)}


def differ(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).norm() > 1e-3 * other.norm())


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 8, 33, 61])
def test_any_number_of_frames_comes_back(network: nn.Module, frames: int) -> None:
    y = network(noise(3, FEATURES, frames), levels(3), **conditions(3))
    assert y.shape == (3, 2 * FEATURES, frames)
    assert y.isfinite().all()


def test_noise_level_label_and_augmentation_matter(network: nn.Module) -> None:
    x, level, told = noise(2, FEATURES, FRAMES), levels(2), conditions(2)
    y = network(x, level, **told)
    assert differ(network(x, 0.1 * level, **told), y)
    assert differ(network(x, level, **told | {"label": noise(2, LABELS, seed=3)}), y)
    assert differ(network(x, level, **told | {"augment": noise(2, AUGMENTS, seed=3)}), y)


def test_zeros_mean_no_label_and_no_augmentation(network: nn.Module) -> None:
    x, level = noise(2, FEATURES, FRAMES), levels(2)
    zeros = {"label": torch.zeros(2, LABELS), "augment": torch.zeros(2, AUGMENTS)}
    assert torch.equal(network(x, level, **zeros), network(x, level))


def test_augmentation_begins_without_effect(config: NetworkConfig) -> None:
    fresh, x, level = (
        config.build(FEATURES, 2, LABELS, AUGMENTS).eval(),
        noise(2, FEATURES, FRAMES),
        levels(2),
    )
    assert torch.equal(fresh(x, level, augment=noise(2, AUGMENTS)), fresh(x, level))


def test_an_item_does_not_depend_on_its_batch(network: nn.Module) -> None:
    x, level, told = noise(5, FEATURES, FRAMES), levels(5), conditions(5)
    together = network(x, level, **told)
    for k in range(5):
        alone = network(
            x[k : k + 1], level[k : k + 1], **{name: value[k : k + 1] for name, value in told.items()}
        )
        torch.testing.assert_close(alone[0], together[k], rtol=1e-4, atol=1e-4)


def test_every_parameter_learns(network: nn.Module) -> None:
    network.train()(noise(3, FEATURES, FRAMES), levels(3), **conditions(3)).square().mean().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_the_configuration_survives_json(config: NetworkConfig) -> None:
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("config", OURS, ids=lambda config: config.kind)
def test_ours_begin_with_the_answer_zero(config: NetworkConfig) -> None:
    fresh = config.build(FEATURES, 2, LABELS, AUGMENTS)
    assert not fresh(noise(2, FEATURES, FRAMES), levels(2)).any()


@pytest.mark.parametrize("config", OURS, ids=lambda config: config.kind)
def test_in_ours_far_frames_hear_of_each_other(config: NetworkConfig) -> None:
    network, x = known(config), noise(1, FEATURES, 200)
    changed = x.clone()
    changed[..., -1] += 1
    assert (network(changed, levels(1)) - network(x, levels(1)))[..., :4].abs().max() > 1e-7


@pytest.mark.parametrize("config", OURS, ids=lambda config: config.kind)
def test_dropout_acts_in_training_only(config: NetworkConfig) -> None:
    network, x, level = known(config), noise(2, FEATURES, FRAMES), levels(2)
    assert torch.equal(network(x, level), network(x, level))
    network.train()
    assert not torch.equal(network(x, level), network(x, level))
