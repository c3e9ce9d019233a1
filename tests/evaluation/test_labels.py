from __future__ import annotations

from dataclasses import replace

import pytest

from wavesmith.classifiers import Classifier, ClassifierConfig
from wavesmith.errors import RequestError
from wavesmith.evaluation.embedding_library import build_library
from wavesmith.evaluation.labels import classifier_of, measure_labels


@pytest.fixture
def real(kit, bands, tmp_path):
    return build_library(kit("real", 12), tmp_path / "real-out", bands, seconds=0.25)


@pytest.fixture
def made(kit, bands, tmp_path):
    return build_library(kit("made", 10, seed=1), tmp_path / "made-out", bands, seconds=0.25)


def test_right_and_wrong_labels_are_recognised(real, made, tmp_path) -> None:
    classifier, count = classifier_of(real, tmp_path / "classifiers", steps=25)
    assert count == 24
    honest = measure_labels(classifier, made, real, name="ours", trained_on=count)
    assert honest.classes == ("kick", "snare")
    assert honest.generated.overall.value > 0.9
    assert honest.held_out
    assert honest.held_out.overall.value > 0.9
    swapped = replace(made, files=tuple(_swap(file) for file in made.files))
    wrong = measure_labels(classifier, swapped, None, name="ours")
    assert wrong.generated.overall.value < 0.1
    assert wrong.generated.confusion[0][1] >= 9
    assert wrong.generated.labels["kick"].value < 0.2
    assert wrong.held_out is None


def test_a_classifier_is_trained_once_for_the_same_sounds(real, tmp_path) -> None:
    calls: list[str] = []
    for _ in range(2):
        classifier_of(real, tmp_path / "classifiers", steps=3, progress=lambda stage, *_: calls.append(stage))
    assert calls == ["training a classifier"] * 3
    classifier_of(
        real.select(range(20)), tmp_path / "classifiers", steps=3, progress=lambda *_: calls.append("again")
    )
    assert calls[3:] == ["again"] * 3


def test_a_classifier_for_guidance_is_refused(made) -> None:
    guide = Classifier(ClassifierConfig(classes=("kick", "snare"), rate=8000, noisy=True)).eval()
    with pytest.raises(RequestError, match="guide"):
        measure_labels(guide, made, None, name="guide")


def test_a_classifier_of_other_labels_is_refused(made) -> None:
    other = Classifier(ClassifierConfig(classes=("dog", "cat"), rate=8000)).eval()
    with pytest.raises(RequestError, match="dog, cat"):
        measure_labels(other, made, None, name="other")


def test_one_label_or_few_sounds_are_refused(real, tmp_path) -> None:
    for few in (range(12), [*range(12), 12, 13, 14]):
        with pytest.raises(RequestError, match="two labels"):
            classifier_of(real.select(few), tmp_path / "classifiers")


def _swap(file):
    return file._replace(label="snare" if file.label == "kick" else "kick")
