import pytest

from wavesmith.errors import RequestError
from wavesmith.export import choke_group, general_midi_keys, key_name


def test_the_kit_of_the_docs():
    keys = general_midi_keys({"kick": 4, "snare": 4, "hihat": 6, "percussion": 8})
    assert keys["kick"][:2] == [36, 35]
    assert keys["snare"][:3] == [38, 40, 37]
    assert keys["hihat"][:3] == [42, 44, 46]
    assert keys["percussion"] == [41, 43, 45, 47, 48, 50, 39, 54]
    assert [len(own) for own in keys.values()] == [4, 4, 6, 8]
    assert len({key for own in keys.values() for key in own}) == 22


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Kick", 36),
        ("Bass Drum", 36),
        ("hi-hat", 42),
        ("Closed Hat", 42),
        ("open hihat", 46),
        ("HH open hat", 46),
        ("pedal hat", 44),
        ("rimshot", 37),
        ("clap", 39),
        ("Toms", 41),
        ("crash cymbal", 49),
        ("ride bell", 51),
        ("tambourine", 54),
        ("cowbell", 56),
        ("bongos", 60),
        ("conga", 62),
        ("shaker", 70),
        ("claves", 75),
    ],
)
def test_general_midi_names(label, key):
    assert general_midi_keys({label: 1}) == {label: [key]}


def test_special_labels_choose_before_general_ones():
    assert general_midi_keys({"percussion": 1, "toms": 6})["toms"] == [41, 43, 45, 47, 48, 50]
    assert general_midi_keys({"hihat": 3, "open hihat": 1}) == {"hihat": [42, 44, 36], "open hihat": [46]}


def test_unknown_labels_take_free_keys_upwards():
    keys = general_midi_keys({"🥁/\\": 2, "kick": 1, "zap": 2})
    assert keys == {"🥁/\\": [37, 38], "kick": [36], "zap": [39, 40]}


def test_all_keys_and_no_more():
    keys = general_midi_keys({"kick": 50, "snare": 50, "": 28})
    assert sorted(key for own in keys.values() for key in own) == list(range(128))
    with pytest.raises(RequestError, match="128 keys"):
        general_midi_keys({"kick": 129})
    with pytest.raises(RequestError, match="negative"):
        general_midi_keys({"kick": -1})
    assert general_midi_keys({"kick": 0}) == {"kick": []}
    assert general_midi_keys({}) == {}


def test_hats_choke():
    assert [choke_group(label) for label in ("hihat", "Open Hat", "pedal", "kick")] == [1, 1, 1, None]


def test_key_names():
    assert [key_name(key) for key in (0, 36, 60, 61, 127)] == ["C-1", "C2", "C4", "C#4", "G9"]
