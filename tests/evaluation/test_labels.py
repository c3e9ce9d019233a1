from __future__ import annotations

from dataclasses import replace

import pytest

from wavesmith.classifiers import Classifier, ClassifierConfig
from wavesmith.errors import RequestError
from wavesmith.evaluation.embedding_library import build
from wavesmith.evaluation.labels import fresh_judge, judge_labels


@pytest.fixture
def real(kit, bands, tmp_path):
    return build(kit("real", 12), tmp_path / "real-out", bands, seconds=0.25)


@pytest.fixture
def made(kit, bands, tmp_path):
    return build(kit("made", 10, seed=1), tmp_path / "made-out", bands, seconds=0.25)


def test_right_labels_are_heard_and_wrong_ones_too(real, made, tmp_path) -> None:
    judge, count = fresh_judge(real, tmp_path / "judges", steps=25)
    assert count == 24
    honest = judge_labels(judge, made, real, name="ours", trained_on=count)
    assert honest.classes == ("kick", "snare")
    assert honest.generated.overall.value > 0.9
    assert honest.real
    assert honest.real.overall.value > 0.9
    swapped = replace(made, files=tuple(_swap(file) for file in made.files))
    wrong = judge_labels(judge, swapped, None, name="ours")
    assert wrong.generated.overall.value < 0.1
    assert wrong.generated.confusion[0][1] >= 9
    assert wrong.generated.labels["kick"].value < 0.2
    assert wrong.real is None


def test_a_judge_is_trained_once_for_the_same_sounds(real, tmp_path) -> None:
    calls: list[str] = []
    for _ in range(2):
        fresh_judge(real, tmp_path / "judges", steps=3, progress=lambda stage, *_: calls.append(stage))
    assert calls == ["training a judge"] * 3
    fresh_judge(
        real.select(range(20)), tmp_path / "judges", steps=3, progress=lambda *_: calls.append("again")
    )
    assert calls[3:] == ["again"] * 3


def test_a_judge_that_steers_is_refused(made) -> None:
    steering = Classifier(ClassifierConfig(classes=("kick", "snare"), rate=8000, noisy=True)).eval()
    with pytest.raises(RequestError, match="what steers must not judge"):
        judge_labels(steering, made, None, name="steering")


def test_a_judge_of_other_labels_is_refused(made) -> None:
    stranger = Classifier(ClassifierConfig(classes=("dog", "cat"), rate=8000)).eval()
    with pytest.raises(RequestError, match="its labels are: dog, cat"):
        judge_labels(stranger, made, None, name="stranger")


def test_one_label_or_few_sounds_train_no_judge(real, tmp_path) -> None:
    for few in (range(12), [*range(12), 12, 13, 14]):
        with pytest.raises(RequestError, match="at least two labels with 8 real sounds each"):
            fresh_judge(real.select(few), tmp_path / "judges")


def _swap(file):
    return file._replace(label="snare" if file.label == "kick" else "kick")
