from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wavesmith.descriptors import TIMBRES, Timbre

RATE = 16000


def burst(hertz: float, decay: float = 20.0, attack: float = 0.002, seconds: float = 0.5) -> Tensor:
    """A tone `[1, 1, N]` that dies away."""
    time = torch.arange(round(seconds * RATE)) / RATE
    wave = torch.sin(2 * math.pi * hertz * time) * torch.exp(-decay * time) * (time / attack).clamp(max=1)
    return 0.5 * wave[None, None]


def noise(colour: float, seed: int = 0, seconds: float = 0.5) -> Tensor:
    """Noise `[1, 1, N]` whose spectrum goes as a power of the frequency, dying away."""
    count = round(seconds * RATE)
    spectrum = torch.fft.rfft(torch.randn(count, generator=torch.Generator().manual_seed(seed)))
    wave = torch.fft.irfft(spectrum * (torch.arange(len(spectrum)) + 8.0) ** colour, count)
    wave = wave * torch.exp(-10 * torch.arange(count) / RATE)
    return (0.5 * wave / wave.abs().max())[None, None]


def fluttering(hertz: float) -> Tensor:
    """A tone whose level fluctuates."""
    time = torch.arange(RATE // 2) / RATE
    return (0.5 * torch.sin(2 * math.pi * 1000 * time) * (1 + torch.sin(2 * math.pi * hertz * time)) / 2)[
        None, None
    ]


@pytest.fixture(scope="module")
def timbre() -> Timbre:
    return Timbre(RATE)


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("brightness", noise(-1.0), noise(0.0)),
        ("boominess", burst(1000), burst(80)),
        ("depth", burst(400), burst(60)),
        ("hardness", burst(300, attack=0.08), burst(3000)),
        ("roughness", fluttering(3), fluttering(70)),
        ("warmth", noise(0.0), noise(-1.0)),
        ("sharpness", burst(300), burst(5000)),
        ("attack", burst(500, attack=0.003), burst(500, attack=0.06)),
        ("duration", burst(500, decay=60), burst(500, decay=12)),
        ("loudness", burst(60), burst(2000)),
        ("pitch", burst(110), burst(220)),
    ],
)
def test_each_number_rises_with_what_it_is_named_for(
    timbre: Timbre, name: str, less: Tensor, more: Tensor
) -> None:
    assert float(timbre(less)[name]) < float(timbre(more)[name])


def test_units() -> None:
    timbre = Timbre(RATE)
    assert float(timbre(burst(220))["pitch"]) == pytest.approx(math.log2(220), abs=0.15)
    assert float(timbre(burst(440))["pitch"] - timbre(burst(220))["pitch"]) == pytest.approx(1, abs=0.1)
    assert 10 ** float(timbre(burst(500, attack=0.05, decay=1))["attack"]) == pytest.approx(40, rel=0.3)
    # 40 dB are ln(100) time constants
    assert 10 ** float(timbre(burst(500, decay=20))["duration"]) == pytest.approx(
        1000 * math.log(100) / 20, rel=0.1
    )
    steady = torch.sin(2 * math.pi * 1000 * torch.arange(RATE) / RATE)[None, None]
    assert float(timbre(steady)["loudness"]) == pytest.approx(-3, abs=0.5)


def test_gain_channels_and_batch_change_nothing(timbre: Timbre) -> None:
    wave = noise(-0.5)
    batch = torch.cat([wave, 0.01 * wave, burst(200)])
    found = timbre(batch)
    for name in TIMBRES:
        assert found[name].shape == (3,)
        assert float(found[name][1]) == pytest.approx(float(found[name][0]), abs=2e-2)
        torch.testing.assert_close(found[name][2:], timbre(burst(200))[name], atol=1e-3, rtol=1e-3)
        stereo = timbre(wave.expand(1, 2, -1))[name]
        torch.testing.assert_close(stereo, timbre(wave)[name], atol=1e-3, rtol=1e-3)


def test_names_are_complete(timbre: Timbre) -> None:
    assert tuple(timbre(burst(200))) == TIMBRES


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_any_rate_hears_about_the_same(rate: int) -> None:
    time = torch.arange(rate // 2) / rate
    wave = (torch.sin(2 * math.pi * 700 * time) * torch.exp(-15 * time))[None, None]
    found, reference = (
        Timbre(rate)(wave),
        Timbre(44100)(
            (
                torch.sin(2 * math.pi * 700 * torch.arange(22050) / 44100)
                * torch.exp(-15 * torch.arange(22050) / 44100)
            )[None, None]
        ),
    )
    for name in ("boominess", "attack", "duration", "pitch"):
        assert float(found[name]) == pytest.approx(float(reference[name]), abs=0.25), name


@pytest.mark.parametrize(
    "wave",
    [noise(-0.5), burst(200), torch.zeros(1, 2, 4000), torch.zeros(1, 1, 64)],
    ids=["noise", "tone", "silence", "few"],
)
def test_values_and_gradients_are_finite(timbre: Timbre, wave: Tensor) -> None:
    for name in TIMBRES:
        given = wave.clone().requires_grad_()
        value = timbre(given)[name]
        assert torch.isfinite(value).all(), name
        (gradient,) = torch.autograd.grad(value.sum(), given)
        assert torch.isfinite(gradient).all(), name
        if wave.any():
            assert gradient.any(), name
