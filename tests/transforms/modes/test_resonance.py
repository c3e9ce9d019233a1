import math

import pytest
import torch

from wavesmith.transforms.modes.resonance import RISE, Resonances, fade

RATE = 8000.0


def resonances(glide=((0.0, 0.0),), tau=((0.02, 0.1),), onset=(0.0,)):
    frequency, decay = torch.tensor([[200.0, 450.0]]), torch.tensor([[8.0, 30.0]])
    return Resonances(frequency, decay, torch.tensor(glide), torch.tensor(tau), torch.tensor(onset))


def test_a_mode_is_a_damped_sinusoid():
    modes = resonances()
    wave = modes.sound(torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]), 4000, RATE)[0, 0]
    time = torch.arange(4000) / RATE
    wanted = torch.exp(-8 * time) * torch.cos(2 * math.pi * 200 * time)
    settled = int(RISE * RATE) + 1
    assert torch.allclose(wave[settled:], wanted[settled:], atol=1e-4)
    assert wave[0] == 0


@pytest.mark.parametrize("glide", [((0.0, 0.0),), ((1.5, 0.2),)])
def test_sounding_block_by_block_is_the_sum_over_the_basis(glide):
    modes = resonances(glide=glide, tau=((0.01, 0.05),), onset=(0.003,))
    amplitude = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    whole = amplitude @ modes.basis(9000, RATE)
    assert torch.allclose(modes.sound(amplitude, 9000, RATE), whole, atol=2e-3)


def test_a_glide_starts_above_and_ends_at_the_frequency():
    modes = resonances(glide=((1.0, 0.0),))
    time = torch.arange(8000)[None] / RATE
    speed = modes.warped(time).diff() * RATE
    assert float(speed[0, 0]) == pytest.approx(2.0, rel=0.02)
    assert float(speed[0, -1]) == pytest.approx(1.0, rel=1e-3)


def test_fading_is_over_at_the_end():
    gain = fade(800, RATE, torch.tensor([0.05]))[0, 0]
    assert float(gain[400:].max()) == 0
    assert float(gain[:350].min()) == 1
