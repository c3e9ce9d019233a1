from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from wavesmith.classifiers import (
    Classifier,
    ClassifierConfig,
    confusion,
    perturb,
    predict,
    train_classifier,
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
def classifier() -> Classifier:
    waves, labels = sounds(48, seed=0)
    return train_classifier(waves, labels, CLASSES, rate=RATE, steps=40, batch=24, seed=1)[0]


def test_it_classifies_new_sounds(classifier: Classifier) -> None:
    waves, labels = sounds(60, seed=5)
    assert (predict(classifier, waves) == labels).double().mean() > 0.9


def test_length_channels_and_gain_do_not_matter(classifier: Classifier) -> None:
    waves, labels = sounds(12, seed=6)
    stereo = waves.expand(-1, 2, -1)
    for changed in (0.05 * stereo, waves[..., : FRAMES * 3 // 4], torch.nn.functional.pad(waves, (0, 2000))):
        assert (predict(classifier, changed) == labels).double().mean() > 0.8
    assert classifier(waves[..., :10]).shape == (12, 3)


def test_held_out_sounds_are_tested_and_not_trained_on() -> None:
    waves, labels = sounds(36, seed=0)
    held_out = torch.arange(36) >= 24
    wrong = torch.where(held_out, (labels + 1) % 3, labels)
    classifier, report = train_classifier(
        waves, wrong, CLASSES, rate=RATE, held_out=held_out, steps=40, batch=24, seed=1
    )
    assert (report.trained_on, report.held_out) == (24, 12)
    assert report.accuracy > 0.9
    assert report.held_out_accuracy is not None
    assert report.held_out_accuracy < 0.2
    assert report.confusion == confusion(wrong[24:], predict(classifier, waves[24:]), 3).tolist()


def test_same_seed_same_classifier_and_the_global_generator_is_left_alone() -> None:
    waves, labels = sounds(12, seed=0)
    before = torch.get_rng_state()
    first, second, other = (
        train_classifier(waves, labels, CLASSES, rate=RATE, steps=2, batch=8, seed=seed)[0]
        for seed in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(waves), second(waves))
    assert not torch.equal(first(waves), other(waves))


def test_progress_counts_the_steps() -> None:
    waves, labels = sounds(12, seed=0)
    calls: list[tuple[int, int, float]] = []
    train_classifier(
        waves, labels, CLASSES, rate=RATE, steps=3, batch=8, progress=lambda *call: calls.append(call)
    )
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert all(loss > 0 for *_, loss in calls)


def test_a_class_without_sounds_is_an_error_that_names_it() -> None:
    waves, _ = sounds(6, seed=0)
    with pytest.raises(DataError, match="thump, ring"):
        train_classifier(waves, torch.zeros(6, dtype=torch.long), CLASSES, rate=RATE, steps=1)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, -1], [0, 1, 3]])
def test_sounds_without_a_label_are_refused(labels: list[int]) -> None:
    waves, _ = sounds(3, seed=0)
    with pytest.raises(DataError, match="label"):
        train_classifier(waves, torch.tensor(labels), CLASSES, rate=RATE, steps=1)


def test_a_loaded_classifier_gives_the_same_logits(classifier: Classifier, tmp_path: Path) -> None:
    waves, _ = sounds(6, seed=0)
    classifier.save(tmp_path / "classifier")
    loaded = Classifier.load(tmp_path / "classifier")
    assert loaded.classes == CLASSES
    assert torch.equal(loaded(waves), classifier(waves))


def test_a_folder_without_a_classifier_is_an_error_that_names_it(
    classifier: Classifier, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="nothing_here"):
        Classifier.load(tmp_path / "nothing_here")
    classifier.save(tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="broken"):
        Classifier.load(tmp_path / "broken")


def test_gradients_reach_the_wave() -> None:
    classifier = Classifier(ClassifierConfig(classes=CLASSES, rate=RATE)).eval()
    waves = sounds(3, seed=0)[0].requires_grad_()
    classifier(waves)[:, 0].sum().backward()
    assert waves.grad is not None
    assert torch.isfinite(waves.grad).all()
    assert (waves.grad.abs().amax(dim=(1, 2)) > 0).all()


def test_perturbed_sounds_differ_within_bounds() -> None:
    waves, _ = sounds(8, seed=0)
    changed = perturb(waves, torch.Generator().manual_seed(0))
    assert changed.shape[:2] == waves.shape[:2]
    assert 0.6 * FRAMES <= changed.shape[2] <= FRAMES
    ratio = changed.abs().amax(dim=2) / waves.abs().amax(dim=2)
    assert ((ratio > 0.2) & (ratio < 4)).all()
    assert len(set(ratio.flatten().tolist())) == 8


def test_confusion_counts_rows_by_truth() -> None:
    table = confusion(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_a_folder_of_version_0_1_loads(tmp_path: Path) -> None:
    """Names of tensors and fields of the configuration are what 0.1 wrote."""
    config = {"classes": ["a", "b"], "rate": 8000, "bands": 64, "window": 1024, "hop": 512}
    config |= {"widths": [4, 4], "noisy": True}
    shapes = {"head.weight": (2, 8), "head.bias": (2,)}
    for k, inputs in enumerate((2, 4)):
        shapes[f"body.{k}.0.weight"] = (4, inputs, 3, 3)
        shapes |= {f"body.{k}.1.{name}": (4,) for name in ("weight", "bias", "running_mean", "running_var")}
    tensors = {name: torch.ones(shape) for name, shape in shapes.items()}
    tensors |= {f"body.{k}.1.num_batches_tracked": torch.tensor(3) for k in range(2)}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Classifier.load(tmp_path).classes == ("a", "b")
