from itertools import islice

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from wavesmith.data import Entry, SoundDataset, WeightedOrder, scan
from wavesmith.errors import AudioError, DataError

RATE, LENGTH = 8000, 1600


@pytest.fixture
def folder(tmp_path):
    """Two kicks (one long, one short and quiet), a stereo snare at twice the rate, and one without label."""
    write(tmp_path / "kick/long.wav", 3200, 0.9)
    write(tmp_path / "kick/short.wav", 400, 0.01)
    write(tmp_path / "snare/a.wav", 1600, 0.5, rate=2 * RATE, channels=2)
    write(tmp_path / "b.wav", 800, 0.5)
    return tmp_path


def write(path, frames, level, rate=RATE, channels=1):
    path.parent.mkdir(exist_ok=True)
    time = np.arange(frames) / rate
    tone = level * np.cos(2 * np.pi * 440 * time)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate)


def dataset(folder, **options):
    return SoundDataset(folder, scan(folder).files, rate=RATE, channels=2, length=LENGTH, **options)


def test_every_sound_has_the_models_shape_and_the_same_peak(folder):
    data = dataset(folder)
    assert len(data) == 4
    for index in range(4):
        wave, _, number = data[index]
        assert wave.shape == (2, LENGTH)
        assert wave.dtype == torch.float32
        assert wave.abs().max().item() == pytest.approx(10 ** (-1 / 20), abs=1e-4)
        assert number == index


def test_labels_are_sorted_and_a_sound_without_one_has_index_minus_one(folder):
    data = dataset(folder)
    assert data.labels == ["kick", "snare"]
    assert data.label_indices.tolist() == [-1, 0, 0, 1]
    assert [data[i].label for i in range(4)] == [-1, 0, 0, 1]
    assert data.weights.tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 3])


def test_long_sounds_fade_where_they_are_cut_and_short_ones_end_in_silence(folder):
    _, long, short, snare = (item.wave for item in dataset(folder))
    assert long[:, -1].abs().max() == 0
    assert long[:, -320:-160].abs().max() > 0.8
    assert long[:, -20:].abs().max() < 0.1
    assert short[:, :400].abs().max() > 0.8
    assert short[:, 400:].abs().max() == 0
    assert snare[:, 800:].abs().max() == 0  # 1600 frames at twice the rate


def test_sounds_are_the_same_from_memory_and_from_disk(folder):
    for kept, read in zip(dataset(folder), dataset(folder, memory=1000), strict=True):
        assert torch.equal(kept.wave, read.wave)
        assert kept.label == read.label


def test_a_set_that_fits_is_read_once(folder):
    kept, lazy = dataset(folder), dataset(folder, memory=0)
    (folder / "b.wav").unlink()
    assert kept[0].wave.abs().max() > 0
    with pytest.raises(AudioError, match="no sound file"):
        lazy[0]


def test_labels_of_another_set_keep_their_indices(folder):
    assert dataset(folder, labels=["clap", "snare", "kick"]).label_indices.tolist() == [-1, 2, 2, 1]
    with pytest.raises(DataError, match="'snare'"):
        dataset(folder, labels=["kick"])


def test_unlabelled_sounds_have_no_labels(tmp_path):
    write(tmp_path / "a.wav", 800, 0.5)
    data = dataset(tmp_path)
    assert data.labels == []
    assert data[0].label == -1


def test_no_usable_sound_is_refused(tmp_path):
    with pytest.raises(DataError, match="no usable sound"):
        SoundDataset(tmp_path, [], rate=RATE, channels=2, length=LENGTH)


def test_silence_before_the_cut_is_not_blown_up(tmp_path):
    late = np.zeros(3200)
    late[1000:1600], late[2000] = 1e-5, 0.9
    soundfile.write(tmp_path / "late.wav", late, RATE, subtype="FLOAT")
    wave = SoundDataset(tmp_path, [Entry(path="late.wav")], rate=RATE, channels=1, length=LENGTH)[0].wave
    assert 0 < wave.abs().max() < 0.01


def test_a_loader_makes_batches_in_the_weighted_order(folder):
    data = dataset(folder)
    order = WeightedOrder(data.weights, seed=2)
    first = next(islice(DataLoader(data, batch_size=3, sampler=order), 1))
    assert first.wave.shape == (3, 2, LENGTH)
    assert first.number.tolist() == [order[0], order[1], order[2]]
    assert first.label.tolist() == [data[order[p]].label for p in range(3)]
