import torch

from wavesmith.transforms.modes.analysis import analyse, ends, held, onsets, search
from wavesmith.transforms.modes.resonance import Resonances

RATE = 22_050.0


def struck(frequencies, decays, glide=0.0, seconds=0.6):
    count = len(frequencies)
    modes = Resonances(
        torch.tensor([frequencies]),
        torch.tensor([decays]),
        torch.tensor([[glide, 0.0]]),
        torch.tensor([[0.02, 0.1]]),
        torch.zeros(1),
    )
    amplitude = torch.cat([torch.zeros(1, 1, count), torch.ones(1, 1, count) / count], dim=-1)
    return modes, modes.sound(amplitude, int(seconds * RATE), RATE)


def energy_left(wave, found, amplitude):
    return float((wave - found.sound(amplitude, wave.shape[-1], RATE)).square().sum() / wave.square().sum())


def test_finds_the_modes_of_a_struck_bar():
    _, wave = struck([220.0, 606.0, 1188.0], [6.0, 9.0, 14.0])
    found, amplitude = analyse(wave, RATE, low=6, high=2, end=ends(wave, RATE), steps=60)
    assert energy_left(wave, found, amplitude) < 0.01
    for frequency in (220.0, 606.0, 1188.0):
        assert float((found.frequency - frequency).abs().min()) < 2


def test_finds_a_glide():
    _, wave = struck([60.0], [6.0], glide=2.0)
    found, amplitude = analyse(wave, RATE, low=4, high=0, end=ends(wave, RATE))
    assert float(found.glide.sum()) > 0.3
    assert energy_left(wave, found, amplitude) < 0.02


def test_searching_never_ends_worse_than_it_began():
    truth, wave = struck([150.0, 400.0], [5.0, 12.0])
    start = truth._replace(frequency=truth.frequency * 1.02)
    weight = torch.ones_like(wave[:, 0])
    found = search(wave[:, 0], weight, RATE, start, (20.0, 2000.0), steps=20)
    assert held(wave[:, 0], weight, RATE, found) >= held(wave[:, 0], weight, RATE, start)


def test_gradients_point_downhill():
    """One small step from near the truth holds more."""
    truth, wave = struck([150.0], [5.0], glide=0.5)
    near = truth._replace(glide=truth.glide + 0.02, decay=truth.decay * 1.1)
    weight = torch.ones_like(wave[:, 0])
    found = search(wave[:, 0], weight, RATE, near, (20.0, 2000.0), steps=40, lr=0.01)
    left = [1 - float(held(wave[:, 0], weight, RATE, one)) for one in (near, found)]
    assert left[1] < 0.3 * left[0]


def test_modes_come_in_the_order_of_their_energy():
    _, wave = struck([300.0, 500.0], [40.0, 4.0])
    found, amplitude = analyse(wave, RATE, low=4, high=2, end=ends(wave, RATE), steps=40)
    cos, sin = amplitude[:, 0].chunk(2, dim=-1)
    energy = (cos.square() + sin.square()) / found.decay
    assert bool((energy.diff() <= 1e-6).all())


def test_onsets_and_ends_of_a_late_short_sound():
    wave = torch.zeros(1, 1, 8000)
    wave[..., 441:882] = 0.5
    assert abs(float(onsets(wave[:, 0], 44_100)) - 0.009) < 1e-4
    assert abs(float(ends(wave, 44_100)) - 0.02) < 1e-4
