from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from wavesmith.classifiers import (
    Classifier,
    ClassifierConfig,
    confusion,
    disturb,
    features_of,
    predict,
    train_judge,
)
from wavesmith.errors import DataError, ModelError

RATE, FRAMES = 8000, 4096
CLASSES = ("hiss", "thump", "ring")


def sounds(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Decaying noise, decaying low tones and steady high tones, all of them a little different."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    time = torch.arange(FRAMES) / RATE
    vary = 0.8 + 0.4 * torch.rand(count, 1, generator=generator)
    decay = torch.exp(-12 * vary * time)
    hiss = decay * torch.randn(count, FRAMES, generator=generator)
    thump = decay * torch.sin(2 * math.pi * 80 * vary * time)
    ring = torch.sin(2 * math.pi * 2500 * vary * time)
    waves = torch.stack([hiss, thump, ring])[labels, torch.arange(count)]
    return 0.5 * waves[:, None], labels


@pytest.fixture(scope="module")
def judge() -> Classifier:
    waves, labels = sounds(48, seed=0)
    return train_judge(waves, labels, CLASSES, rate=RATE, steps=40, batch=24, seed=1)[0]


def test_it_learns_sounds_that_it_has_not_seen(judge: Classifier) -> None:
    waves, labels = sounds(60, seed=5)
    assert (predict(judge, waves) == labels).double().mean() > 0.9


def test_it_takes_any_length_channels_and_gain(judge: Classifier) -> None:
    waves, labels = sounds(12, seed=6)
    stereo = waves.expand(-1, 2, -1)
    for changed in (0.05 * stereo, waves[..., : FRAMES * 3 // 4], torch.nn.functional.pad(waves, (0, 2000))):
        assert (predict(judge, changed) == labels).double().mean() > 0.8
    assert judge(waves[..., :10]).shape == (12, 3)


def test_held_out_sounds_are_tested_and_not_trained_on() -> None:
    waves, labels = sounds(36, seed=0)
    held_out = torch.arange(36) >= 24
    wrong = torch.where(held_out, (labels + 1) % 3, labels)
    judge, report = train_judge(
        waves, wrong, CLASSES, rate=RATE, held_out=held_out, steps=40, batch=24, seed=1
    )
    assert (report.trained_on, report.held_out) == (24, 12)
    assert report.accuracy > 0.9
    assert report.held_out_accuracy is not None
    assert report.held_out_accuracy < 0.2
    assert report.confusion == confusion(wrong[24:], predict(judge, waves[24:]), 3).tolist()


def test_same_seed_same_judge_and_the_global_generator_is_left_alone() -> None:
    waves, labels = sounds(12, seed=0)
    before = torch.get_rng_state()
    first, second, other = (
        train_judge(waves, labels, CLASSES, rate=RATE, steps=2, batch=8, seed=seed)[0] for seed in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(waves), second(waves))
    assert not torch.equal(first(waves), other(waves))


def test_progress_counts_the_steps() -> None:
    waves, labels = sounds(12, seed=0)
    calls: list[tuple[int, int, float]] = []
    train_judge(
        waves, labels, CLASSES, rate=RATE, steps=3, batch=8, progress=lambda *call: calls.append(call)
    )
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert all(loss > 0 for *_, loss in calls)


def test_a_class_without_sounds_is_an_error_that_names_it() -> None:
    waves, _ = sounds(6, seed=0)
    with pytest.raises(DataError, match="thump, ring"):
        train_judge(waves, torch.zeros(6, dtype=torch.long), CLASSES, rate=RATE, steps=1)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, -1], [0, 1, 3]])
def test_sounds_without_a_label_are_refused(labels: list[int]) -> None:
    waves, _ = sounds(3, seed=0)
    with pytest.raises(DataError, match="one label"):
        train_judge(waves, torch.tensor(labels), CLASSES, rate=RATE, steps=1)


def test_saved_and_loaded_it_says_the_same(judge: Classifier, tmp_path: Path) -> None:
    waves, _ = sounds(6, seed=0)
    judge.save(tmp_path / "judge")
    loaded = Classifier.load(tmp_path / "judge")
    assert loaded.classes == CLASSES
    assert torch.equal(features_of(loaded, waves), features_of(judge, waves))


def test_a_folder_without_a_judge_is_an_error_that_names_it(judge: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing_here"):
        Classifier.load(tmp_path / "nothing_here")
    judge.save(tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="broken"):
        Classifier.load(tmp_path / "broken")


def test_it_can_steer_a_wave() -> None:
    judge = Classifier(ClassifierConfig(classes=CLASSES, rate=RATE)).eval()
    waves = sounds(3, seed=0)[0].requires_grad_()
    judge(waves)[:, 0].sum().backward()
    assert waves.grad is not None
    assert torch.isfinite(waves.grad).all()
    assert (waves.grad.abs().amax(dim=(1, 2)) > 0).all()


def test_disturbed_sounds_differ_but_stay_themselves() -> None:
    waves, _ = sounds(8, seed=0)
    changed = disturb(waves, torch.Generator().manual_seed(0))
    assert changed.shape[:2] == waves.shape[:2]
    assert 0.6 * FRAMES <= changed.shape[2] <= FRAMES
    ratio = changed.abs().amax(dim=2) / waves.abs().amax(dim=2)
    assert ((ratio > 0.2) & (ratio < 4)).all()
    assert len(set(ratio.flatten().tolist())) == 8


def test_confusion_counts_rows_by_truth() -> None:
    table = confusion(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
