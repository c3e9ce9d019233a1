import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import clean


def noisy(sound, level, quiet=0.3):
    """The sound, dying away towards its last part, under white noise, and without it."""
    fade = np.ones(sound.frames)
    fade[-round(quiet * sound.frames) :] = 0
    plain = Sound(sound.samples * fade, sound.rate)
    noise = np.random.default_rng(9).standard_normal(sound.samples.shape)
    return Sound(plain.samples + level * noise, sound.rate), plain


def error(sound, plain):
    return float(np.square(sound.samples - plain.samples).mean())


@pytest.mark.parametrize(("rate", "channels", "frames"), [(4000, 2, 600), (4000, 1, 3000), (6000, 2, 2400)])
def test_noise_goes_and_the_sound_stays(textures, texture, rate, channels, frames):
    whole = texture(round(frames * 4000 / rate), channels=channels).resample(rate)
    source, plain = noisy(whole, 0.05)
    cleaned = clean(textures, source, label="soft")[0]
    assert (cleaned.rate, cleaned.channels, cleaned.frames) == (rate, channels, frames)
    assert error(cleaned, plain) < 0.5 * error(source, plain)


def test_more_strength_takes_more_off_and_0_leaves_the_sound(textures, texture):
    source, _ = noisy(texture(600), 0.05)
    changes = [error(clean(textures, source, strength=s, label="soft")[0], source) for s in (0, 0.5, 1, 2)]
    assert changes[0] == 0
    assert changes == sorted(changes)


def test_what_the_model_does_not_know_is_left_alone(textures, texture):
    """No band changes by more than noise can have done."""
    source, _ = noisy(texture(2000), 0.01)
    tone = 0.4 * np.sin(2 * np.pi * 1500 / 4000 * np.arange(2000)) * np.linspace(1, -1, 2000).clip(0)
    strange = Sound(source.samples + tone, 4000)
    assert error(clean(textures, strange, label="soft")[0], strange) < 6 * 0.01**2


def test_a_sound_without_noise_stays(debug, hit):
    source = Sound(np.pad(hit().samples, ((0, 0), (0, 1000))), 8000)
    cleaned = clean(debug, source)[0]
    assert error(cleaned, source) < 1e-4 * np.square(source.samples).mean()


def test_it_is_always_the_same(textures, texture):
    source, _ = noisy(texture(600), 0.05)
    assert clean(textures, source)[0].sha256 == clean(textures, source)[0].sha256


def test_what_makes_no_sense_is_refused(textures, texture):
    for strength in (-1, 11, float("nan")):
        with pytest.raises(RequestError, match="strength"):
            clean(textures, texture(600), strength=strength)
    with pytest.raises(RequestError, match="steps"):
        clean(textures, texture(600), steps=0)
    with pytest.raises(AudioError, match="silent"):
        clean(textures, Sound(np.zeros((2, 600)), 4000))
