import math

import pytest
import torch

from wavesmith.transforms.modes import ModesConfig, layout

RATE = 44_100
LENGTH = 22_050


@pytest.fixture(scope="module")
def transform():
    return ModesConfig(low=6, high=4).build(2)


def generator_noise(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, generator=generator)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def drum(length=LENGTH):
    time = torch.arange(length) / RATE
    body = torch.exp(-9 * time) * torch.sin(2 * math.pi * 180 * time)
    return torch.stack([body, body])[None] * 0.7 + 0.1 * noise(1, 2, length) * torch.exp(-20 * time)


DIFFICULT = {
    "silence": torch.zeros(1, 2, LENGTH),
    "noise": noise(1, 2, LENGTH),
    "one sample": torch.nn.functional.pad(torch.ones(1, 2, 1), (0, LENGTH - 1)),
    "steady": torch.sin(2 * math.pi * 440 * torch.arange(LENGTH) / RATE).expand(1, 2, -1),
    "clipped": (20 * torch.sin(2 * math.pi * 90 * torch.arange(LENGTH) / RATE)).clamp(-1, 1).expand(1, 2, -1),
    "offset": 0.8 + 0.1 * noise(1, 2, LENGTH),
    "out of phase": noise(1, 1, LENGTH) * torch.tensor([1.0, -1.0])[None, :, None],
    "very quiet": 1e-6 * noise(1, 2, LENGTH),
    "very loud": 1e4 * noise(1, 2, LENGTH),
    "hundreds of partials": torch.sin(
        2 * math.pi * torch.linspace(200, 9000, 200)[:, None] * torch.arange(LENGTH) / RATE
    )
    .sum(0)
    .expand(1, 2, -1),
    "short": noise(1, 2, 300),
    "long": noise(1, 2, 100_000) * torch.exp(-torch.arange(100_000) / 30_000),
}


@pytest.mark.parametrize("name", DIFFICULT)
def test_nothing_is_lost_and_nothing_blows_up(transform, name):
    wave = DIFFICULT[name]
    code = transform.encode(wave)
    assert torch.isfinite(transform.rows(code)).all()
    assert float(code.amplitude.abs().max()) <= layout.LOUDEST
    back = transform.decode(code, wave.shape[-1])
    scale = max(float(wave.abs().max()), 1e-8)
    assert float((back - wave).abs().max()) < 1e-4 * scale
    fresh = transform.decode(code.without_grain(), wave.shape[-1], generator_noise())
    assert torch.isfinite(fresh).all()
    assert float(fresh.abs().max()) < 8 * scale


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22_050, 2), (96_000, 1)])
def test_any_rate_and_one_channel(rate, channels):
    other = ModesConfig(rate=rate, low=4, high=2).build(channels)
    wave = noise(2, channels, rate // 4)
    assert torch.allclose(other.decode(other.encode(wave), rate // 4), wave, atol=1e-3)
    rows = layout.packed(other.encode(wave))
    assert rows.shape == (2, other.size)
    assert torch.allclose(layout.packed(layout.unpacked(rows, 6, channels)), rows, atol=1e-3)


def test_rows_and_codes_are_the_same_thing(transform):
    transform.fit(layout.packed(transform.encode(torch.cat([drum(), 0.5 * noise(1, 2, LENGTH)]))))
    code = transform.encode(drum())
    again = transform.code(transform.rows(code))
    for old, new in zip(code.modes, again.modes, strict=True):
        assert torch.allclose(old, new, rtol=1e-3, atol=1e-5)
    assert torch.allclose(code.amplitude, again.amplitude, atol=1e-4)
    assert torch.allclose(code.picture.attack, again.picture.attack, atol=1e-3)
    assert torch.allclose(code.picture.body[..., 4:], again.picture.body[..., 4:], atol=1e-3)
    assert torch.allclose(code.picture.width, again.picture.width, atol=1e-3)
    assert torch.allclose(code.relief, again.relief, atol=1e-3)
    assert torch.allclose(code.end, again.end, rtol=1e-3)


@pytest.mark.parametrize("number", [1e6, -1e6, math.nan, math.inf])
def test_any_numbers_make_a_bounded_sound(transform, number):
    wave = transform.decode(transform.code(torch.full((1, transform.size), number)), 4000, generator_noise())
    assert torch.isfinite(wave).all()
    assert float(wave.abs().max()) < 1e3


def test_fresh_noise_keeps_tone_level_and_end(transform):
    wave = drum()
    wave[..., 15_000:] = 0
    fresh = transform.decode(transform.encode(wave).without_grain(), LENGTH, generator_noise())
    assert not torch.allclose(fresh, wave, atol=1e-2)
    power = [float(one.square().mean()) for one in (wave, fresh)]
    assert power[1] == pytest.approx(power[0], rel=0.15)
    peaks = [int(torch.fft.rfft(one[0, 0]).abs().argmax()) for one in (wave, fresh)]
    assert abs(peaks[0] - peaks[1]) <= 1
    assert float(fresh[..., 15_300:].abs().max()) == 0


def test_sides_that_are_alike_stay_alike(transform):
    wave = noise(1, 1, LENGTH).expand(1, 2, -1)
    fresh = transform.decode(transform.encode(wave).without_grain(), LENGTH, generator_noise())
    assert torch.allclose(fresh[:, 0], fresh[:, 1], atol=1e-6)


def test_grain_is_of_unit_variance(transform):
    grain = transform.encode(noise(1, 2, LENGTH)).grain
    assert float(grain.square().mean()) == pytest.approx(1, rel=0.3)


def test_a_little_fresh_noise_changes_a_little(transform):
    wave = drum()
    code = transform.encode(wave)
    changes = [
        float((transform.decode(code, LENGTH, generator_noise(), fresh=share) - wave).square().mean())
        for share in (0.0, 0.2, 1.0)
    ]
    assert changes[0] < 1e-9 < changes[1] < 0.2 * changes[2]


def test_a_code_without_grain_needs_noise(transform):
    with pytest.raises(ValueError, match="needs noise"):
        transform.decode(transform.encode(drum()).without_grain(), LENGTH)


def test_tuned_and_damped(transform):
    code = transform.encode(drum())
    higher = transform.decode(code.tuned(1200.0).without_grain(), LENGTH, generator_noise())
    peak = int(torch.fft.rfft(higher[0, 0]).abs().argmax()) * RATE / LENGTH
    assert peak == pytest.approx(360, rel=0.02)
    shorter = transform.decode(code.damped(4.0).without_grain(), LENGTH, generator_noise())
    assert float(shorter[..., 8000:].square().sum()) < 0.1 * float(drum()[..., 8000:].square().sum())
