import pytest
import torch
from wavesmith.verbs.walk import denoiser_of, descend, levels, noise_of

from wavesmith.verbs.generate import GenerateSettings
from wavesmith.verbs.settings import parse_label, settle, words


def test_part_of_a_walk_keeps_the_levels_of_the_whole(textures):
    settings = settle(GenerateSettings, textures)
    whole = levels(settings)
    part = levels(settings, 3.0)
    assert part[0] == 3
    assert torch.equal(part[1:], whole[whole < 2.85])
    assert len(levels(settings, 1e-6)) == 2  # one step to the end, however little there is to do


def test_a_label_is_avoided_and_mixed(textures):
    x, sigma = torch.randn(1, 2, 512, generator=torch.Generator().manual_seed(0)), torch.ones(1)

    def denoised(**asked):
        return denoiser_of(textures, settle(GenerateSettings, textures, **asked), 1, 512)(x, sigma)

    soft, rough = denoised(label="soft"), denoised(label="rough")
    away = denoised(label="soft", avoid="rough", guidance=3.0)
    torch.testing.assert_close(away, soft + 2 * (soft - rough), atol=1e-5, rtol=1e-4)
    assert torch.equal(denoised(label={"soft": 2.0}), soft)
    assert not torch.equal(denoised(label={"soft": 0.5, "rough": 0.5}), soft)


def test_the_walk_ends_at_a_sound_of_the_model(textures):
    settings = settle(GenerateSettings, textures, label="soft", steps=30)
    noise = noise_of(textures, 1, list(range(20)), 512)
    sigmas = levels(settings)
    x = descend(denoiser_of(textures, settings, 20, 512), settings, noise() * float(sigmas[0]), sigmas)
    assert x.square().mean().sqrt() == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("kick", "kick", "kick"),
        (" kick ", "kick", "kick"),
        ("kick=0.7,snare=0.3", {"kick": 0.7, "snare": 0.3}, "kick0.7+snare0.3"),
        ("kick=1, snare=0", {"kick": 1.0, "snare": 0.0}, "kick1"),
    ],
)
def test_labels_are_read_and_named(text, label, name):
    assert parse_label(text) == label
    assert words(label) == name
