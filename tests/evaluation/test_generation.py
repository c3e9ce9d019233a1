from __future__ import annotations

import os

from wavesmith.data import read_folder
from wavesmith.evaluation.generation import counts_per_label, generate_sounds
from wavesmith.models import debug_model
from wavesmith.sound import Sound


def test_labels_come_in_the_proportion_of_the_real_ones() -> None:
    assert counts_per_label(("kick", "snare", "tom"), {"kick": 60, "snare": 30, "bell": 10}, 30) == {
        "kick": 20,
        "snare": 10,
    }
    thirds = counts_per_label(("a", "b", "c"), {"a": 1, "b": 1, "c": 1}, 100)
    assert sorted(thirds.values()) == [33, 33, 34]


def test_unknown_labels_are_equal_and_models_without_labels_have_none() -> None:
    assert counts_per_label(("a", "b"), {"dog": 3}, 10) == {"a": 5, "b": 5}
    assert counts_per_label((), {"kick": 9}, 10) == {None: 10}


def test_the_folder_is_a_data_set_and_existing_sounds_stay(tmp_path) -> None:
    model, counts = debug_model(), {"kick": 2, "snare": 1}
    paths = generate_sounds(model, tmp_path, counts, seed=3, steps=2)
    entries = read_folder(tmp_path).entries
    assert {entry.path: entry.label for entry in entries} == dict(
        zip(sorted(paths), ["kick", "kick", "snare"], strict=True)
    )
    first = Sound.read(tmp_path / paths[0])
    assert first.recipe
    assert first.recipe.settings["label"] == "kick"
    os.remove(tmp_path / paths[1])
    before = {path: (tmp_path / path).stat().st_mtime_ns for path in paths if path != paths[1]}
    calls: list[tuple[str, int, int]] = []
    assert (
        generate_sounds(model, tmp_path, counts, seed=3, steps=2, progress=lambda *done: calls.append(done))
        == paths
    )
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in before} == before
    assert (tmp_path / paths[1]).is_file()
    assert calls == [("generating sounds", done, 3) for done in (1, 2, 3)]


def test_without_labels_no_folder_looks_like_one(tmp_path) -> None:
    generate_sounds(debug_model(), tmp_path, {None: 2}, seed=3, steps=2)
    assert [entry.label for entry in read_folder(tmp_path).entries] == [None, None]


def test_other_settings_make_other_sounds(tmp_path) -> None:
    model = debug_model()
    [path] = generate_sounds(model, tmp_path, {"kick": 1}, seed=3, steps=2)
    before = Sound.read(tmp_path / path)
    generate_sounds(model, tmp_path, {"kick": 1}, seed=3, steps=3)
    assert Sound.read(tmp_path / path).sha256 != before.sha256
