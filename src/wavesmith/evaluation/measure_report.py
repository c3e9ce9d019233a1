"""Generated sounds beside real ones by `wavesmith.measures`, measure by measure and as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import FEWEST, Distances, compare, kernel
from wavesmith.measures import MEASURES, Measure, scaled, standardised

BINS = 24
NAME = "measures"
"""By which the distance on measures is known beside those in embeddings."""

_EDGES = (0.01, 0.99)  # quantiles of real sounds between which histograms lie
_ROOM = 0.3  # of that range, on either side

Rows = NDArray[np.float32]
"""`[N, len(MEASURES)]`, as `measure` makes them."""


class Distribution(BaseModel):
    """How one measure is spread over sounds.

    Attributes:
        sounds: how many have it.
        missing: the share of sounds that have none, such as the pitch of noise.
        low, lower, median, upper, high: what 10, 25, 50, 75 and 90 % of them lie below, in its unit; None if
            no sound has it.
        histogram: the share of those sounds in each of 24 equal parts of `MeasureComparison.edges`; those
        beyond
            count in the first and the last.
    """

    model_config = ConfigDict(frozen=True)

    sounds: int
    missing: float
    low: float | None
    lower: float | None
    median: float | None
    upper: float | None
    high: float | None
    histogram: tuple[float, ...]


class MeasureComparison(BaseModel):
    """One measure of generated and real sounds.

    Attributes:
        edges: ends of the histograms, in its unit; equal parts of octaves for times and pitch. generated,
        reference: how it is spread. shift: how far the generated sounds' mean lies from the real ones', in
        deviations of the real ones. spread: the range from 10 to 90 % of generated sounds over that of real
        ones; None where that is nothing.
    """

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, float]
    generated: Distribution
    reference: Distribution
    shift: float
    spread: float | None


class MeasureReport(BaseModel):
    """All measures of generated sounds beside those of the reference.

    Attributes:
        generated: distances between the sets as points `[N, len(MEASURES)]`, each measure in deviations of
        the
            reference (`measures.standardised`). The kernel distance is the one to go by; it notices
            randomised phases, missing tones and grain, which embeddings of mel bands do not.
        held_out: the same of held-out real sounds; None if there are none, or too few.
        labels: kernel distances within each label that has enough sounds on both sides.
        held_out_labels: the same of held-out real sounds.
        overall: each measure by its name, all sounds together.
        by_label: the same for each label.
    """

    model_config = ConfigDict(frozen=True)

    generated: Distances
    held_out: Distances | None
    labels: dict[str, Estimate]
    held_out_labels: dict[str, Estimate]
    overall: dict[str, MeasureComparison]
    by_label: dict[str, dict[str, MeasureComparison]]


class MeasuredSet(NamedTuple):
    """Rows of sounds and the label of each."""

    rows: Rows
    labels: tuple[str | None, ...]

    def of(self, label: str) -> Rows:
        """The rows of one label."""
        return self.rows[[one == label for one in self.labels]]


def measure_report(
    generated: MeasuredSet, reference: MeasuredSet, held_out: MeasuredSet | None, *, seed: int = 0
) -> MeasureReport:
    """Compare measured sounds.

    Raises:
        RequestError: when there are fewer than 20 generated or real sounds.
    """
    enough = held_out is not None and len(held_out.rows) >= FEWEST
    labels = sorted(
        {label for label in generated.labels if label is not None} & set(reference.labels) - {None}
    )
    return MeasureReport(
        generated=distances(generated.rows, reference.rows, seed=seed),
        held_out=distances(held_out.rows, reference.rows, seed=seed) if held_out and enough else None,
        labels=_by_label(labels, generated, reference, seed),
        held_out_labels=_by_label(labels, held_out, reference, seed) if held_out else {},
        overall=compare_measures(generated.rows, reference.rows),
        by_label={label: compare_measures(generated.of(label), reference.of(label)) for label in labels},
    )


def distances(rows: Rows, reference: Rows, *, seed: int = 0) -> Distances:
    """All distances of measured sounds `[N, D]` from a reference `[M, D]`, with their intervals."""
    return compare(*_points(rows, reference), seed=seed)


def measure_distance(rows: Rows, reference: Rows, *, seed: int = 0) -> Estimate:
    """The kernel distance on measures, with its interval: 100 times the squared maximum mean discrepancy.

    Raises:
        RequestError: when one has fewer than 2 sounds.
    """
    return kernel(*_points(rows, reference), seed=seed)


def compare_measures(generated: Rows, reference: Rows) -> dict[str, MeasureComparison]:
    """Each measure of two sets, by its name; those that no sound of either has are left out."""
    found = {}
    one, two = scaled(generated), scaled(reference)
    shifts = standardised(generated, reference).mean(axis=0) - standardised(reference, reference).mean(axis=0)
    for column, about in enumerate(MEASURES):
        there = [values[~np.isnan(values)] for values in (two[:, column], one[:, column])]
        if not any(values.size for values in there):
            continue
        low, high = _axis(there[0] if there[0].size else there[1], about)
        sides = [_distribution(values[:, column], about, low, high) for values in (one, two)]
        found[about.name] = MeasureComparison(
            edges=(_plain(low, about), _plain(high, about)),
            generated=sides[0],
            reference=sides[1],
            shift=round(float(shifts[column]), 3),
            spread=_relative_spread(one[:, column], two[:, column], about.least),
        )
    return found


def _points(rows: Rows, reference: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.from_numpy(standardised(rows, reference)),
        torch.from_numpy(standardised(reference, reference)),
    )


def _by_label(
    labels: list[str], sounds: MeasuredSet, reference: MeasuredSet, seed: int
) -> dict[str, Estimate]:
    found = {}
    for label in labels:
        one, two = sounds.of(label), reference.of(label)
        if min(len(one), len(two)) >= FEWEST:
            found[label] = measure_distance(one, two, seed=seed)
    return found


def _axis(values: NDArray[np.float64], about: Measure) -> tuple[float, float]:
    """Ends of a histogram, with room: those of real sounds, so that they are the same for every model."""
    low, high = (float(edge) for edge in np.quantile(values, _EDGES))
    room = max(_ROOM * (high - low), about.least)
    return (max(low - room, 0.0) if about.unit in ("", "/s") else low - room), high + room


def _distribution(values: NDArray[np.float64], about: Measure, low: float, high: float) -> Distribution:
    there = values[~np.isnan(values)]
    counts = np.histogram(np.clip(there, low, high), BINS, (low, high))[0]
    places = np.quantile(there, (0.1, 0.25, 0.5, 0.75, 0.9)) if there.size else [None] * 5
    names = ("low", "lower", "median", "upper", "high")
    quantiles: Mapping[str, float | None] = {
        name: None if place is None else _plain(float(place), about)
        for name, place in zip(names, places, strict=True)
    }
    return Distribution(
        sounds=len(there),
        missing=round(1 - len(there) / max(1, len(values)), 4),
        histogram=tuple(round(float(count) / max(1, len(there)), 4) for count in counts),
        **quantiles,
    )


def _relative_spread(one: NDArray[np.float64], two: NDArray[np.float64], least: float) -> float | None:
    ranges = []
    for values in (one, two):
        there = values[~np.isnan(values)]
        if not there.size:
            return None
        low, high = np.quantile(there, (0.1, 0.9))
        ranges.append(float(high - low))
    return round(ranges[0] / ranges[1], 3) if ranges[1] > least else None


def _plain(value: float, about: Measure) -> float:
    """A scaled value in the measure's unit."""
    return float(f"{2**value if about.logarithmic else value:.4g}")


def combined(reports: Mapping[str, Estimate]) -> float | None:
    """The mean of distances by label, in which no label hides another; None without labels."""
    return sum(one.value for one in reports.values()) / len(reports) if reports else None
