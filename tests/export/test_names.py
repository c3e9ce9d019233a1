import re

import pytest

from wavesmith.export import Kit, Piece, even_layers
from wavesmith.export.names import kit_stem, sample_names

NAMES = ["kick", "a/b\\c:d*e?", "🥁🥁", "Große Trommel", "-rf", "..", "con", "x" * 300, " ", "percussion"]


def flat(kit):
    return [file for rows in sample_names(kit) for row in rows for file in row]


@pytest.mark.parametrize(("layers", "turns"), [(1, 1), (1, 4), (3, 1), (4, 12), (127, 1)])
def test_file_names_obey_the_rules(noise, layers, turns):
    sound = noise(1)
    rows = [[sound] * turns for _ in range(layers)]
    pieces = [Piece(name.replace(" ", "-"), key, even_layers(rows)) for key, name in enumerate(NAMES * 12)]
    names = flat(Kit("a", tuple(pieces[:-1])))
    assert len({name.lower() for name in names}) == len(names) == 119 * layers * turns
    assert names == sorted(names)
    assert names == sorted(names, key=str.lower)
    assert all(re.fullmatch(r"[0-9][A-Za-z0-9 _-]{1,15}\.wav", name) for name in names)
    assert not any(re.search(r"  | \.|\.wav\.", name) for name in names)


def test_what_is_alone_has_no_number(noise):
    pieces = [
        Piece("kick", 36, even_layers([[noise(1)]])),
        Piece("snare", 38, even_layers([[noise(1)] * 2])),
        Piece("percussion", 41, even_layers([[noise(1)]] * 2)),
    ]
    assert flat(Kit("a", tuple(pieces))) == [
        "01 Kick.wav",
        "02 Snare r1.wav",
        "02 Snare r2.wav",
        "03 Percussion v1.wav",
        "03 Percussion v2.wav",
    ]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("My Kit", "My Kit"),
        ("a/b 🥁 c", "a b c"),
        ("../../etc", "etc"),
        ("Été", "Ete"),
        ("太鼓", "Kit"),
        ("--x", "x"),
        ("nul", "nul kit"),
        ("y" * 50, "y" * 32),
    ],
)
def test_kit_names(name, stem):
    assert kit_stem(name) == stem
