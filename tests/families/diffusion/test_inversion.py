import numpy as np
import pytest
import torch

from wavesmith.families.diffusion import InversionSampling
from wavesmith.families.diffusion.inversion import ascend, descend, noise_levels, own_level, slerp
from wavesmith.families.diffusion.sampling import unguided
from wavesmith.noise import ItemNoise


def noise(seed, shape=(2, 4, 100)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def settings_of(model, **changes):
    return InversionSampling(**model.family.defaults("resample") | changes)


def test_the_way_up_and_down_leads_back_to_the_sound(textures, texture):
    z = texture(512).tensor()[None]
    sigmas = noise_levels(textures.family, settings_of(textures), z)
    denoiser = unguided(textures.family, 1)
    latent = ascend(denoiser, z, sigmas, ItemNoise(0, [0]).normal((2, 512)))
    back = descend(denoiser, latent, sigmas)
    error = float((back - z).square().mean() / z.square().mean())
    assert 10 * np.log10(error) < -25


def test_what_makes_a_sound_is_noise_of_unit_level(textures, texture):
    """Not far off it even for a sound that the model might not have made."""
    settings, family = settings_of(textures), textures.family
    for width in (1.0, 4.0):
        z = texture(512, width=width).tensor()[None]
        sigmas = noise_levels(family, settings, z)
        latent = ascend(unguided(family, 1), z, sigmas, ItemNoise(0, [0]).normal((2, 512)))
        assert 0.3 < latent.square().mean().sqrt() < 1.5


def test_levels_end_above_nothing_and_then_at_0(textures, texture):
    sigmas = noise_levels(textures.family, settings_of(textures, steps=9), texture(512).tensor())
    assert sigmas[0] == 20
    assert sigmas[-1] == 0
    assert sigmas[-2] > 0.003
    assert len(sigmas) == 10
    assert (sigmas.diff() < 0).all()


def test_default_steps_are_enough_to_come_back(textures):
    assert settings_of(textures).steps == 24  # half as many lose the sound


def test_the_own_level_is_that_of_where_it_sounds():
    z = torch.zeros(1, 2, 1000)
    z[..., :100] = 0.5
    assert own_level(z) == pytest.approx(0.5, rel=1e-4)


def test_the_arc_between_two_noises_has_their_ends_and_their_level():
    a, b = noise(0), noise(1)
    torch.testing.assert_close(slerp(a, b, 0.0), a, atol=1e-4, rtol=0)
    torch.testing.assert_close(slerp(a, b, 1.0), b, atol=1e-4, rtol=0)
    for share in (0.25, 0.5, 0.75):
        level = slerp(a, b, share).square().mean((1, 2)).sqrt()
        torch.testing.assert_close(level, torch.ones(2), atol=0.08, rtol=0)
    straight = torch.lerp(a, b, 0.5).square().mean().sqrt()
    assert straight < 0.8


def test_items_of_a_batch_move_by_themselves_and_equal_noises_stay():
    a, b = noise(0), noise(1)
    one = slerp(a[:1], b[:1], 0.3)
    torch.testing.assert_close(slerp(a, b, 0.3)[:1], one)
    torch.testing.assert_close(slerp(a, a, 0.3), a, atol=1e-3, rtol=0)
    assert torch.isfinite(slerp(a, -a, 0.5)).all()
