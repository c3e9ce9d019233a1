import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import upscale
from wavesmith.verbs.upscale import band_end


def band(sound, low, high):
    """Samples of a band alone, away from the ends."""
    spectrum = np.fft.rfft(sound.samples)
    hertz = np.fft.rfftfreq(sound.frames, 1 / sound.rate)
    return np.fft.irfft(spectrum * ((low <= hertz) & (hertz < high)), sound.frames)[:, 60:-60]


def power(samples):
    return float(np.square(samples).mean())


@pytest.fixture
def dull(texture):
    """A rough texture that has lost what lies above 500 Hz, and as it was."""
    whole = texture(600, width=1.0)
    return whole.resample(1200).resample(4000).crop(600), whole


@pytest.mark.parametrize("channels", [1, 2])
def test_the_low_band_is_kept_and_a_top_is_made(textures, dull, channels):
    source = dull[0].channels_as(channels)
    (made,) = upscale(textures, source, seed=1, label="rough", cutoff=500)
    assert (made.rate, made.frames, made.channels) == (4000, 600, channels)
    kept, given = band(made, 0, 350), band(source, 0, 350)
    assert power(kept - given) < 1e-4 * power(given)
    assert power(band(source, 800, 2000)) < 1e-4 * power(given)
    assert power(band(made, 800, 2000)) > 0.1 * power(band(dull[1], 800, 2000))


def test_where_the_sound_ends_is_found_out(textures, dull):
    source = dull[0].fade(0.03, 0.03)
    assert 450 < band_end(source) < 750
    made = upscale(textures, source, seed=1, label="rough")[0]
    assert power(band(made, 0, 350) - band(source, 0, 350)) < 1e-4 * power(band(source, 0, 350))
    assert power(band(made, 900, 2000)) > 0.1 * power(band(dull[1], 900, 2000))


def test_the_end_is_found_although_the_sound_begins_at_once():
    """What a filter leaves in front of the first sample is cut off: a click in every band."""
    burst = np.random.default_rng(0).standard_normal((2, 20000)) * np.exp(-np.arange(20000) / 1500)
    whole = Sound(burst * 0.3, 44100)
    assert band_end(whole) > 20000
    assert 5000 < band_end(whole.resample(11025).resample(44100)) < 6500


def test_a_low_rate_becomes_the_models_and_a_higher_one_stays(textures, dull, texture):
    assert upscale(textures, dull[0].resample(1200), seed=1)[0].rate == 4000
    high = texture(1200, rate=8000)
    made = upscale(textures, high, seed=1, cutoff=300)[0]
    assert (made.rate, made.frames) == (8000, 1200)


def test_long_sounds_have_a_top_everywhere(textures, texture):
    source = texture(2500, width=1.0).resample(1200).resample(4000).crop(2500)
    made = upscale(textures, source, seed=1, label="rough", cutoff=500)[0]
    top = band(made, 800, 2000)[:, :2300].reshape(2, 23, 100)
    levels = 10 * np.log10(np.square(top).mean((0, 2)))
    assert levels.min() > np.median(levels) - 6


def test_several_results_differ_and_each_is_always_the_same(textures, dull):
    two = upscale(textures, dull[0], 2, seed=1)
    assert two[0].sha256 != two[1].sha256
    assert upscale(textures, dull[0], seed=1, first=1)[0].sha256 == two[1].sha256


def test_what_makes_no_sense_is_refused(textures, texture, dull):
    for cutoff in (50, 2000, -1, float("nan")):
        with pytest.raises(RequestError, match="cutoff"):
            upscale(textures, dull[0], cutoff=cutoff)
    with pytest.raises(RequestError, match="nothing to add"):
        upscale(textures, Sound(np.random.default_rng(0).uniform(-0.5, 0.5, (1, 2000)), 4000))
    with pytest.raises(RequestError, match="nothing above 600 Hz"):
        upscale(textures, dull[0].resample(1200), cutoff=800)
    with pytest.raises(RequestError, match="steps"):
        upscale(textures, dull[0], steps=0)
    with pytest.raises(AudioError, match="silent"):
        upscale(textures, Sound(np.zeros((1, 800)), 4000))
