from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from wavesmith.classifiers import train_classifier
from wavesmith.data import scan
from wavesmith.errors import DataError, ModelError, RequestError, WavesmithError
from wavesmith.evaluation import Report, card_table, evaluate
from wavesmith.evaluation.labels import classifier_of
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models import debug_model, provenance_of
from wavesmith.sound import Sound


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, sounds) -> Path:
    """A classifier of kicks and snares, quickly trained."""
    waves = [sounds(kind, seed).tensor() for kind in ("kick", "snare") for seed in range(500, 516)]
    labels = torch.arange(2).repeat_interleave(16)
    folder = tmp_path_factory.mktemp("classifier")
    train_classifier(torch.stack(waves), labels, ("kick", "snare"), rate=8000, steps=40, batch=16)[0].save(
        folder
    )
    return folder


@pytest.fixture
def run(kit, bands, classifier, tmp_path, monkeypatch):
    """Evaluate something beside 24 real sounds of each of two labels."""
    monkeypatch.chdir(tmp_path)
    kit("real", 24)

    def evaluated(model, **options) -> Report:
        return evaluate(
            model,
            "real",
            **{
                "embedding": bands,
                "classifier": classifier,
                "held_out": 0.25,
                "memorisation": False,
                **options,
            },
        )

    return evaluated


def test_a_model_is_measured_beside_real_sounds(run) -> None:
    stages: list[str] = []
    report = run(debug_model(), count=24, steps=2, progress=lambda stage, *_: stages.append(stage))
    assert (report.model.name, report.model.kind, report.model.sounds) == ("debug", "model", 24)
    assert report.model.labels == {"kick": 12, "snare": 12}
    assert report.model.settings == {"steps": 2}
    assert (report.reference.sounds, report.held_out) == (36, 12)
    assert report.distances.generated.kernel.low > 10  # coloured noise is no drum
    assert report.distances.held_out is None
    assert any("12 held-out" in note for note in report.notes)
    assert report.labels
    assert report.labels.held_out
    assert report.labels.generated.sounds == 24
    assert set(report.spectra.labels) == {"kick", "snare"}
    assert report.faults.generated.sounds == 24
    assert {
        "generating sounds",
        "reading real sounds",
        "reading generated sounds",
        "measuring distances",
    } <= set(stages)
    assert Report.read("evaluation/report.json") == report


def test_real_sounds_score_better_than_noise(run, kit) -> None:
    good = run(kit("good", 15, seed=1))
    noise = run(debug_model(), count=30, steps=2)
    assert good.model.kind == "sounds"
    assert good.distances.generated.kernel.value < 5 < noise.distances.generated.kernel.value
    assert good.distances.generated.coverage.value > noise.distances.generated.coverage.value
    assert good.spectra.overall.spectrum_db < noise.spectra.overall.spectrum_db
    assert good.labels
    assert good.labels.generated.overall.value > 0.9


def test_a_second_run_generates_nothing_and_gives_the_same_report(run) -> None:
    first = run(debug_model(), count=20, steps=2)
    sounds = {path: path.stat().st_mtime_ns for path in Path("evaluation/sounds").rglob("*.wav")}
    assert run(debug_model(), count=20, steps=2) == first
    assert {path: path.stat().st_mtime_ns for path in Path("evaluation/sounds").rglob("*.wav")} == sounds
    more = run(debug_model(), count=26, steps=2)
    assert more.model.sounds == 26
    assert all(path.stat().st_mtime_ns == time for path, time in sounds.items())
    assert run(debug_model(), count=20, steps=2) == first


def test_copies_of_real_sounds_are_memorised(run, kit, tmp_path) -> None:
    folder = kit("made", 10, seed=1)
    for path in sorted(Path("real/kick").rglob("*.wav"))[:6]:
        Sound.read(path).gain(-3).write(folder / "kick" / f"copy-{path.name}")
    report = run(folder, memorisation=True)
    assert report.memorisation
    assert report.memorisation.exact >= 4
    assert report.memorisation.verdict == "memorised"
    assert "memorised" in Path("evaluation/report.html").read_text()
    assert "memorised" in card_table(report)


def test_the_card_has_the_figures_and_the_command(run, kit) -> None:
    report = run(kit("good", 12, seed=1))
    card = card_table(report)
    value = report.distances.generated.kernel.value
    assert f"| kernel audio distance | {value:.3g} (" in card
    assert "| label accuracy, kick | " in card
    assert report.command in card
    widths = {line.count("|") for line in card.splitlines() if line.startswith("|")}
    assert widths == {4}


def test_two_models_side_by_side(run, kit) -> None:
    report = run(debug_model(), against=kit("good", 12, seed=1), count=20)
    assert report.against
    assert report.against.model.name.endswith("good")
    assert report.against.distances.generated.kernel.value < report.distances.generated.kernel.value
    page = Path("evaluation/report.html").read_text()
    assert "Evaluation of debug and good" in page
    assert Report.read("evaluation/report.json").against == report.against


def test_a_report_of_version_0_1_is_read(run, kit) -> None:
    """Fields that were renamed since are read by their former names."""
    report = run(kit("good", 12, seed=1), memorisation=True)
    values = json.loads(report.model_dump_json())
    values["hygiene"] = values.pop("faults")
    values["model"]["choices"] = values["model"].pop("settings")
    values["labels"]["judge"] = values["labels"].pop("classifier")
    values["memorisation"]["twins"] = values["memorisation"].pop("real_copies")
    values["memorisation"]["measures"] = values["memorisation"].pop("tests")
    for test in values["memorisation"]["measures"]:
        test["yardstick"] = test.pop("real_distances")
    Path("old.json").write_text(json.dumps(values))
    assert Report.read("old.json") == report


def test_two_sides_of_other_rates_share_a_page(run, kit) -> None:
    report = run(debug_model(), against=kit("high", 12, seed=1, rate=44_100), count=20, steps=2)
    assert report.against
    assert report.model.rates != report.against.model.rates
    assert "Evaluation of debug and high" in Path("evaluation/report.html").read_text()


def test_a_model_without_labels_is_compared_as_a_whole(run) -> None:
    model = debug_model()
    assert isinstance(model.family, DiffusionModel)
    nameless = DiffusionModel(model.family.config.model_copy(update={"labels": ()}))
    report = run(replace(model, family=nameless), count=20, steps=2)
    assert (report.model.labels, report.labels, report.spectra.labels) == ({}, None, {})


def test_opted_out_sounds_are_not_used(run) -> None:
    Path("real/opt-out.txt").write_text("path: kick/kit0\n")
    report = run(debug_model(), count=20, steps=2)
    assert report.reference.sounds + report.held_out == 48 - 6
    assert any("kick/kit0/000.wav (is opted out of training)" in note for note in report.notes)


def test_bad_requests_are_refused_before_sounds_are_generated(run, kit) -> None:
    stages: list[str] = []
    for wrong in ({"classifier": "nowhere"}, {"basis": "granted"}):
        with pytest.raises(WavesmithError):
            run(debug_model(), progress=lambda stage, *_: stages.append(stage), **wrong)
    with pytest.raises(RequestError, match="1 held-out"):
        evaluate(debug_model(), kit("little", 4), progress=lambda stage, *_: stages.append(stage))
    assert "generating sounds" not in stages


def test_the_page_has_everything_in_one_file(run) -> None:
    report = run(debug_model(), count=20, steps=2, html="here/page.html", json="here/numbers.json")
    page = Path("here/page.html").read_text(encoding="utf-8")
    assert page == Path("evaluation/report.html").read_text(encoding="utf-8")
    assert Report.read("here/numbers.json") == report
    loads = re.findall(r'(?:src|href|data-sound)="([^"]{0,12})', page) + re.findall(r"url\((.{5})", page)
    assert loads
    assert all(target.startswith("data:") for target in loads)
    assert "http" not in re.sub(r'"data:[^"]*"', "", page).replace("http://www.w3.org", "")
    for words in (
        "Distances",
        "Labels",
        "Spectrum",
        "Faults",
        "data:audio/flac",
        "<svg",
        report.command[:20],
    ):
        assert words in page
    assert "\N{INFINITY}" in page


def test_the_command_has_the_options(run) -> None:
    words = run(debug_model(), count=20, steps=2, seed=4, out="there").command.split()
    assert "--no-memorisation" in words
    assert words[:5] == ["wavesmith", "evaluate", "debug", "--reference", "real"]
    for option, value in {
        "--count": "20",
        "--seed": "4",
        "--steps": "2",
        "--held-out": "0.25",
        "--out": "there",
    }.items():
        assert words[words.index(option) + 1] == value


def test_ones_are_in_the_command_like_other_numbers(run) -> None:
    words = run(debug_model(), count=20, steps=1, seed=1, guidance=1.0).command.split()
    for option, value in {"--seed": "1", "--steps": "1", "--guidance": "1.0"}.items():
        assert words[words.index(option) + 1] == value


def test_conversions_are_noted(run, kit) -> None:
    report = run(kit("fine", 12, seed=1, rate=16_000, channels=2))
    [note] = [note for note in report.notes if "converted" in note]
    assert "16000 Hz and 2 channels" in note
    assert "8000 Hz and 1 channel;" in note
    assert report.distances.generated.kernel.value < 10


def test_a_corrupt_file_is_reported_and_the_rest_evaluated(run, kit) -> None:
    folder = kit("made", 12, seed=1)
    (folder / "kick/kit0/000.wav").write_bytes(b"RIFF")
    (Path("real") / "snare/kit1/001.wav").write_bytes(b"no sound")
    report = run(folder)
    assert report.model.sounds == 23
    assert any(
        note.startswith("Left out of the generated sounds: kick/kit0/000.wav (") for note in report.notes
    )
    assert any(
        note.startswith("Left out of the reference sounds: snare/kit1/001.wav (") for note in report.notes
    )


def test_training_sounds_are_known_from_the_models_attribution(run) -> None:
    files = scan("real").files
    model = replace(debug_model(), provenance=provenance_of(files[:30], files[30:]))
    report = run(model, count=20, steps=2)
    assert (report.reference.sounds, report.held_out) == (30, 18)
    assert "<h2>Training data</h2>" in Path("evaluation/report.html").read_text()
    assert any("attribution names 30" in note for note in report.notes)


def test_sounds_without_labels_are_measured_without_label_accuracy(run, kit, tmp_path) -> None:
    for number, path in enumerate(sorted(kit("made", 12, seed=1).rglob("*.wav"))):
        Sound.read(path).write(tmp_path / f"flat/{number}.wav")
    report = run(tmp_path / "flat")
    assert report.labels is None
    assert any("no labels" in note for note in report.notes)
    assert "Labels" not in re.findall("<h2>(.*?)</h2>", Path("evaluation/report.html").read_text())


def test_names_are_escaped_in_the_page(run, kit, monkeypatch) -> None:
    folder = kit("made", 12, seed=1)
    lines = [
        {"path": path.relative_to(folder).as_posix(), "label": "<script>alert(1)</script>"}
        for path in folder.rglob("*.wav")
    ]
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RequestError, match="none of the labels"):
        run(folder)
    monkeypatch.setattr("wavesmith.evaluation.run.classifier_of", partial(classifier_of, steps=2))
    run(folder, classifier=None)
    assert "<script>alert" not in Path("evaluation/report.html").read_text()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"count": 19}, RequestError, "19"),
        ({"basis": "granted"}, RequestError, "granted"),
        ({"embedding": "mel_cmn"}, RequestError, "did you mean 'mel_cnn'"),
        ({"classifier": "nowhere"}, ModelError, "nowhere"),
        ({"held_out": 0.7}, RequestError, r"0\.7|0\.5"),
        ({"steps": -1}, RequestError, "steps"),
    ],
)
def test_settings_out_of_range_are_refused(run, options, error, words) -> None:
    with pytest.raises(error, match=words) as caught:
        run(debug_model(), **{"count": 20, "steps": 2} | options)
    assert "\n" not in str(caught.value)


def test_unsuitable_folders_are_refused(run, kit, tmp_path) -> None:
    with pytest.raises(RequestError, match="6 sounds"):
        run(kit("few", 3))
    with pytest.raises(ModelError, match="000"):
        run("real/kick/kit0/000.wav")
    with pytest.raises(RequestError, match="leave out steps"):
        run(kit("few", 3), steps=4)
    with pytest.raises(ModelError, match="dubeg"):
        run("dubeg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no audio"):
        run(tmp_path / "empty")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(DataError, match="broken"):
        Report.read(tmp_path / "broken.json")
