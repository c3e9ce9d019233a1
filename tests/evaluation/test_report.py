from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wavesmith.errors import RequestError
from wavesmith.evaluation.report import Evaluation, evaluate, waves_of
from wavesmith.judges import Judge, train_judge
from wavesmith.sound import Sound

RATE, FRAMES = 8000, 4096
CLASSES = ("hiss", "thump")
Sounds = dict[str, list[Sound]]


def decaying(samples: NDArray[np.floating], rate: int) -> Sound:
    time = np.arange(samples.size) / rate
    return Sound((0.4 * np.exp(-15 * time) * samples)[None].astype(np.float32), rate)


def kit(count: int, seed: int, rate: int = RATE) -> Sounds:
    """Sounds of two labels that vary in colour, pitch and rhythm."""
    generator = np.random.default_rng(seed)
    frames = FRAMES * rate // RATE
    time = np.arange(frames) / rate

    def rhythm() -> NDArray[np.floating]:
        return 0.5 + 0.5 * np.sin(2 * np.pi * generator.uniform(2, 30) * time + generator.uniform(0, 6)) ** 2

    def hiss() -> Sound:
        return decaying(rhythm() * generator.standard_normal(frames) / 4, rate)

    def thump() -> Sound:
        return decaying(rhythm() * np.cos(2 * np.pi * generator.uniform(50, 300) * time), rate)

    return {"hiss": [hiss() for _ in range(count)], "thump": [thump() for _ in range(count)]}


@pytest.fixture(scope="module")
def training() -> Sounds:
    return kit(16, seed=0)


@pytest.fixture(scope="module")
def judge(training: Sounds) -> Judge:
    waves = torch.cat([waves_of(training[label], RATE, FRAMES) for label in CLASSES])
    labels = torch.arange(2).repeat_interleave(16)
    return train_judge(waves, labels, CLASSES, rate=RATE, steps=25, batch=16)[0]


def test_a_good_generator_gets_a_good_report(judge: Judge, training: Sounds) -> None:
    report = evaluate(kit(12, seed=1), training, judge)
    assert report.overall.accuracy > 0.9
    assert report.confusion[0][0] + report.confusion[1][1] == round(24 * report.overall.accuracy)
    assert report.hygiene.faultless > 0.9
    assert report.novelty.ratio == pytest.approx(1, abs=0.35)
    assert set(report.labels) == set(CLASSES)
    assert Evaluation.model_validate_json(report.model_dump_json()) == report


def test_swapped_labels_are_noticed(judge: Judge, training: Sounds) -> None:
    honest = kit(12, seed=1)
    swapped = {"hiss": honest["thump"], "thump": honest["hiss"]}
    good, bad = evaluate(honest, training, judge), evaluate(swapped, training, judge)
    assert bad.overall.accuracy < 0.1
    assert bad.confusion[0][1] > 10
    for label in CLASSES:
        assert bad.labels[label].accuracy < 0.2
        assert bad.labels[label].frechet > 2 * good.labels[label].frechet
        assert bad.labels[label].kernel > good.labels[label].kernel + 0.2


def test_copies_of_training_sounds_are_noticed(judge: Judge, training: Sounds) -> None:
    copies = {label: [sound.gain(-6) for sound in training[label][:8]] for label in CLASSES}
    report = evaluate(copies, training, judge)
    assert report.novelty.ratio < 0.1
    assert report.novelty.among > 1


def test_one_sound_again_and_again_is_noticed(judge: Judge, training: Sounds) -> None:
    fresh = kit(1, seed=1)
    report = evaluate({label: [fresh[label][0]] * 8 for label in CLASSES}, training, judge)
    assert report.novelty.among < 0.1
    assert report.novelty.to_training > 1


def test_held_out_sounds_set_the_scale_of_novelty(judge: Judge, training: Sounds) -> None:
    strange = [Sound(-sound.samples[:, ::-1], RATE) for sound in kit(4, seed=2)["thump"]]
    usual = evaluate(kit(8, seed=1), training, judge)
    measured = evaluate(kit(8, seed=1), training, judge, held_out=strange)
    assert measured.novelty.real_to_training > usual.novelty.real_to_training
    assert measured.novelty.ratio < usual.novelty.ratio


def test_other_rates_and_channels_are_converted(judge: Judge, training: Sounds) -> None:
    fine = {label: [sound.stereo() for sound in part] for label, part in kit(8, seed=1, rate=16000).items()}
    report = evaluate({"thump": fine["thump"]}, training, judge)
    assert report.overall.accuracy > 0.8
    assert report.overall == report.labels["thump"]


def test_labels_that_cannot_be_judged_are_named(judge: Judge, training: Sounds) -> None:
    with pytest.raises(RequestError, match="did you mean 'thump'"):
        evaluate({"thmp": training["thump"]}, training, judge)
    with pytest.raises(RequestError, match="labelled 'hiss'"):
        evaluate(training, {"thump": training["thump"]}, judge)
    with pytest.raises(RequestError, match="labelled 'hiss'"):
        evaluate({"hiss": [], "thump": training["thump"]}, training, judge)
    with pytest.raises(RequestError, match="no sound"):
        evaluate({}, training, judge)
