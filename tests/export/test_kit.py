import math

import pytest

from wavesmith.errors import RequestError
from wavesmith.export import Kit, Layer, Piece, bar, even_layers
from wavesmith.sound import Sound


@pytest.mark.parametrize("count", [1, 2, 3, 4, 127])
def test_even_layers_cover_every_velocity_once(noise, count):
    layers = even_layers([[noise(k)] for k in range(count)])
    covered = [velocity for layer in layers for velocity in range(layer.low, layer.high + 1)]
    assert covered == list(range(1, 128))
    assert max(layer.high - layer.low for layer in layers) - 127 // count <= 1


def test_too_many_layers_or_none(noise):
    for rows in ([], [[noise(1)]] * 128):
        with pytest.raises(RequestError, match="1 to 127 layers"):
            even_layers(rows)


def test_pieces_are_sorted_by_key(kit):
    assert [piece.key for piece in kit.pieces] == [35, 36, 38, 42, 46, 56]
    assert kit.sounds == 6 + 6 + 1 + 4 + 2 + 1


def one(noise, **changes):
    values = {"name": "kick", "key": 36, "layers": even_layers([[noise(1)]])} | changes
    return Piece(**values)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "visible characters"),
        ({"name": " "}, "visible characters"),
        ({"name": "a\nb"}, "visible characters"),
        ({"name": "a\x00b"}, "visible characters"),
        ({"name": "\ud83e"}, "visible characters"),
        ({"key": 128}, "0 to 127"),
        ({"key": -1}, "0 to 127"),
        ({"volume_db": math.nan}, "volume"),
        ({"volume_db": 13.0}, "volume"),
        ({"pan": 1.5}, "pan"),
        ({"choke": 0}, "from 1"),
        ({"layers": ()}, "velocities 1 to 127"),
    ],
)
def test_impossible_pieces(noise, changes, words):
    with pytest.raises(RequestError, match=words):
        one(noise, **changes)


@pytest.mark.parametrize("ranges", [[(2, 127)], [(1, 126)], [(1, 60), (62, 127)], [(1, 60), (60, 127)]])
def test_gaps_and_overlaps(noise, ranges):
    with pytest.raises(RequestError, match="each one once"):
        one(noise, layers=tuple(Layer(low, high, (noise(1),)) for low, high in ranges))


def test_impossible_layers(noise):
    for low, high in [(0, 127), (1, 128), (60, 50)]:
        with pytest.raises(RequestError, match="Velocities"):
            Layer(low, high, (noise(1),))
    for sounds in [(), (noise(1).crop(0),)]:
        with pytest.raises(RequestError, match="at least one sound"):
            Layer(1, 127, sounds)
    with pytest.raises(RequestError, match="mono and stereo"):
        Layer(1, 127, (Sound(noise(1).samples.repeat(3, axis=0), 8000),))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "\t"}, "visible characters"),
        ({"pieces": ()}, "no pieces"),
        ({"dynamics": 1.1}, "dynamics"),
        ({"author": "a\x1bb"}, "visible characters"),
        ({"credits": "fine\nnot\x00fine"}, "visible characters"),
    ],
)
def test_impossible_kits(noise, changes, words):
    with pytest.raises(RequestError, match=words):
        Kit(**({"name": "a", "pieces": (one(noise),)} | changes))


def test_two_pieces_on_one_key_are_named(noise):
    with pytest.raises(RequestError, match="'kick' and 'snare' lie on one key, 36"):
        Kit("a", (one(noise), one(noise, key=37), one(noise, name="snare")))


def test_a_bar_plays_every_piece(kit):
    hits = bar(kit, bpm=120, bars=2)
    assert {hit.key for hit in hits} == {piece.key for piece in kit.pieces}
    assert hits == sorted(hits)
    assert hits == bar(kit, bpm=120, bars=2)
    assert 3.5 <= hits[-1].seconds < 4
    assert {round(hit.seconds * 8, 6) % 1 for hit in hits} == {0}
    for settings in ({"bpm": 0}, {"bpm": math.nan}, {"bars": 0}):
        with pytest.raises(RequestError, match="BPM"):
            bar(kit, **settings)
