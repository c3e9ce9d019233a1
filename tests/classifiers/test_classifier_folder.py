from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from wavesmith.classifiers import Classifier, predict, train_folder
from wavesmith.errors import DataError, RequestError
from wavesmith.sound import Sound

RATE = 8000


def sound(label: str, number: int, rate: int = RATE, seconds: float = 0.3) -> Sound:
    """A low tone or noise, both of which die away."""
    generator = np.random.default_rng([number, label == "hiss"])
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (90 + 5 * number) * time)
    wave = generator.standard_normal(len(time)) if label == "hiss" else tone
    return Sound(0.3 * (wave * np.exp(-12 * time))[None], rate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds")
    for label in ("hiss", "thump"):
        for k in range(12):
            sound(label, k).write(path / label / f"{'abcdefghijkl'[k]}.wav")
    return path


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("classifiers") / "mine"
    train_folder(folder, out, examples=960, batch=16, seed=1)
    return out


def test_it_classifies_new_sounds(trained: Path) -> None:
    classifier = Classifier.load(trained)
    assert classifier.classes == ("hiss", "thump")
    assert classifier.config.rate == RATE
    new = [sound(label, 50 + k) for label in classifier.classes for k in range(10)]
    found = predict(classifier, torch.stack([one.tensor() for one in new]))
    assert (found == torch.arange(2).repeat_interleave(10)).double().mean() > 0.9


def test_it_classifies_under_noise(trained: Path) -> None:
    classifier = Classifier.load(trained)
    waves = torch.stack([sound(label, 70 + k).tensor() for label in classifier.classes for k in range(10)])
    noise = torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
    noise *= 0.2 * waves.abs().amax((1, 2), keepdim=True)
    with torch.no_grad():
        found = classifier(waves + noise, torch.full((20,), 0.2)).argmax(1)
    assert (found == torch.arange(2).repeat_interleave(10)).double().mean() > 0.8


def test_the_report_has_the_accuracy_on_held_out_sounds(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text())
    assert report["steps"] == 60
    assert report["trained_on"] + report["held_out"] == 24
    assert report["held_out"] >= 2
    assert report["held_out_accuracy"] > 0.7
    assert {path.name for path in trained.iterdir()} == {"model.safetensors", "config.json", "report.json"}


def test_the_same_seed_gives_the_same_classifier(folder: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train_folder(folder, tmp_path / name, examples=8, batch=4, seed=seed)
    first, second, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b", "c"))
    assert first == second != other


def test_progress_reaches_the_end(folder: Path, tmp_path: Path) -> None:
    read: list[tuple[int, int]] = []
    trained: list[tuple[int, int]] = []
    train_folder(
        folder,
        tmp_path / "classifier",
        examples=10,
        batch=4,
        scanning=lambda *count: read.append(count),
        progress=lambda done, total, loss: trained.append((done, total)),
    )
    assert read[-1] == (24, 24)
    assert trained == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"examples": 0}, "example"),
        ({"batch": 1}, "batches"),
        ({"rate": 10}, "rate"),
        ({"seconds": 0.0}, "seconds"),
        ({"held_out": 0.9}, "held|0.9"),
    ],
)
def test_numbers_out_of_range_are_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, options: dict[str, float], word: str
) -> None:
    with pytest.raises(RequestError, match=word):
        train_folder(folder, tmp_path / "classifier", **options)
    assert not (tmp_path / "classifier").exists()


def test_one_label_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two labels"):
        train_folder(folder / "hiss", tmp_path / "classifier")
    assert not (tmp_path / "classifier").exists()


def test_existing_files_are_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, word in (("notes", "not empty"), ("file", "is a file")):
        with pytest.raises(RequestError, match=word):
            train_folder(folder, tmp_path / name, examples=4, batch=4)
    assert (tmp_path / "notes/mine.txt").read_text() == (tmp_path / "file").read_text() == "mine"
