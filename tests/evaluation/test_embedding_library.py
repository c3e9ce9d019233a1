from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch

from wavesmith.errors import DataError
from wavesmith.evaluation.embedding_library import build
from wavesmith.evaluation.faults import checkup
from wavesmith.evaluation.file_measures import wave_of
from wavesmith.evaluation.spectra import profile
from wavesmith.sound import Sound


def test_every_sound_is_there_with_its_label_source_vector_and_measurements(kit, bands, tmp_path) -> None:
    library = build(kit("real", 5), tmp_path / "out", bands, seconds=0.25)
    assert len(library) == 10
    assert [file.label for file in library.files] == ["kick"] * 5 + ["snare"] * 5
    assert library.files[1].group == "kick/kit0"
    assert library.vectors.shape == (10, 16)
    sound = library.sound(7)
    wave = torch.from_numpy(wave_of(sound, bands.rate, 0.25).copy())
    assert np.allclose(library.vectors[7], bands(wave[None, None])[0], atol=1e-6)
    assert library.checkup(7).model_dump() == pytest.approx(checkup(sound).model_dump(), rel=1e-5)
    assert np.allclose(library.profiles[7], profile(sound, 0.25), equal_nan=True)


def test_what_is_there_is_not_read_again_and_what_changed_is(kit, bands, tmp_path) -> None:
    folder = kit("real", 5)
    first = build(folder, tmp_path / "out", bands, seconds=0.25)
    path = folder / first.files[3].path
    heard = bands.heard
    assert np.array_equal(build(folder, tmp_path / "out", bands, seconds=0.25).vectors, first.vectors)
    assert bands.heard == heard + 1  # the probe alone
    Sound.read(path).gain(-6).fade(out_seconds=0.2).write(path)
    (folder / first.files[0].path).unlink()
    again = build(folder, tmp_path / "out", bands, seconds=0.25)
    assert bands.heard == heard + 3
    assert [file.path for file in again.files] == [file.path for file in first.files[1:]]
    assert not np.allclose(again.vectors[2], first.vectors[3])
    assert np.array_equal(again.vectors[3:], first.vectors[4:])


@pytest.mark.parametrize("harm", ["facts", "vectors", "measures"])
def test_an_interruption_loses_no_more_than_the_last_sounds(kit, bands, tmp_path, harm) -> None:
    folder, out = kit("real", 5), tmp_path / "out"
    first = build(folder, out, bands, seconds=0.25)
    vectors = np.array(first.vectors)
    name = {"facts": "facts.jsonl", "vectors": "embeddings.f32", "measures": "measures.f32"}[harm]
    os.truncate(out / name, (out / name).stat().st_size - 30)
    heard = bands.heard
    again = build(folder, out, bands, seconds=0.25)
    assert 1 <= bands.heard - heard - 1 <= 2
    assert np.array_equal(again.vectors, vectors)
    assert np.array_equal(again.profiles, first.profiles, equal_nan=True)


def test_another_embedding_or_length_starts_anew(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    build(folder, tmp_path / "out", bands, seconds=0.25)
    heard = bands.heard
    shorter = build(folder, tmp_path / "out", bands, seconds=0.1)
    assert bands.heard == heard + 7
    assert shorter.seconds == 0.1


def test_a_damaged_file_is_named_and_the_rest_is_there(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    (folder / "kick/kit0/000.wav").write_bytes(b"RIFF no more")
    library = build(folder, tmp_path / "out", bands, seconds=0.25)
    assert len(library) == 5
    [(path, why)] = library.left_out
    assert path == "kick/kit0/000.wav"
    assert "cannot be read" in why or "cut short" in why
    assert build(folder, tmp_path / "out", bands, seconds=0.25).left_out == library.left_out


def test_training_leaves_out_silence_and_copies_but_generated_ones_count(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    Sound(np.zeros((1, 2000)), 8000).write(folder / "kick/silent.wav")
    Sound.read(folder / "kick/kit0/000.wav").write(folder / "snare/twin.wav")
    everything = build(folder, tmp_path / "out", bands, seconds=0.25)
    training = build(folder, tmp_path / "out", bands, seconds=0.25, as_training=True)
    assert len(everything) == 8
    assert len(training) == 6
    assert dict(training.left_out)["snare/twin.wav"] == "is the same sound as kick/kit0/000.wav"
    assert "silent" in dict(training.left_out)["kick/silent.wav"]
    assert training.vectors.shape == (6, 16)


def test_a_selection_is_a_library(kit, bands, tmp_path) -> None:
    library = build(kit("real", 4), tmp_path / "out", bands, seconds=0.25)
    some = library.select([6, 1])
    assert np.array_equal(some.vectors, library.vectors[[6, 1]])
    assert some.nearest(library.vectors[[1]]).indices.tolist() == [[1]]
    waves = list(some.waves(4000))
    assert [wave.shape for wave in waves] == [(1000,), (1000,)]
    assert np.abs(waves[0]).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)


def test_the_manifest_says_the_labels(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    line = {"path": "kick/kit0/000.wav", "label": "tom", "licence_basis": "granted"}
    (folder / "manifest.jsonl").write_text(json.dumps(line))
    library = build(folder, tmp_path / "out", bands, seconds=0.25)
    assert (library.files[0].label, library.files[0].basis) == ("tom", "granted")


def test_no_sounds_no_library(bands, tmp_path) -> None:
    with pytest.raises(DataError, match="no folder"):
        build(tmp_path / "nowhere", tmp_path / "out", bands, seconds=1)
