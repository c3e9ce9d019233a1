from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from wavesmith.errors import RequestError
from wavesmith.networks.attention_unet import AttentionUNet, AttentionUNetConfig
from wavesmith.networks.cost import multiply_adds, parameters

SMALL = AttentionUNetConfig(
    channels=(8, 8, 16),
    factors=(1, 2, 4),
    items=(1, 1, 2),
    attentions=(0, 0, 1),
    heads=2,
    head_features=4,
    groups=4,
    modulation_features=32,
    fourier_features=8,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(config: AttentionUNetConfig = SMALL, features: int = 2, **extra: int) -> AttentionUNet:
    """A network with known weights that are nowhere zero, so that every path matters."""
    network = config.build(features, **extra).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return network


def answer(network: AttentionUNet, x: Tensor, c_noise: Tensor, **conditions: Any) -> Tensor:
    with torch.no_grad():
        y: Tensor = network(x, c_noise, **conditions)
    return y


def test_the_defaults_are_tiny_audio_diffusion() -> None:
    with torch.device("meta"):
        network = AttentionUNetConfig().build(features=2)
    assert parameters(network) == 31_574_724
    assert len(list(network.parameters())) == len(network.state_dict()) == 593
    assert network.stride == 128


def test_the_defaults_cost_what_tiny_audio_diffusion_costs() -> None:
    with torch.device("meta"):
        network = AttentionUNetConfig().build(features=2)
        cost = multiply_adds(network, torch.zeros(1, 2, 32768), torch.zeros(1))
    assert cost == pytest.approx(18.28e9, rel=1e-3)


def test_the_padding_is_silence() -> None:
    network, x, level = build(), noise(1, 2, 61), torch.tensor([0.4])
    padded = torch.cat([x, torch.zeros(1, 2, 3)], dim=-1)
    torch.testing.assert_close(answer(network, x, level), answer(network, padded, level)[..., :61])


def test_conditions_exist_only_where_asked_for() -> None:
    plain, rich = SMALL.build(2), SMALL.build(2, labels=3, augments=2)
    assert parameters(rich) - parameters(plain) == (3 + 2) * SMALL.modulation_features


def test_attention_hears_the_far_end_and_convolution_does_not() -> None:
    deaf = SMALL.model_copy(update={"attentions": (0, 0, 0)})
    near, level = noise(1, 2, 1024), torch.tensor([0.5])
    far = near.clone()
    far[..., 900:] = noise(1, 2, 124, seed=1)
    shift = [
        (answer(net, near, level) - answer(net, far, level))[..., :8].abs().max()
        for net in (_without_group_statistics(build(SMALL)), _without_group_statistics(build(deaf)))
    ]
    assert shift[0] > 1e-4
    assert shift[1] == 0


def _without_group_statistics(network: AttentionUNet) -> AttentionUNet:
    """Group norms see the whole sound; take them out, so that only attention can carry anything far."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, nn.Identity())
    return network


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"factors": (1, 2)}, "factors has 2 entries, but channels has 8"),
        ({"items": (2,)}, "items has 1 entries, but channels has 8"),
        ({"groups": 7}, r"channels must be multiples of groups \(7\); 32 is not"),
        ({"heads": 0}, "greater than 0"),
        ({"cross_attentions": (1,) * 8}, "cross_attentions and context_features go together"),
        ({"null_context": 4}, "null_context needs context_features"),
        ({"chanels": (8,)}, "Extra inputs are not permitted"),
    ],
)
def test_configurations_that_cannot_be_built_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AttentionUNetConfig(**changes)


RICH = SMALL.model_copy(
    update={"attentions": (0, 2, 1), "cross_attentions": (1, 0, 2), "context_channels": (3, 0, 4)}
    | {"context_features": 6, "null_context": 5}
)


def context(**changes: Any) -> dict[str, Any]:
    """What RICH is told, for a batch of two sounds of 64 frames."""
    channels = [noise(2, 3, 64, seed=2), None, noise(2, 4, 8, seed=3)]
    told = {"context": noise(2, 5, 6, seed=4), "features": noise(2, 32, seed=5), "channels": channels}
    return told | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"context": noise(2, 5, 6, seed=6)},
        {"context": None},
        {"features": None},
        {"channels": [noise(2, 3, 64, seed=6), None, noise(2, 4, 8, seed=3)]},
        {"channels": [noise(2, 3, 64, seed=2), None, noise(2, 4, 8, seed=6)]},
    ],
)
def test_everything_it_is_told_matters(changes: dict[str, Any]) -> None:
    network, x, level = build(RICH), noise(2, 2, 64), torch.tensor([0.2, 0.7])
    change = answer(network, x, level, **context(**changes)) - answer(network, x, level, **context())
    assert change.abs().max() > 1e-2


def test_context_channels_are_padded_like_the_sound() -> None:
    network, x, level = build(RICH), noise(2, 2, 61), torch.tensor([0.2, 0.7])
    channels = [noise(2, 3, 61, seed=2), None, noise(2, 4, 8, seed=3)]
    assert answer(network, x, level, **context(channels=channels)).shape == x.shape


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [({"context": None}, "needs a context"), ({"channels": ()}, "needs context channels at level 0")],
)
def test_what_is_missing_is_one_sentence(missing: dict[str, Any], sentence: str) -> None:
    network = build(RICH.model_copy(update={"null_context": 0}))
    with pytest.raises(RequestError, match=sentence):
        network(noise(2, 2, 64), torch.tensor([0.2, 0.7]), **context(**missing))


def theirs(adp: Any, config: AttentionUNetConfig, features: int, outputs: int) -> nn.Module:
    """The same network as audio-diffusion-pytorch builds it."""
    network: nn.Module = adp.UNetV0(
        dim=1,
        in_channels=features,
        out_channels=outputs,
        channels=config.channels,
        factors=config.factors,
        items=config.items,
        attentions=config.attentions,
        cross_attentions=config.cross_attentions,
        context_channels=config.context_channels,
        attention_heads=config.heads,
        attention_features=config.head_features,
        embedding_features=config.context_features,
        embedding_max_length=config.null_context or None,
        use_embedding_cfg=config.null_context > 0,
        resnet_groups=config.groups,
        modulation_features=config.modulation_features,
    )
    return network.eval()


@pytest.mark.parametrize(
    ("config", "told"), [(SMALL, {}), (SMALL, {"features": noise(2, 32)}), (RICH, context())]
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_it_computes_what_audio_diffusion_pytorch_computes(
    config: AttentionUNetConfig, told: dict[str, Any], outputs: int, audio_diffusion_pytorch: Any
) -> None:
    ours = build(config.model_copy(update={"fourier_features": 128}), outputs=outputs)
    peer = theirs(audio_diffusion_pytorch, config, 2, 2 * outputs)
    x, level = noise(2, 2, 64), torch.tensor([0.2, 0.7])
    expected = {"embedding" if name == "context" else name: value for name, value in told.items()}
    with torch.no_grad():
        for their, our in zip(peer.parameters(), ours.parameters(), strict=True):
            their.copy_(our)
        y = peer(x, level, **expected)
    assert (answer(ours, x, level, **told) - y).norm() < 1e-5 * y.norm()


def test_guidance_leads_away_from_the_null_context_as_audio_diffusion_pytorch_does(
    audio_diffusion_pytorch: Any,
) -> None:
    ours = build(RICH.model_copy(update={"fourier_features": 128}))
    peer = theirs(audio_diffusion_pytorch, RICH, 2, 2)
    x, level = noise(2, 2, 64), torch.tensor([0.2, 0.7])
    told = context(features=None)
    with torch.no_grad():
        for their, our in zip(peer.parameters(), ours.parameters(), strict=True):
            their.copy_(our)
        y = peer(x, level, embedding=told["context"], channels=told["channels"], embedding_scale=3.0)
    asked, unasked = answer(ours, x, level, **told), answer(ours, x, level, **told | {"context": None})
    assert (unasked + 3.0 * (asked - unasked) - y).norm() < 1e-5 * y.norm()
