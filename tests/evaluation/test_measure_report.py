"""Measures in a report: distances, distributions, the page, and which distances may choose."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from wavesmith.errors import RequestError
from wavesmith.evaluation import Report, card_table, evaluate
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.measure_report import (
    BINS,
    MeasuredSet,
    compare_measures,
    measure_distance,
    measure_report,
)
from wavesmith.evaluation.trust import DEFAULT, Validated, check, choose, may_choose, validated, verdict
from wavesmith.measures import MEASURES, MEASURES_BY_NAME

NAMES = list(MEASURES_BY_NAME)


def rows(count, seed, shift=0.0, column=0):
    found = np.exp2(np.random.default_rng(seed).standard_normal((count, len(MEASURES)))).astype(np.float32)
    found[:, column] += shift
    return found


def test_sets_of_one_kind_are_near_and_one_shifted_measure_is_noticed():
    real = rows(120, 0)
    same = measure_distance(rows(120, 1), real)
    shifted = measure_distance(rows(120, 1, shift=8.0, column=20), real)
    assert same.low < 0.1
    assert shifted.value > same.high


def test_contrasts_say_how_measures_are_spread():
    one, two = rows(50, 0), rows(60, 1)
    place = NAMES.index("pitch")
    one[:10, place] = np.nan
    two[:, NAMES.index("bursts")] = np.nan
    one[:, NAMES.index("bursts")] = np.nan
    found = compare_measures(one, two)
    assert "bursts" not in found  # nobody has any
    pitch = found["pitch"]
    assert pitch.generated.missing == pytest.approx(0.2)
    assert pitch.generated.sounds == 40
    assert pitch.generated.median == pytest.approx(np.nanmedian(one[:, place]), rel=0.01)
    assert len(pitch.generated.histogram) == BINS
    for side in (pitch.generated, pitch.reference):
        assert sum(side.histogram) == pytest.approx(1, abs=0.01)
    assert compare_measures(rows(50, 5), two)["pitch"].edges == pitch.edges  # the axis is that of real sounds
    moved = compare_measures(rows(50, 0, shift=5.0, column=0), two)["partials_1"]
    assert moved.shift > 1
    assert found["partials_3"].spread == pytest.approx(1, abs=0.6)


def test_a_report_has_labels_and_their_yardstick():
    labels = ("kick",) * 30 + ("snare",) * 30
    report = measure_report(
        MeasuredSet(rows(60, 0), labels), MeasuredSet(rows(60, 1), labels), MeasuredSet(rows(60, 2), labels)
    )
    assert set(report.labels) == set(report.held_out_labels) == set(report.by_label) == {"kick", "snare"}
    assert report.held_out
    few = MeasuredSet(rows(5, 2), labels[:5])
    assert (
        measure_report(MeasuredSet(rows(60, 0), labels), MeasuredSet(rows(60, 1), labels), few).held_out
        is None
    )


@pytest.fixture
def report(kit, bands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kit("real", 24)
    good, thin = kit("good", 12, seed=1), kit("thin", 12, seed=2)
    return evaluate(good, "real", against=thin, embedding=bands, memorisation=False, held_out=0.25)


def test_evaluate_measures_tones_and_shows_them(report, tmp_path):
    assert report.measures
    assert Report.read(tmp_path / "evaluation" / "report.json") == report
    shares = report.measures.by_label
    assert shares["kick"]["partials_6"].reference.median > 0.6
    assert shares["snare"]["partials_6"].reference.median < 0.3
    assert report.measures.generated.kernel.value < 5
    page = (tmp_path / "evaluation" / "report.html").read_text()
    assert "Measures: tones, grain, decay, attack, width" in page
    assert "share of energy in the 6 strongest partials" in page
    balance = _Balance()
    balance.feed(page)
    assert not balance.open
    assert "| distance on measures | " in card_table(report)
    assert any(f"By the distance '{DEFAULT}'" in note for note in report.notes)


def test_an_old_report_without_measures_is_still_read(report, tmp_path):
    old = report.model_copy(update={"measures": None, "against": None})
    old.write(tmp_path / "old.json")
    assert Report.read(tmp_path / "old.json").measures is None
    assert "distance on measures" not in card_table(old)


def test_measures_are_read_from_disk_again(report, bands, tmp_path):
    again = evaluate(
        Path("good"), "real", against=Path("thin"), embedding=bands, memorisation=False, held_out=0.25
    )
    assert again.measures == report.measures


class _Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "img", "br", "circle", "line", "rect", "polygon", "polyline"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def estimate(value, width=1.0):
    return Estimate(value=value, low=value - width, high=value + width)


def test_distances_that_ignore_randomised_phases_may_not_choose():
    ignorant = [name for name in validated() if not may_choose(name)]
    assert may_choose(DEFAULT)
    assert may_choose("multires, KAD")
    assert {"mel_cnn, KAD", "statistics, KAD"} <= set(ignorant)
    for name in (*ignorant, "nobody, KAD"):
        with pytest.raises(RequestError, match="may not choose"):
            choose({"a": estimate(1)}, by=name)
    check(DEFAULT)


def test_the_nearest_is_chosen_and_close_ones_are_not_told_apart():
    assert choose({"a": estimate(5), "b": estimate(2)}) == "b"
    assert "b is nearest" in verdict({"a": estimate(5), "b": estimate(2)})
    assert "b and a cannot be told apart" in verdict({"a": estimate(3), "b": estimate(2)})
    with pytest.raises(RequestError, match="nothing to choose from"):
        choose({})


def test_a_step_is_noticed_if_all_stronger_ones_are():
    found = Validated(undamaged=(0.0, 1.0), damage={"x": (("1", 2.0), ("2", 0.5), ("3", 3.0), ("4", 4.0))})
    assert found.noticed("x") == "3"
    assert Validated(undamaged=(0.0, 9.0), damage=found.damage).noticed("x") is None
