from __future__ import annotations

import contextlib
import inspect
from pathlib import Path

import pytest
import torch

from wavesmith import Sound
from wavesmith.classifiers import train_classifier
from wavesmith.cli.console import stages
from wavesmith.cli.evaluate import evaluate as evaluate_command
from wavesmith.evaluation import Report, evaluate


@pytest.fixture
def real(tmp_path, drums) -> Path:
    """Twenty-four sounds of two labels, and a classifier of them."""
    for label in ("kick", "snare"):
        for k in range(8):
            Sound.read(drums / label / f"{'abcd'[k % 4]}.wav").gain(-k).write(
                drums / label / f"kit{k % 3}/{k}.wav"
            )
    files = sorted(drums.rglob("*.wav"))
    waves = torch.stack([Sound.read(path).tensor() for path in files])
    labels = torch.tensor([int("snare" in path.parts) for path in files])
    train_classifier(waves, labels, ("kick", "snare"), rate=8000, steps=4, batch=8)[0].save(
        tmp_path / "classifier"
    )
    return drums


QUICK = (
    "--embedding",
    "statistics",
    "--classifier",
    "classifier",
    "--no-memorisation",
    "-n",
    20,
    "--steps",
    2,
)


def test_a_report_and_a_summary(wavesmith, real):
    result = wavesmith(
        "evaluate", "debug", "--reference", real, *QUICK, "--html", "page.html", "--json", "n.json"
    )
    assert result.code == 0
    words = " ".join(result.out.split())
    assert "20 sounds" in words
    assert "kernel audio distance" in words
    assert "label accuracy, kick" in words
    assert "The report is in page.html, its numbers in n.json." in words
    assert "168 sounds on either side" in result.err
    report = Report.read("n.json")
    assert report.model.settings == {"steps": 2}
    assert "<h1>Evaluation of debug</h1>" in Path("page.html").read_text()


def test_two_columns_for_two_models(wavesmith, real):
    result = wavesmith("evaluate", real, "--reference", real, "--against", real, *QUICK)
    assert result.refuses("leave out steps")
    result = wavesmith("evaluate", real, "--reference", real, "--against", "debug", *QUICK)
    assert result.code == 0
    assert result.err.count("were split by source") == 1
    assert "drums" in result.out
    assert "debug" in result.out
    assert Report.read("evaluation/report.json").against


def test_mistakes_are_one_sentence(wavesmith, real):
    assert wavesmith("evaluate", "debug", "--reference", "nowhere", *QUICK).refuses("no folder nowhere")
    assert wavesmith("evaluate", "dubeg", "--reference", real, *QUICK).refuses("did you mean 'debug'")
    assert wavesmith("evaluate", "debug").refuses("reference")
    assert wavesmith("evaluate", "debug", "--reference", real, "--embedding", "mel_cn").refuses(
        "did you mean 'mel_cnn'"
    )
    assert wavesmith("evaluate", "debug", "--reference", real, "-n", 3).refuses("at least 20 sounds, not 3")


def test_ctrl_c_keeps_what_is_done(interrupted, real, tmp_path):
    sounds = tmp_path / "evaluation/sounds"
    result = interrupted(
        lambda: len(list(sounds.rglob("*.wav"))) > 2,
        "evaluate",
        "debug",
        "--reference",
        real,
        *QUICK[:-4],
        "-n",
        5000,
    )
    assert result.code == 130
    assert "in evaluation" in result.err
    assert list(sounds.rglob("*.wav"))


def test_the_command_has_the_names_and_defaults_of_the_function():
    command, function = (inspect.signature(one).parameters for one in (evaluate_command, evaluate))
    shared = command.keys() & function.keys()
    assert shared == function.keys() - {"progress", "generation"}
    assert [name for name in shared if str(command[name].default) != str(function[name].default)] == []


def test_each_stage_has_a_bar_of_its_own_even_when_it_comes_again(monkeypatch):
    opened, shown = [], []

    @contextlib.contextmanager
    def bar(title):
        opened.append(title)
        yield lambda done, total: shown.append((title, done, total))

    monkeypatch.setattr("wavesmith.cli.console.progress", bar)
    with stages() as update:
        for stage, done in (("reading", 1), ("reading", 2), ("making", 1), ("reading", 1)):
            update(stage, done, 2)
    assert opened == ["reading", "making", "reading"]
    assert shown == [("reading", 1, 2), ("reading", 2, 2), ("making", 1, 2), ("reading", 1, 2)]
