import numpy as np
import pytest

from wavesmith.errors import AudioError, RequestError
from wavesmith.sound import Sound
from wavesmith.verbs import again, generate, generate_like
from wavesmith.verbs.like import distance, nearest


def test_a_sound_is_no_distance_from_itself_at_any_gain_and_far_from_others(hit):
    assert distance(hit(200), hit(200)) == 0
    assert distance(hit(200), hit(200).gain(-20)) < 0.1
    assert distance(hit(200), hit(210)) < distance(hit(200), hit(400)) < distance(hit(200), hit(2000))


def test_length_rate_and_channels_may_differ(hit):
    assert distance(hit(200), hit(200, rate=16000, channels=1)) < 3
    longer = Sound(np.pad(hit(200).samples, ((0, 0), (0, 500))), 8000)
    assert distance(hit(200), longer) < 0.5


def test_the_nearest_come_first(hit):
    sounds = [hit(hertz) for hertz in (1500, 220, 700, 190)]
    found = nearest(iter(sounds), hit(200), 3)
    assert found == [sounds[3], sounds[1], sounds[2]]


def test_what_is_kept_are_ordinary_sounds_that_can_be_made_again(debug):
    wanted = generate(debug, label="snare", seed=1, first=4)[0]
    kept = generate_like(debug, wanted, 2, of=6, label="snare", seed=1)
    assert kept[0].sha256 == wanted.sha256
    assert kept[0].recipe.index == 4
    assert again(kept[1]).sha256 == kept[1].sha256
    assert len(kept) == 2


def test_eight_times_as_many_are_made(debug, hit):
    done = []
    generate_like(debug, hit(), 1, seed=1, steps=1, progress=lambda *count: done.append(count))
    assert done[-1] == (8, 8)


def test_what_makes_no_sense_is_refused(debug, hit):
    with pytest.raises(RequestError, match="3 sounds cannot be kept out of 2"):
        generate_like(debug, hit(), 3, of=2)
    with pytest.raises(RequestError, match="0 sounds"):
        generate_like(debug, hit(), 0)
    with pytest.raises(AudioError, match="silent"):
        generate_like(debug, Sound(np.zeros((1, 500)), 8000), 1)
