import torch

from wavesmith.data.length import crop_or_pad, sounding_end


def test_a_short_sound_is_followed_by_exact_silence():
    wave = crop_or_pad(torch.ones(2, 10), 15, 1000)
    assert torch.equal(wave, torch.cat([torch.ones(2, 10), torch.zeros(2, 5)], dim=1))


def test_a_cut_through_sound_fades_over_20_ms():
    wave = crop_or_pad(torch.ones(1, 200), 100, 1000)[0]
    assert torch.equal(wave[:80], torch.ones(80))
    assert (wave[80:].diff() < 0).all()
    assert wave[-1] == 0
    assert torch.equal(crop_or_pad(torch.ones(1, 200), 10, 1000)[0, -1], torch.tensor(0.0))


def test_a_cut_through_silence_changes_nothing():
    wave = torch.cat([torch.ones(1, 100), torch.zeros(1, 50)], dim=1)
    assert torch.equal(crop_or_pad(wave, 100, 1000), torch.ones(1, 100))


def test_sounding_end_looks_at_all_channels():
    waves = torch.zeros(3, 2, 10)
    waves[0, 1, 6] = -0.1
    waves[1, 0, 9] = 1
    assert sounding_end(waves).tolist() == [7, 10, 0]
