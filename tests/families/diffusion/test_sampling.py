import pytest
import torch

from wavesmith.families import Condition
from wavesmith.families.diffusion import DiffusionSampling, EditSampling
from wavesmith.families.diffusion.editing import starting_level
from wavesmith.families.diffusion.sampling import (
    constrained,
    descend,
    guided,
    lowered_interval,
    noise_levels,
)
from wavesmith.noise import ItemNoise

ALWAYS = (0.0, 1e9)


def settings_of(model, **changes):
    return DiffusionSampling(**model.family.defaults("generate") | changes)


def condition_of(model, label=None):
    return Condition(model.family.label_weights(label))


def test_a_partial_schedule_keeps_the_levels_of_the_whole(textures):
    settings = settings_of(textures)
    whole, part = noise_levels(settings), noise_levels(settings, 3.0)
    assert part[0] == 3
    assert torch.equal(part[1:], whole[whole < 2.85])
    assert len(noise_levels(settings, 1e-6)) == 2  # one step to the end, however little there is to do


def test_a_label_is_avoided_and_mixed(textures):
    x, sigma = torch.randn(1, 2, 512, generator=torch.Generator().manual_seed(0)), torch.ones(1)

    def denoised(label, **changes):
        settings, condition = settings_of(textures, **changes), condition_of(textures, label)
        return guided(textures.family, condition, settings, 1, 512, ALWAYS)(x, sigma)

    soft, rough = denoised("soft"), denoised("rough")
    away = denoised("soft", avoid="rough", guidance=3.0)
    torch.testing.assert_close(away, soft + 2 * (soft - rough), atol=1e-5, rtol=1e-4)
    assert torch.equal(denoised({"soft": 2.0}), soft)
    assert not torch.equal(denoised({"soft": 0.5, "rough": 0.5}), soft)


def test_sampling_ends_at_a_sound_of_the_model(textures):
    settings = settings_of(textures, steps=30)
    draw, sigmas = ItemNoise(1, list(range(20))).shaped((2, 512)), noise_levels(settings)
    denoiser = guided(textures.family, condition_of(textures, "soft"), settings, 20, 512, ALWAYS)
    x = descend(denoiser, settings, draw() * float(sigmas[0]), sigmas, draw)
    assert x.square().mean().sqrt() == pytest.approx(0.25, rel=0.1)


def test_constrained_sampling_arrives_at_what_is_given_in_any_transform(debug, textures, texture):
    for model, length in ((debug, 2048), (textures, 512)):
        known, family, settings = texture(length).tensor(), model.family, settings_of(model)
        share = (torch.arange(length) < length // 2).float()
        denoiser = guided(family, condition_of(model), settings, 1, length, ALWAYS)
        fitting = constrained(
            denoiser, family, length, lambda wave, known=known, s=share: wave + s * (known - wave)
        )
        draw, sigmas = ItemNoise(1, [0]).shaped(family.feature_shape(length)), noise_levels(settings)
        with torch.no_grad():
            z = descend(fitting, settings, draw() * float(sigmas[0]), sigmas, draw)
        wave = family.transform.decode(z, length)[0]
        torch.testing.assert_close(wave[:, : length // 2], known[:, : length // 2], atol=1e-4, rtol=0)
        assert (wave - known)[:, length // 2 :].abs().mean() > 0.01


def test_starting_levels_are_even_in_their_logarithm(debug, texture):
    z = debug.family.transform.encode(texture(2048).tensor()[None])
    amounts = torch.linspace(0, 1, 5).tolist()
    levels = torch.tensor([starting_level(amount, z, 20.0) for amount in amounts])
    steps = levels.log().diff()
    torch.testing.assert_close(steps, steps[:1].expand(4), atol=1e-4, rtol=0)
    assert (steps > 0).all()


def test_the_guidance_interval_is_lowered_with_the_start_unless_it_is_given(textures):
    own = textures.family.config.sampling.model_copy(update={"guidance_interval": (4.0, 20.0)})
    textures.family.config = textures.family.config.model_copy(update={"sampling": own})
    values = textures.family.defaults("edit")
    assert lowered_interval(textures.family, EditSampling(**values), 20.0) == (4.0, 20.0)
    low, high = lowered_interval(textures.family, EditSampling(**values), 1.0)
    assert (low, high) == (pytest.approx(0.2), 1.0)
    given = EditSampling(**values | {"guidance_interval": (0.5, 2.0)})
    assert lowered_interval(textures.family, given, 1.0) == (0.5, 2.0)
