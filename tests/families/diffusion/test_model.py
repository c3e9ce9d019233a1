import pytest
import torch
from pydantic import ValidationError

from wavesmith.errors import RequestError
from wavesmith.families.diffusion import (
    DiffusionConfig,
    DiffusionModel,
    ParameterisationConfig,
    SamplingDefaults,
)
from wavesmith.networks import AttentionUNetConfig, FrameUNetConfig, TransformerConfig, multiply_adds
from wavesmith.transforms import LearnedConfig, PatchConfig, RawConfig, SpectralConfig

NETWORKS = {
    "frame_unet": FrameUNetConfig(widths=(8, 64), blocks=1, condition=8),
    "transformer": TransformerConfig(width=64, depth=1),
    "attention_unet": AttentionUNetConfig(
        channels=(8, 16),
        factors=(1, 2),
        items=(1, 1),
        attentions=(False, True),
        heads=2,
        head_features=8,
        modulation_features=16,
        fourier_features=4,
    ),
}
TRANSFORMS = {
    "raw": RawConfig(),
    "patch": PatchConfig(size=8),
    "learned": LearnedConfig(filters=8, window=8, stride=8),
    "spectral": SpectralConfig(hop=8),
}


def config(**changes):
    values = {
        "rate": 8000,
        "channels": 2,
        "length": 256,
        "labels": ("kick", "snare"),
        "augments": 3,
        "transform": TRANSFORMS["spectral"],
        "network": NETWORKS["frame_unet"],
        "parameterisation": ParameterisationConfig(kind="gated"),
    }
    return DiffusionConfig(**values | changes)


def family(**changes):
    torch.manual_seed(0)
    return DiffusionModel(config(**changes)).eval()


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("transform", "kind"), [*((name, "v") for name in TRANSFORMS), ("spectral", "gated")]
)
def test_every_combination_denoises_and_learns(transform, network, kind):
    model = family(
        transform=TRANSFORMS[transform],
        network=NETWORKS[network],
        parameterisation=ParameterisationConfig(kind=kind),
    )
    shape = model.feature_shape(100)
    x, sigma, label = noise(2, *shape), torch.tensor([0.1, 3.0]), noise(2, 2).abs()
    denoised = model.denoiser(x, sigma, label=label, augment=noise(2, 3))
    assert denoised.shape == x.shape
    assert denoised.isfinite().all()
    loss = model.training_loss(noise(2, 2, 100), sigma, noise(2, *shape, seed=1), label=label)
    assert loss.shape == (2,)
    assert (loss > 0).all()
    loss.mean().backward()
    assert any(p.grad is not None and p.grad.any() for p in model.network.parameters())


@pytest.mark.parametrize("kind", ["v", "epsilon", "x0", "flow", "edm", "gated"])
def test_the_network_has_as_many_outputs_as_the_parameterisation_needs(kind):
    model = family(parameterisation=ParameterisationConfig(kind=kind))
    x = noise(1, *model.feature_shape(64))
    assert model.denoiser(x, torch.ones(1)).shape == x.shape


def test_sigma_data_scales_the_estimate():
    x = noise(1, 16, 8)
    small, great = (
        family(parameterisation=ParameterisationConfig(kind="edm", sigma_data=s)) for s in (0.5, 2.0)
    )
    assert small.denoiser(x, torch.ones(1)).square().sum() < great.denoiser(x, torch.ones(1)).square().sum()


def test_labels_become_weights():
    model = family()
    assert model.label_weights("snare").tolist() == [0, 1]
    assert model.label_weights(None).tolist() == [0, 0]
    assert model.label_weights({"snare": 0.3, "kick": 0.7}).tolist() == pytest.approx([0.7, 0.3])
    assert family(labels=()).label_weights(None).shape == (0,)


def test_an_unknown_label_is_refused_with_the_nearest_known_one():
    with pytest.raises(RequestError, match="did you mean 'snare'"):
        family().label_weights("snair")
    with pytest.raises(RequestError, match="kick"):
        family(labels=()).label_weights("kick")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": 10**9},
        {"channels": 0},
        {"length": 0},
        {"augments": -1},
        {"transform": {"kind": "wavelet"}},
        {"network": {"kind": "frame_unet", "colour": "red"}},
        {"parameterisation": {"kind": "gated", "sigma_data": float("nan")}},
        {"sampling": {"sigma_min": 2.0, "sigma_max": 1.0}},
        {"sampling": {"steps": 0}},
        {"sampling": {"guidance": float("inf")}},
        {"family": "gan"},
        {"extra": 1},
    ],
)
def test_configurations_that_make_no_sense_are_refused(wrong):
    assert config()
    with pytest.raises(ValidationError):
        config(**wrong)


def test_a_configuration_survives_json():
    for network in NETWORKS.values():
        for transform in TRANSFORMS.values():
            v = ParameterisationConfig(kind="v")
            before = config(
                network=network,
                transform=transform,
                parameterisation=v,
                sampling=SamplingDefaults(guidance=3.0),
            )
            assert DiffusionConfig.model_validate_json(before.model_dump_json()) == before


@pytest.mark.parametrize("network", NETWORKS)
def test_multiply_adds_are_those_of_a_pass_and_grow_with_the_length(network):
    model = family(network=NETWORKS[network])
    counted = []
    before = torch.get_rng_state()
    for seconds in (0.5, 1.0):
        features, frames = model.feature_shape(round(seconds * 8000))
        x, label = torch.zeros(1, features, frames), torch.zeros(1, 2)
        counted.append(multiply_adds(model.network, x, torch.zeros(1), label=label))
        assert model.multiply_adds(seconds) == counted[-1] > 0
    assert model.multiply_adds() == counted[-1] > 1.5 * counted[0]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_multiply_adds_of_no_length_are_refused(seconds):
    with pytest.raises(RequestError, match="positive length"):
        family().multiply_adds(seconds)
