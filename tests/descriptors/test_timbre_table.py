from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from wavesmith.descriptors import TIMBRES, Timbre, TimbreTable, measure
from wavesmith.descriptors.timbre_table import POINTS

RATE = 8000


def tone(hertz: float) -> Tensor:
    time = torch.arange(2000) / RATE
    return (torch.sin(6.2832 * hertz * time) * torch.exp(-20 * time))[None]


@pytest.fixture(scope="module")
def table() -> TimbreTable:
    """Low ones, high ones, and too few of a third kind."""
    low = [(tone(100 + 10 * k), "low") for k in range(8)]
    high = [(tone(800 + 80 * k), "high") for k in range(8)]
    return measure([*low, *high, (tone(1500), "odd"), (tone(90), None)], RATE)


def test_labels_with_enough_sounds_have_rows(table: TimbreTable) -> None:
    assert table.rows.keys() == {"", "low", "high"}
    assert all(row.keys() == set(TIMBRES) for row in table.rows.values())


def test_percentiles_are_those_of_the_sounds(table: TimbreTable) -> None:
    pitches = [float(Timbre(RATE)(tone(100 + 10 * k)[None])["pitch"]) for k in range(8)]
    low = {"low": 1.0}
    assert table.value("pitch", 0, low) == pytest.approx(min(pitches), abs=1e-3)
    assert table.value("pitch", 100, low) == pytest.approx(max(pitches), abs=1e-3)
    assert table.value("pitch", 50, low) == pytest.approx(sorted(pitches)[3], abs=0.1)
    assert table.value("pitch", 50, {"high": 1.0}) > table.value("pitch", 100, low)


def test_values_lead_back_to_their_percentiles(table: TimbreTable) -> None:
    for label in (None, {"low": 1.0}, {"low": 0.5, "high": 0.5}):
        for percentile in (3, 20, 50, 88):
            value = table.value("pitch", percentile, label)
            assert table.percentile("pitch", value, label) == pytest.approx(percentile, abs=0.5)
    assert table.percentile("pitch", -100) == 0
    assert table.percentile("pitch", 100) == 100


def test_mixes_lie_between_and_unknown_labels_go_by_all(table: TimbreTable) -> None:
    low, high, mixed = (
        table.value("pitch", 50, label) for label in ({"low": 1.0}, {"high": 1.0}, {"low": 3.0, "high": 1.0})
    )
    assert mixed == pytest.approx(0.75 * low + 0.25 * high)
    everything = table.value("pitch", 50)
    for label in ({}, {"odd": 1.0}, {"low": 0.0}):
        assert table.value("pitch", 50, label) == everything


def test_the_spread_is_never_nothing(table: TimbreTable) -> None:
    assert table.spread("pitch", {"low": 1.0}) > 0.1
    same = measure([(tone(100), None)] * 4, RATE)
    assert all(same.spread(name) > 0 for name in TIMBRES)


def test_it_goes_to_json_and_back(table: TimbreTable) -> None:
    assert TimbreTable.model_validate_json(table.model_dump_json()) == table


@pytest.mark.parametrize(
    "rows",
    [
        {},
        {"low": {name: [0.0] * POINTS for name in TIMBRES}},
        {"": {"pitch": [0.0] * POINTS}},
        {"": {name: [0.0] * 3 for name in TIMBRES}},
        {"": {name: ["x"] * POINTS for name in TIMBRES}},
    ],
)
def test_a_table_that_is_not_complete_is_refused(rows: object) -> None:
    with pytest.raises(ValidationError):
        TimbreTable.model_validate({"rows": rows})
