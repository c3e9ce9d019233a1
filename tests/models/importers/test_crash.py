import math
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from wavesmith.diffusion import schedule
from wavesmith.models import convert, load
from wavesmith.noise import ItemNoise
from wavesmith.verbs import generate


@pytest.fixture
def path(crashed, tmp_path):
    convert(crashed, tmp_path / "drums.pt", "ckpt")
    return tmp_path / "drums.pt"


def test_a_checkpoint_loads_straight(crashed, path, same):
    found = load(path)
    assert same(found, crashed)
    assert (found.rate, found.family.config.length, found.channels) == (44100, 21000, 1)
    assert found.family.config.parameterisation.kind == "epsilon"
    assert (load(path, rate=22050, length=600).rate, load(path, length=600).family.config.length) == (
        22050,
        600,
    )


def test_the_average_is_taken_unless_the_latest_is_asked_for(crashed, path, rewrite, same, refusal):
    rewrite(path, lambda content: content.update(ema_weights=[t + 1 for t in content["ema_weights"]]))
    assert same(load(path, weights="online"), crashed)
    average = load(path)
    ours, theirs = (model.family.network.state_dict() for model in (crashed, average))
    assert all(torch.equal(theirs[name], ours[name] + 1) for name in ours)
    rewrite(path, lambda content: content.pop("ema_weights"))
    assert same(load(path), crashed)
    with refusal("'ema'"):
        load(path, weights="ema")


@pytest.mark.parametrize("averages", [{"a": torch.ones(1)}, [1, 2], 4, torch.ones(3)], ids=str)
def test_averages_that_are_none_are_refused(crashed, path, averages, rewrite, same, refusal):
    rewrite(path, lambda content: content.update(ema_weights=averages))
    with refusal("no list of tensors", "'online'"):
        load(path)
    assert same(load(path, weights="online"), crashed)


@pytest.mark.parametrize("name", ["conv_1.weight", "downsample.0.residual_dense.weight"])
@pytest.mark.parametrize("value", [torch.tensor(1.0), torch.ones(0, 2, 3), "x"], ids=str)
def test_a_network_that_cannot_be_measured_is_refused(path, name, value, rewrite, refusal):
    rewrite(path, lambda content: content["model"].update({name: value}))
    with refusal("drums.pt"):
        load(path, weights="online")


def test_averages_of_another_number_are_refused(path, rewrite, refusal):
    rewrite(path, lambda content: content["ema_weights"].pop())
    with refusal("120", "121"):
        load(path)


def test_what_is_missing_or_superfluous_is_named(path, rewrite, refusal):
    def break_it(content):
        content["model"]["stranger"] = content["model"].pop("upsample.2.convs.1.bias")
        content["ema_weights"] = None

    rewrite(path, break_it)
    with refusal("upsample.2.convs.1.bias is missing", "stranger"):
        load(path)


def test_half_of_a_network_is_refused(path, rewrite, refusal):
    rewrite(path, lambda content: content["model"].pop("downsample.1.residual_dense.weight"))
    with refusal("CRASH"):
        load(path, weights="online")


def published(state, audio, sigma):
    """The network of the paper's code, written out over its own tensors."""

    def conv(name, x, dilation=1):
        weight = state[f"{name}.weight"]
        return F.conv1d(
            x, weight, state[f"{name}.bias"], padding=weight.shape[2] // 2 * dilation, dilation=dilation
        )

    def linear(name, x):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    angle = 2 * math.pi * sigma[:, None] * state["embedding.RFF_freq"]
    told = torch.cat([angle.sin(), angle.cos()], dim=1)
    for number in range(3):
        told = linear(f"embedding.MLP.{number}", told).relu()
    x, kept = conv("conv_1", audio), []
    for level, factor in enumerate((2, 2, 3, 5, 5)):
        name, size = f"downsample.{level}", x.shape[-1] // factor
        residual = F.interpolate(conv(f"{name}.residual_dense", x), size=size)
        gamma, beta = linear(f"gamma_beta.{level}.output_layer", told)[..., None].chunk(2, dim=1)
        h = gamma * conv(f"{name}.layer_1", F.leaky_relu(F.interpolate(x, size=size), 0.2)) + beta
        for number, dilation in enumerate((2, 4, 8)):
            h = conv(f"{name}.convs.{number}", F.leaky_relu(h, 0.2), dilation)
        x = h + residual
        kept.append(x)
    for level, factor in enumerate((5, 5, 3, 2, 2)):
        name, size = f"upsample.{level}", x.shape[-1] * factor
        residual = conv(f"{name}.residual_dense", F.interpolate(x, size=size))
        h = F.interpolate(F.leaky_relu(torch.cat([x, kept.pop()], dim=1), 0.2), size=size)
        for number, dilation in enumerate((1, 2, 4, 8)):
            h = conv(f"{name}.convs.{number}", F.leaky_relu(h, 0.2), dilation)
        x = h + residual
    return conv("last_conv", x)


def test_it_computes_what_the_published_code_computes(path):
    model, state = load(path), torch.load(path, weights_only=True)["model"]
    x = torch.randn(2, 1, 600, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([0.1, 0.9])
    with torch.no_grad():
        found = model.family.network(x, 2 / math.pi * torch.asin(sigma))
    expected = published(state, x, sigma)
    assert (found - expected).norm() < 1e-5 * expected.norm()


def test_ddim_is_the_published_one(path, sample):
    """Down the cosine schedule: x = sqrt(1 - sigma^2) clean + sigma eps, with the network's eps."""
    model, state = load(path, length=600), torch.load(path, weights_only=True)["model"]
    levels = schedule("crash", 10, 0.01, model.family.config.sampling.sigma_max)
    deviations = (levels / (1 + levels**2).sqrt()).float()
    x = ItemNoise(5, [0]).normal((1, 600)) * deviations[0]
    for sigma, following in pairwise(deviations):
        eps = published(state, x, sigma[None])
        clean = (x - sigma * eps) / (1 - sigma**2).sqrt()
        x = (1 - following**2).sqrt() * clean + following * eps
    found = sample(model, 5, [0], steps=10, sigma_min=0.01)
    assert (found - x).abs().max() < 1e-4 * x.abs().max()


def test_it_makes_sounds(path):
    sound = generate(load(path), 1, seed=1, seconds=0.02, steps=2)[0]
    assert sound.samples.shape == (1, 882)
