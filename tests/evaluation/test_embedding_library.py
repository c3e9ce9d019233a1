from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch

from wavesmith.errors import DataError
from wavesmith.evaluation.embedding_library import build_library
from wavesmith.evaluation.faults import check_sound
from wavesmith.evaluation.file_measures import wave_of
from wavesmith.evaluation.spectra import profile
from wavesmith.sound import Sound


def test_every_sound_has_label_source_vector_and_measures(kit, bands, tmp_path) -> None:
    library = build_library(kit("real", 5), tmp_path / "out", bands, seconds=0.25)
    assert len(library) == 10
    assert [file.label for file in library.files] == ["kick"] * 5 + ["snare"] * 5
    assert library.files[1].group == "kick/kit0"
    assert library.vectors.shape == (10, 16)
    sound = library.sound(7)
    wave = torch.from_numpy(wave_of(sound, bands.rate, 0.25).copy())
    assert np.allclose(library.vectors[7], bands(wave[None, None])[0], atol=1e-6)
    assert library.check(7).model_dump() == pytest.approx(check_sound(sound).model_dump(), rel=1e-5)
    assert np.allclose(library.profiles[7], profile(sound, 0.25), equal_nan=True)


def test_only_changed_files_are_read_again(kit, bands, tmp_path) -> None:
    folder = kit("real", 5)
    first = build_library(folder, tmp_path / "out", bands, seconds=0.25)
    path = folder / first.files[3].path
    calls = bands.calls
    assert np.array_equal(build_library(folder, tmp_path / "out", bands, seconds=0.25).vectors, first.vectors)
    assert bands.calls == calls + 1  # the fixed noise alone
    Sound.read(path).gain(-6).fade(out_seconds=0.2).write(path)
    (folder / first.files[0].path).unlink()
    again = build_library(folder, tmp_path / "out", bands, seconds=0.25)
    assert bands.calls == calls + 3
    assert [file.path for file in again.files] == [file.path for file in first.files[1:]]
    assert not np.allclose(again.vectors[2], first.vectors[3])
    assert np.array_equal(again.vectors[3:], first.vectors[4:])


@pytest.mark.parametrize("name", ["files.jsonl", "embeddings.f32", "measures.f32"])
def test_an_interruption_loses_no_more_than_the_last_sounds(kit, bands, tmp_path, name) -> None:
    folder, out = kit("real", 5), tmp_path / "out"
    first = build_library(folder, out, bands, seconds=0.25)
    vectors = np.array(first.vectors)
    os.truncate(out / name, (out / name).stat().st_size - 30)
    calls = bands.calls
    again = build_library(folder, out, bands, seconds=0.25)
    assert 1 <= bands.calls - calls - 1 <= 2
    assert np.array_equal(again.vectors, vectors)
    assert np.array_equal(again.profiles, first.profiles, equal_nan=True)


def test_another_length_starts_anew(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    build_library(folder, tmp_path / "out", bands, seconds=0.25)
    calls = bands.calls
    shorter = build_library(folder, tmp_path / "out", bands, seconds=0.1)
    assert bands.calls == calls + 7
    assert shorter.seconds == 0.1


def test_a_damaged_file_is_left_out_and_named(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    (folder / "kick/kit0/000.wav").write_bytes(b"RIFF no more")
    library = build_library(folder, tmp_path / "out", bands, seconds=0.25)
    assert len(library) == 5
    [(path, why)] = library.left_out
    assert path == "kick/kit0/000.wav"
    assert "cannot be read" in why or "cut short" in why
    assert build_library(folder, tmp_path / "out", bands, seconds=0.25).left_out == library.left_out


def test_training_leaves_out_silence_and_copies_but_generated_ones_count(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    Sound(np.zeros((1, 2000)), 8000).write(folder / "kick/silent.wav")
    Sound.read(folder / "kick/kit0/000.wav").write(folder / "snare/copy.wav")
    everything = build_library(folder, tmp_path / "out", bands, seconds=0.25)
    training = build_library(folder, tmp_path / "out", bands, seconds=0.25, as_training=True)
    assert len(everything) == 8
    assert len(training) == 6
    assert dict(training.left_out)["snare/copy.wav"] == "is the same sound as kick/kit0/000.wav"
    assert "silent" in dict(training.left_out)["kick/silent.wav"]
    assert training.vectors.shape == (6, 16)


def test_a_selection_is_a_library(kit, bands, tmp_path) -> None:
    library = build_library(kit("real", 4), tmp_path / "out", bands, seconds=0.25)
    some = library.select([6, 1])
    assert np.array_equal(some.vectors, library.vectors[[6, 1]])
    assert some.nearest(library.vectors[[1]]).indices.tolist() == [[1]]
    waves = list(some.waves(4000))
    assert [wave.shape for wave in waves] == [(1000,), (1000,)]
    assert np.abs(waves[0]).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)


def test_labels_of_the_manifest_count(kit, bands, tmp_path) -> None:
    folder = kit("real", 3)
    line = {"path": "kick/kit0/000.wav", "label": "tom", "licence_basis": "granted"}
    (folder / "manifest.jsonl").write_text(json.dumps(line))
    library = build_library(folder, tmp_path / "out", bands, seconds=0.25)
    assert (library.files[0].label, library.files[0].basis) == ("tom", "granted")


def test_a_missing_folder_is_refused(bands, tmp_path) -> None:
    with pytest.raises(DataError, match="no folder"):
        build_library(tmp_path / "nowhere", tmp_path / "out", bands, seconds=1)
