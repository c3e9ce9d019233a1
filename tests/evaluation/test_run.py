from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from wavesmith.classifiers import train_judge
from wavesmith.data import scan
from wavesmith.errors import DataError, ModelError, RequestError, WavesmithError
from wavesmith.evaluation import Report, card_table, evaluate
from wavesmith.evaluation.labels import fresh_judge
from wavesmith.families import DiffusionModel
from wavesmith.models import debug_model, provenance_of
from wavesmith.sound import Sound


@pytest.fixture(scope="module")
def judge(tmp_path_factory, sounds) -> Path:
    """A judge of kicks and snares, quickly trained."""
    waves = [sounds(kind, seed).tensor() for kind in ("kick", "snare") for seed in range(500, 516)]
    labels = torch.arange(2).repeat_interleave(16)
    folder = tmp_path_factory.mktemp("judge")
    train_judge(torch.stack(waves), labels, ("kick", "snare"), rate=8000, steps=40, batch=16)[0].save(folder)
    return folder


@pytest.fixture
def ask(kit, bands, judge, tmp_path, monkeypatch):
    """Evaluate something beside 24 real sounds of each of two labels."""
    monkeypatch.chdir(tmp_path)
    kit("real", 24)

    def evaluated(model, **options) -> Report:
        return evaluate(
            model,
            "real",
            **{"embedding": bands, "judge": judge, "held_out": 0.25, "memorisation": False, **options},
        )

    return evaluated


def test_a_model_is_measured_beside_real_sounds(ask) -> None:
    stages: list[str] = []
    report = ask(debug_model(), count=24, steps=2, progress=lambda stage, *_: stages.append(stage))
    assert (report.model.name, report.model.kind, report.model.sounds) == ("debug", "model", 24)
    assert report.model.labels == {"kick": 12, "snare": 12}
    assert report.model.choices == {"steps": 2}
    assert (report.reference.sounds, report.held_out) == (36, 12)
    assert report.distances.generated.kernel.low > 10  # coloured noise is no drum
    assert report.distances.real is None
    assert "There are only 12 held-out real sounds; a yardstick of distances takes 20." in report.notes
    assert report.labels
    assert report.labels.real
    assert report.labels.generated.sounds == 24
    assert set(report.spectra.labels) == {"kick", "snare"}
    assert report.hygiene.generated.sounds == 24
    assert {"making sounds", "reading real sounds", "reading generated sounds", "measuring distances"} <= set(
        stages
    )
    assert Report.read("evaluation/report.json") == report


def test_what_is_real_scores_better_than_noise_and_its_label_counts(ask, kit) -> None:
    good = ask(kit("good", 15, seed=1))
    noise = ask(debug_model(), count=30, steps=2)
    assert good.model.kind == "sounds"
    assert good.distances.generated.kernel.value < 5 < noise.distances.generated.kernel.value
    assert good.distances.generated.coverage.value > noise.distances.generated.coverage.value
    assert good.spectra.overall.spectrum_db < noise.spectra.overall.spectrum_db
    assert good.labels
    assert good.labels.generated.overall.value > 0.9


def test_a_second_run_makes_nothing_again_and_says_the_same(ask) -> None:
    first = ask(debug_model(), count=20, steps=2)
    sounds = {path: path.stat().st_mtime_ns for path in Path("evaluation/sounds").rglob("*.wav")}
    assert ask(debug_model(), count=20, steps=2) == first
    assert {path: path.stat().st_mtime_ns for path in Path("evaluation/sounds").rglob("*.wav")} == sounds
    more = ask(debug_model(), count=26, steps=2)
    assert more.model.sounds == 26
    assert all(path.stat().st_mtime_ns == time for path, time in sounds.items())
    assert ask(debug_model(), count=20, steps=2) == first


def test_copies_of_real_sounds_are_memorised(ask, kit, tmp_path) -> None:
    folder = kit("made", 10, seed=1)
    for path in sorted(Path("real/kick").rglob("*.wav"))[:6]:
        Sound.read(path).gain(-3).write(folder / "kick" / f"copy-{path.name}")
    report = ask(folder, memorisation=True)
    assert report.memorisation
    assert report.memorisation.exact >= 4
    assert report.memorisation.verdict == "memorised"
    assert "memorised" in Path("evaluation/report.html").read_text()
    assert "memorised" in card_table(report)


def test_the_card_has_the_figures_and_the_command(ask, kit) -> None:
    report = ask(kit("good", 12, seed=1))
    card = card_table(report)
    value = report.distances.generated.kernel.value
    assert f"| kernel audio distance | {value:.3g} (" in card
    assert "| named as asked, kick | " in card
    assert report.command in card
    widths = {line.count("|") for line in card.splitlines() if line.startswith("|")}
    assert widths == {4}


def test_two_models_side_by_side(ask, kit) -> None:
    report = ask(debug_model(), against=kit("good", 12, seed=1), count=20)
    assert report.against
    assert report.against.model.name.endswith("good")
    assert report.against.distances.generated.kernel.value < report.distances.generated.kernel.value
    page = Path("evaluation/report.html").read_text()
    assert "How good are debug and good?" in page
    assert Report.read("evaluation/report.json").against == report.against


def test_two_sides_of_other_rates_share_a_page(ask, kit) -> None:
    report = ask(debug_model(), against=kit("high", 12, seed=1, rate=44_100), count=20, steps=2)
    assert report.against
    assert report.model.rates != report.against.model.rates
    assert "How good are debug and high?" in Path("evaluation/report.html").read_text()


def test_a_model_without_labels_is_compared_as_a_whole(ask) -> None:
    model = debug_model()
    assert isinstance(model.family, DiffusionModel)
    nameless = DiffusionModel(model.family.config.model_copy(update={"labels": ()}))
    report = ask(replace(model, family=nameless), count=20, steps=2)
    assert (report.model.labels, report.labels, report.spectra.labels) == ({}, None, {})


def test_sounds_that_are_opted_out_train_no_judge(ask) -> None:
    Path("real/opt-out.txt").write_text("path: kick/kit0\n")
    report = ask(debug_model(), count=20, steps=2)
    assert report.reference.sounds + report.held_out == 48 - 6
    assert any("kick/kit0/000.wav (is opted out of training)" in note for note in report.notes)


def test_what_cannot_end_well_is_refused_before_sounds_are_made(ask, kit) -> None:
    stages: list[str] = []
    for wrong in ({"judge": "nowhere"}, {"basis": "granted"}):
        with pytest.raises(WavesmithError):
            ask(debug_model(), progress=lambda stage, *_: stages.append(stage), **wrong)
    with pytest.raises(RequestError, match="besides 1 that are held out; it takes at least 20"):
        evaluate(debug_model(), kit("little", 4), progress=lambda stage, *_: stages.append(stage))
    assert "making sounds" not in stages


def test_the_page_has_everything_in_one_file(ask) -> None:
    report = ask(debug_model(), count=20, steps=2, html="here/page.html", json="here/numbers.json")
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
        "Hygiene",
        "data:audio/flac",
        "<svg",
        report.command[:20],
    ):
        assert words in page
    assert "\N{INFINITY}" in page


def test_the_command_makes_the_report_again(ask) -> None:
    words = ask(debug_model(), count=20, steps=2, seed=4, out="there").command.split()
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


def test_ones_are_in_the_command_like_other_numbers(ask) -> None:
    words = ask(debug_model(), count=20, steps=1, seed=1, guidance=1.0).command.split()
    for option, value in {"--seed": "1", "--steps": "1", "--guidance": "1.0"}.items():
        assert words[words.index(option) + 1] == value


def test_other_formats_are_converted_and_that_is_said(ask, kit) -> None:
    report = ask(kit("fine", 12, seed=1, rate=16_000, channels=2))
    [note] = [note for note in report.notes if "converted" in note]
    assert "16000 Hz and 2 channel(s)" in note
    assert "8000 Hz and 1 channel(s)" in note
    assert report.distances.generated.kernel.value < 10


def test_a_corrupt_file_is_reported_and_the_rest_evaluated(ask, kit) -> None:
    folder = kit("made", 12, seed=1)
    (folder / "kick/kit0/000.wav").write_bytes(b"RIFF")
    (Path("real") / "snare/kit1/001.wav").write_bytes(b"no sound")
    report = ask(folder)
    assert report.model.sounds == 23
    assert any(
        note.startswith("Left out of the generated sounds: kick/kit0/000.wav (") for note in report.notes
    )
    assert any(
        note.startswith("Left out of the reference sounds: snare/kit1/001.wav (") for note in report.notes
    )


def test_training_sounds_are_known_from_the_models_attribution(ask) -> None:
    files = scan("real").files
    model = replace(debug_model(), provenance=provenance_of(files[:30], files[30:]))
    report = ask(model, count=20, steps=2)
    assert (report.reference.sounds, report.held_out) == (30, 18)
    assert any("attribution names 30" in note for note in report.notes)


def test_sounds_without_labels_are_measured_but_not_judged(ask, kit, tmp_path) -> None:
    for number, path in enumerate(sorted(kit("made", 12, seed=1).rglob("*.wav"))):
        Sound.read(path).write(tmp_path / f"flat/{number}.wav")
    report = ask(tmp_path / "flat")
    assert report.labels is None
    assert any("no labels" in note for note in report.notes)
    assert "Labels" not in re.findall("<h2>(.*?)</h2>", Path("evaluation/report.html").read_text())


def test_names_cannot_break_the_page(ask, kit, monkeypatch) -> None:
    folder = kit("made", 12, seed=1)
    lines = [
        {"path": path.relative_to(folder).as_posix(), "label": "<script>alert(1)</script>"}
        for path in folder.rglob("*.wav")
    ]
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RequestError, match="knows none of the labels"):
        ask(folder)
    monkeypatch.setattr("wavesmith.evaluation.run.fresh_judge", partial(fresh_judge, steps=2))
    ask(folder, judge=None)
    assert "<script>alert" not in Path("evaluation/report.html").read_text()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"count": 19}, RequestError, "at least 20 sounds, not 19"),
        ({"basis": "granted"}, RequestError, "licence basis 'granted'"),
        ({"embedding": "eras"}, RequestError, "did you mean 'ears'"),
        ({"judge": "nowhere"}, ModelError, "does not hold a judge"),
        ({"held_out": 0.7}, RequestError, "between 0 and 0.5"),
        ({"steps": -1}, RequestError, "steps"),
    ],
)
def test_bad_requests_are_one_sentence(ask, options, error, words) -> None:
    with pytest.raises(error, match=words) as caught:
        ask(debug_model(), **{"count": 20, "steps": 2} | options)
    assert "\n" not in str(caught.value)


def test_folders_that_will_not_do(ask, kit, tmp_path) -> None:
    with pytest.raises(RequestError, match="There are 6 sounds to evaluate"):
        ask(kit("few", 3))
    with pytest.raises(ModelError, match="is a sound; give a model"):
        ask("real/kick/kit0/000.wav")
    with pytest.raises(RequestError, match="taken as they are; leave out steps"):
        ask(kit("few", 3), steps=4)
    with pytest.raises(ModelError, match="no model called 'dubeg'"):
        ask("dubeg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no audio"):
        ask(tmp_path / "empty")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(DataError, match="no report"):
        Report.read(tmp_path / "broken.json")
