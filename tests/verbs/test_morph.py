import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import generate, morph, morph_labels
from wavesmith.verbs.morph import MORPH, _Window
from wavesmith.verbs.source_adapter import SourceAdapter
from wavesmith.verbs.verb import Task


def test_ends_are_the_two_sounds_sample_for_sample(debug, hit):
    first, last = hit(200), hit(700)
    made = morph(debug, first, last, count=3)
    assert len(made) == 3
    assert np.array_equal(made[0].samples, first.samples)
    assert np.array_equal(made[-1].samples, last.samples)
    assert made[1].sha256 not in {first.sha256, last.sha256}


def test_what_lies_between_is_nearer_to_the_nearer_end(textures, texture, likeness):
    first, last = texture(512, 1), texture(512, 2)
    made = morph(textures, first, last, count=5)
    from_first = [likeness(one, first) for one in made]
    from_last = [likeness(one, last) for one in made]
    assert from_first == sorted(from_first, reverse=True)
    assert from_last == sorted(from_last)
    levels = [np.square(one.samples).mean() for one in made]
    assert abs(10 * np.log10(min(levels) / max(levels))) < 2  # a straight line would lose 3 dB half-way
    assert likeness(morph(textures, first, first, count=3)[1], first) > 0.99


def test_a_share_of_next_to_nothing_is_next_to_nothing_away_from_the_end(debug, hit):
    """There is no step between the sources themselves and what the model makes of them."""
    sources = (hit(200, 0.256), hit(700, 0.256))
    task = Task(debug, *MORPH.settle(debug, 2), 0, sources)
    part = _Window(task, [SourceAdapter(sound, debug) for sound in sources], 0, 2048)
    wave = part.between([1.0, 0.0]).detach() / SourceAdapter(sources[0], debug).gain
    error = np.square(wave.numpy() - sources[0].samples).mean() / np.square(sources[0].samples).mean()
    assert 10 * np.log10(error) < -80


def test_sounds_of_other_forms_come_in_that_of_the_first_and_the_length_of_the_longest(debug, hit):
    first, last = hit(200, 0.1, rate=8000, channels=1), hit(700, 0.25, rate=11025, channels=2)
    made = morph(debug, first, last, count=3)
    assert {(one.rate, one.channels) for one in made} == {(8000, 1)}
    assert made[0].frames == made[2].frames == 2000
    assert made[1].frames >= 2000
    assert np.array_equal(made[0].samples[:, :800], first.samples)
    assert not made[0].samples[:, 800:].any()


def test_long_sounds_are_morphed_in_windows_without_seams(textures, texture, likeness):
    first, last = texture(2000, 1), texture(2000, 2)
    made = morph(textures, first, last, count=3)[1]
    assert made.frames == 2000
    assert 0.3 < likeness(made, first) < 0.9
    for place in range(0, 2000, 250):
        near = np.square(made.samples[:, place : place + 250]).mean()
        assert abs(10 * np.log10(near / np.square(first.samples).mean())) < 4
    assert np.abs(np.diff(made.samples)).max() < 1.4 * np.abs(np.diff(first.samples)).max()


def test_four_sounds_make_a_square_with_the_sounds_at_its_corners(textures, texture, likeness):
    corners = [texture(512, seed) for seed in range(4)]
    square = morph(textures, *corners, count=3)
    assert len(square) == 9
    for place, corner in zip((0, 2, 6, 8), corners, strict=True):
        assert np.array_equal(square[place].samples, corner.samples)
    shares = [likeness(square[4], corner) for corner in corners]
    assert min(shares) > 0.25
    top = [likeness(square[1], corner) for corner in corners]
    assert min(top[:2]) > 0.4
    assert max(top[2:]) < 0.25


def test_sound_k_is_always_the_same(textures, texture):
    ends = texture(512, 1), texture(512, 2)
    four = morph(textures, *ends, count=4)
    assert morph(textures, *ends, count=4, first=2)[0].sha256 == four[2].sha256
    assert morph(textures, *ends, count=4)[1].sha256 == four[1].sha256


def test_labels_turn_into_each_other(debug):
    made = morph_labels(debug, "kick", {"snare": 0.5, "hihat": 0.5}, count=3, seed=4)
    assert made[0].sha256 == generate(debug, label="kick", seed=4)[0].sha256
    assert made[2].sha256 == generate(debug, label={"snare": 0.5, "hihat": 0.5}, seed=4)[0].sha256
    mixed = generate(debug, label={"kick": 0.5, "snare": 0.25, "hihat": 0.25}, seed=4)[0]
    assert made[1].sha256 == mixed.sha256


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_two_sounds_or_four(debug, hit, count):
    with pytest.raises(RequestError, match="2 or 4 sounds"):
        morph(debug, *[hit()] * count)


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({"count": 1}, "count"),
        ({"label": "kick"}, "label"),
        ({"guide": [{"width": 0.1}]}, "guide"),
        ({"steps": 0}, "steps"),
        ({"first": -1}, "first"),
    ],
)
def test_invalid_requests_are_refused(debug, hit, requested, words):
    with pytest.raises(RequestError, match=words):
        morph(debug, hit(200), hit(300), **requested)


def test_nothing_to_morph_and_labels_that_are_missing_are_refused(debug, hit):
    with pytest.raises(AudioError, match="silent"):
        morph(debug, hit(), Sound(np.zeros((1, 500)), 8000))
    with pytest.raises(RequestError, match="needs two"):
        morph_labels(debug, "kick", None)
    with pytest.raises(RequestError, match="'choir'"):
        morph_labels(debug, "kick", "choir")
