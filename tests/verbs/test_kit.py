from dataclasses import replace

import numpy as np
import pytest

from wavesmith.attribution import credits
from wavesmith.descriptors import Timbre, measure
from wavesmith.errors import RequestError
from wavesmith.export import bar, read_sfz, render, write_kit
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models import Model, Provenance, TrainingSource
from wavesmith.sound import Sound
from wavesmith.verbs import again, generate, make_kit


@pytest.fixture(scope="module")
def kit(debug):
    return make_kit(debug, {"kick": 1, "hihat": 2}, seed=3, layers=2, turns=2, steps=2)


def test_pieces_lie_on_the_keys_of_general_midi_and_hats_choke(kit):
    assert [(piece.name, piece.key) for piece in kit.pieces] == [("kick", 36), ("hihat", 42), ("hihat", 44)]
    assert kit.pieces[0].choke is None
    assert kit.pieces[1].choke == kit.pieces[2].choke is not None
    assert kit.sounds == 3 * 2 * 2


def test_the_first_sound_of_a_piece_is_that_of_generate_and_all_differ(debug, kit):
    for piece, label, number in zip(kit.pieces, ("kick", "hihat", "hihat"), (0, 0, 1), strict=True):
        expected = generate(debug, label=label, seed=3, first=number, steps=2)[0]
        assert piece.layers[-1].sounds[0].sha256 == expected.sha256
        sounds = [sound for layer in piece.layers for sound in layer.sounds]
        assert len({sound.sha256 for sound in sounds}) == 4
        assert all(sound.recipe.verb == "vary" for sound in sounds if sound.sha256 != expected.sha256)


def test_every_sound_can_be_made_again(kit):
    for layer in kit.pieces[1].layers:
        for sound in layer.sounds:
            assert again(sound).sha256 == sound.sha256


def test_it_is_written_and_played(kit, tmp_path):
    files = write_kit(kit, tmp_path / "kit")
    (sfz,) = (file for file in files if file.suffix == ".sfz")
    played = render(read_sfz(sfz), bar(kit, bpm=240))
    assert played.levels().peak_db > -20
    assert {Sound.read(path).recipe.model for path in (tmp_path / "kit/samples").iterdir()} == {"debug"}


def test_softer_layers_are_duller_where_the_model_knows_timbres(debug):
    waves = [(sound.tensor(), "kick") for sound in generate(debug, 12, label="kick", seed=9)]
    model = replace(debug, timbre=measure(waves, debug.rate))
    kit = make_kit(model, {"kick": 3}, seed=3, layers=3, turns=1, amount=0.3, guidance=1.0)
    hear = Timbre(8000)

    def brightness(layer):
        sounds = [sound for piece in kit.pieces for sound in piece.layers[layer].sounds]
        return np.mean([float(hear(sound.tensor()[None])["brightness"]) for sound in sounds])

    assert brightness(0) < brightness(2)


def test_the_same_seed_makes_the_same_kit(debug, kit):
    same = make_kit(debug, {"kick": 1, "hihat": 2}, seed=3, layers=2, turns=2, steps=2)
    one, other = (
        [sound.sha256 for piece in each.pieces for layer in piece.layers for sound in layer.sounds]
        for each in (kit, same)
    )
    assert one == other


def test_progress_reaches_the_end_and_the_seed_is_kept(debug):
    done = []
    kit = make_kit(debug, {"kick": 1}, steps=1, progress=lambda *count: done.append(count))
    assert done[-1] == (4, 4)
    assert kit.about["seed"] == kit.pieces[0].layers[0].sounds[0].recipe.seed


def test_a_model_without_labels_makes_pieces_of_one_kind(debug):
    family = DiffusionModel(debug.family.config.model_copy(update={"labels": ()})).eval()
    unlabelled = Model("unlabelled", "0" * 16, family)
    few = {"seed": 3, "layers": 2, "turns": 1, "steps": 1}
    kit = make_kit(unlabelled, **few)
    assert [(piece.name, piece.key) for piece in kit.pieces] == [("sound", key) for key in range(36, 44)]
    assert len({piece.layers[-1].sounds[0].sha256 for piece in kit.pieces}) == 8
    kicks = make_kit(unlabelled, {"kick": 2}, **few)
    assert [(piece.name, piece.key) for piece in kicks.pieces] == [("kick", 35), ("kick", 36)]
    with pytest.raises(RequestError, match="pieces"):
        make_kit(unlabelled, {"kick": 1, "snare": 1}, **few)


def test_the_hat_that_rings_longest_is_the_open_one(debug):
    requested = {"seed": 5, "steps": 2}
    kit = make_kit(debug, {"hihat": 5}, layers=1, turns=1, **requested)
    sounds = {piece.key: piece.layers[0].sounds[0] for piece in kit.pieces}
    hear = Timbre(8000)
    rings = {key: float(hear(sound.tensor()[None])["duration"]) for key, sound in sounds.items()}
    assert sorted(rings, key=lambda key: rings[key]) == [42, 44, 36, 37, 46]
    made = generate(debug, 5, label="hihat", **requested)
    assert {sound.sha256 for sound in sounds.values()} == {sound.sha256 for sound in made}
    assert [sound.sha256 for sound in sounds.values()] != [sound.sha256 for sound in made]


def test_it_names_whom_the_model_owes(debug):
    sources = [
        TrainingSource(source="some drums", licence=licence, author=author, sounds=1, sha256=("0" * 64,))
        for licence, author in (("CC-BY-4.0", "Ann"), ("CC0-1.0", "Bob"))
    ]
    model = replace(debug, card="| provided by | Bob |", provenance=Provenance(sources=tuple(sources)))
    named = make_kit(model, {"kick": 1}, layers=1, turns=1, steps=1).credits
    assert named == credits(model).text
    assert "Ann" in named
    assert "Bob" not in named


@pytest.mark.parametrize(
    ("pieces", "requested", "words"),
    [
        ({}, {}, "at least one piece"),
        ({"kick": 0}, {}, "at least one piece"),
        ({"kick": -1}, {}, "-1"),
        ({"choir": 1}, {}, "'choir'"),
        ({"kick": 1}, {"layers": 0}, "0 layers"),
        ({"kick": 1}, {"turns": 9}, "9 turns"),
        ({"kick": 1}, {"amount": 2}, "amount cannot be 2"),
        ({"kick": 1}, {"label": "snare"}, "leave other labels out"),
        ({"kick": 1}, {"steps": 0}, "steps"),
        ({"kick": 1}, {"seed": -1}, "Seed -1"),
    ],
)
def test_invalid_requests_are_refused(debug, pieces, requested, words):
    with pytest.raises(RequestError, match=words):
        make_kit(debug, pieces, **requested)
