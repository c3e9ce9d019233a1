import torch

from wavesmith.transforms.modes import ModesConfig
from wavesmith.transforms.modes.texture import GROUPS, LINES, coloured, drawn

RATE = 44_100


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_noise_has_no_relief_and_metal_has():
    transform = ModesConfig(low=4, high=2).build(1)
    time = torch.arange(RATE) / RATE
    partials = torch.linspace(3000, 12_000, 90) * (1 + 0.01 * noise(90))
    metal = torch.sin(2 * torch.pi * partials[:, None] * time + noise(90)[:, None]).sum(0)
    relief = transform.encode(torch.stack([noise(RATE), metal])[:, None]).relief
    assert float(relief[0].mean()) < 0.25
    assert float(relief[1, 4:7].mean()) > 1


def test_lines_keep_the_power_of_the_noise():
    lines = drawn(torch.full((1, GROUPS), 1.2), noise(1, LINES))
    wave = coloured(noise(1, 1, RATE, seed=1), lines, RATE)
    assert 0.8 < float(wave[..., 4000:].square().mean()) < 1.2
    assert torch.equal(wave[..., :1000], noise(1, 1, RATE, seed=1)[..., :1000])
