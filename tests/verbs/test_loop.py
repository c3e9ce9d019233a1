import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import loop, loop_points


def jumps(sound):
    """Differences between neighbours: at the joint, and everywhere inside."""
    samples = sound.samples
    return np.abs(samples[:, 0] - samples[:, -1]).max(), np.abs(np.diff(samples)).max()


def bends(sound):
    """The same of the differences: a corner at the joint clicks as well."""
    turned = np.concatenate([sound.samples, sound.samples[:, :2]], axis=1)
    bend = np.abs(np.diff(turned, n=2)).max(0)
    return bend[-2:].max(), bend[:-2].max()


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_joint_is_no_rougher_than_the_sound(textures, texture, amount, seed):
    source = texture(1500, seed)
    (made,) = loop(textures, source, seed=seed, amount=amount, label="soft")
    assert made.frames == 1500
    for joint, inside in (jumps(made), bends(made)):
        assert joint <= inside


def test_the_level_goes_on_through_the_joint(textures, texture):
    power = np.zeros(240)
    for seed in range(15):
        made = loop(textures, texture(1500, seed), seed=seed, label="soft", joint=0.05)[0]
        around = np.concatenate([made.samples[:, -120:], made.samples[:, :120]], axis=1)
        power += np.square(around).mean(0) / np.square(made.samples).mean() / 15
    assert np.abs(10 * np.log10(power.reshape(6, 40).mean(1))).max() < 1.5


def test_far_from_the_joint_all_stays(textures, texture):
    source = texture(2000)
    (made,) = loop(textures, source, seed=1, joint=0.1)
    assert np.array_equal(made.samples[:, 250:1750], source.samples[:, 250:1750])


def test_a_loop_that_begins_with_an_onset_keeps_it(textures, texture):
    fading = Sound(texture(2000).samples * np.linspace(1, 0.1, 2000), 4000)
    (made,) = loop(textures, fading, seed=1, joint=0.1)
    assert np.array_equal(made.samples[:, :1500], fading.samples[:, :1500])
    assert jumps(made)[0] <= jumps(made)[1]


@pytest.mark.parametrize(
    ("bars", "bpm", "beats", "seconds"), [(1, 300, 4, 0.8), (0.25, 120, 4, 0.5), (1, 60, 1, 1)]
)
def test_bars_and_tempo_make_the_length(textures, texture, bars, bpm, beats, seconds):
    for frames in (1000, 6000):  # shorter and longer than the loop
        (made,) = loop(textures, texture(frames), bars=bars, bpm=bpm, beats=beats, seed=1, label="soft")
        assert made.frames == round(seconds * 4000)
        assert jumps(made)[0] <= jumps(made)[1]


def test_a_hit_is_followed_by_silence(debug, hit):
    (made,) = loop(debug, hit(seconds=0.3), bars=1, bpm=240, seed=1)
    assert made.frames == 8000
    assert np.array_equal(made.samples[:, :2400], hit(seconds=0.3).samples)
    assert not made.samples[:, 2400:].any()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_form_stays(textures, texture, channels):
    (made,) = loop(textures, texture(1200, channels=channels, rate=6000), seed=1)
    assert (made.rate, made.channels, made.frames) == (6000, min(channels, 2), 1200)


def test_samplers_are_told_the_loop_and_its_beats(textures, texture):
    made = loop(textures, texture(3000), bars=2, bpm=600, seed=1)[0]
    points = loop_points(made)
    assert points.loop == (0, made.frames)
    assert points.cues == tuple(round(400 * k) for k in range(8))
    plain = loop_points(loop(textures, texture(1500), seed=1)[0])
    assert (plain.loop, plain.cues) == ((0, 1500), ())


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({"bars": 2}, "both bars and bpm"),
        ({"bpm": 120}, "both bars and bpm"),
        ({"bars": 1, "bpm": 0}, "bpm"),
        ({"bars": 1, "bpm": float("nan")}, "bpm"),
        ({"bars": 0, "bpm": 120}, "bars"),
        ({"bars": -1, "bpm": 120}, "bars"),
        ({"bars": 1, "bpm": 120, "beats": 0}, "beats"),
        ({"bars": 900, "bpm": 120}, "1800 seconds cannot be made"),
        ({"joint": 0}, "joint"),
        ({"amount": 3}, "amount cannot be 3"),
        ({"steps": 0}, "steps"),
    ],
)
def test_invalid_requests_are_refused(textures, texture, requested, words):
    with pytest.raises(RequestError, match=words):
        loop(textures, texture(1000), **requested)


def test_nothing_to_loop_is_refused(textures):
    with pytest.raises(AudioError, match="silent"):
        loop(textures, Sound(np.zeros((2, 1000)), 4000))
