import math

import pytest
import torch
from pydantic import ValidationError

from wavesmith.transforms import Spectral, SpectralConfig

HOP = 16


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(channels=1, hop=HOP):
    return Spectral(channels, hop, power=1.0)


def fitted(channels=2, hop=HOP):
    """Fitted to noise whose level differs by band and side."""
    transform = Spectral(channels, hop)
    tilt = torch.logspace(0, -2, transform.features).view(1, -1, 1)
    transform.fit(transform.imdct(tilt * noise(8, transform.features, 40), 40 * hop))
    return transform


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 333])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_decoding_gives_back_any_wave(channels, length, power):
    transform = Spectral(channels, HOP, power)
    wave = noise(2, channels, length)
    z = transform.encode(wave)
    assert (
        z.shape
        == (2, channels * HOP, math.ceil(length / HOP))
        == (2, transform.features, transform.frames(length))
    )
    torch.testing.assert_close(transform.decode(z, length), wave, rtol=1e-5, atol=3e-6)


def test_decoding_stays_exact_after_fitting():
    wave = noise(2, 2, 500)
    transform = fitted()
    torch.testing.assert_close(transform.decode(transform.encode(wave), 500), wave, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_mdct_is_orthonormal_and_its_inverse_its_transpose(channels):
    transform = linear(channels)
    wave, spectrum = noise(3, channels, 6 * HOP), noise(3, channels * HOP, 6, seed=1)
    torch.testing.assert_close(transform.mdct(wave).square().sum(), wave.square().sum())
    analysed = (transform.mdct(wave) * spectrum).sum()
    torch.testing.assert_close(
        analysed, (wave * transform.imdct(spectrum, 6 * HOP)).sum(), rtol=1e-4, atol=1e-4
    )


def test_the_matrix_of_the_transform_is_orthogonal():
    """Column by column: no lucky wave can hide a wrong sign at a boundary."""
    matrix = linear().mdct(torch.eye(4 * HOP)[:, None]).flatten(1)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(4 * HOP), rtol=0, atol=1e-6)


def test_white_noise_stays_white():
    z = linear(2).encode(noise(64, 2, 20 * HOP))
    covariance = z.transpose(1, 2).flatten(0, 1).T.cov()
    torch.testing.assert_close(covariance, torch.eye(2 * HOP), rtol=0, atol=0.15)


def test_after_fitting_every_band_has_about_unit_rms():
    transform = Spectral(2, HOP)
    tilt = torch.logspace(0, -2, transform.features).view(1, -1, 1)
    waves = transform.imdct(tilt * noise(8, transform.features, 100), 100 * HOP)
    before = transform.encode(waves).square().mean((0, 2)).sqrt()
    assert before.max() / before.min() > 5
    transform.fit(waves)
    rms = transform.encode(waves).square().mean((0, 2)).sqrt()
    assert 0.7 < rms.min() <= rms.max() < 1.4


def test_a_band_that_the_data_never_uses_does_not_explode():
    transform = Spectral(2, HOP)
    mono = noise(4, 1, 50 * HOP).expand(-1, 2, -1)  # nothing at the side
    transform.fit(mono)
    stereo = noise(1, 2, 10 * HOP, seed=1)
    assert transform.encode(stereo).abs().max() < 1000
    assert transform.decode(noise(1, 2 * HOP, 10), 10 * HOP).isfinite().all()


def test_silence_stays_exact_silence():
    transform = fitted()
    assert not transform.encode(torch.zeros(1, 2, 100)).any()
    assert not transform.decode(torch.zeros(1, 2 * HOP, 7), 100).any()


def test_errors_hide_under_the_signal():
    """Companding: the same error in feature space does less harm where the sound is quiet."""
    transform = fitted(1)
    loud, error = noise(1, 1, 20 * HOP), 0.1 * noise(1, HOP, 20, seed=2)

    def harm(wave):
        return (transform.decode(transform.encode(wave) + error, wave.shape[-1]) - wave).square().mean()

    assert harm(1e-4 * loud) < 1e-2 * harm(loud)


def test_an_onset_at_the_first_sample_is_not_smeared_ahead_nor_around():
    wave = torch.zeros(1, 1, 4 * HOP)
    wave[..., 0] = 1
    z = linear().encode(wave)
    assert z[..., 0].square().sum().item() == pytest.approx(1, abs=1e-5)
    assert not z[..., 1:].any()


def test_an_onset_reaches_the_block_before_it_at_most():
    wave = torch.zeros(1, 1, 6 * HOP)
    wave[..., 3 * HOP] = 1
    heard = linear().encode(wave).abs().amax(1)[0] > 1e-6
    assert heard.tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("band", [1, 5, 14])
def test_a_sine_lands_in_its_band(band):
    time = torch.arange(40 * HOP)
    sine = torch.sin(math.pi * (band + 0.5) / HOP * time + 0.3)[None, None]
    energy = linear().encode(sine)[..., 1:-1].square().mean((0, 2))
    assert energy.argmax() == band
    assert energy[max(0, band - 1) : band + 2].sum() > 0.95 * energy.sum()


def test_what_both_channels_share_is_in_the_middle_bands():
    mono = noise(1, 1, 10 * HOP).expand(-1, 2, -1)
    mid, side = Spectral(2, HOP).encode(mono).chunk(2, dim=1)
    assert not side.any()
    assert mid.any()


def test_statistics_travel_with_the_weights_and_constants_do_not():
    source, target = fitted(), Spectral(2, HOP)
    assert set(source.state_dict()) == {"scale", "level"}
    target.load_state_dict(source.state_dict())
    wave = noise(1, 2, 100)
    assert torch.equal(target.encode(wave), source.encode(wave))


@pytest.mark.parametrize("wrong", [{"hop": 9}, {"hop": 0}, {"power": 0}, {"power": 1.5}, {"hop": 10**7}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ValidationError):
        SpectralConfig(**wrong)


def test_inner_blocks_are_the_textbook_sine_window_mdct():
    """Princen & Bradley 1986, with the window centred on the block; so trained weights keep their meaning."""
    wave = noise(1, 1, 5 * HOP).double()
    n, k = torch.arange(2 * HOP).double(), torch.arange(HOP).double()[:, None]
    window = torch.sin(math.pi * (n + 0.5) / (2 * HOP))
    basis = math.sqrt(2 / HOP) * window * torch.cos(math.pi / HOP * (n + 0.5 - HOP / 2) * (k + 0.5))
    z = linear().encode(wave.float())[0]
    for block in (1, 2, 3):
        start = block * HOP - HOP // 2
        expected = basis @ wave[0, 0, start : start + 2 * HOP]
        torch.testing.assert_close(z[:, block], expected.float(), rtol=1e-4, atol=1e-5)


def test_the_outermost_blocks_are_not_windowed_at_the_ends():
    wave = torch.zeros(1, 1, 3 * HOP)
    wave[..., -1] = 1
    last = math.sqrt(2 / HOP) * torch.cos(math.pi / HOP * (HOP - 0.5) * (torch.arange(HOP) + 0.5))
    torch.testing.assert_close(linear().encode(wave)[0, :, 2], last, rtol=1e-4, atol=1e-5)
