"""Plots of measures for a report's page: distributions of real and generated sounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wavesmith.evaluation import plots
from wavesmith.evaluation.measure_report import Distribution, MeasureComparison, MeasureReport
from wavesmith.measures import MEASURES_BY_NAME, Measure

_LARGEST = 12
_OF_LABELS = ("partials_6", "noise_flatness", "bursts", "decay_250", "decay_2k", "pitch", "attack", "width")
_GROUPS = {
    "tonality": "Tones: share of energy in the strongest partials",
    "flatness": "Spectral flatness of each octave: -2.5 dB is noise, less is tones",
    "grain": "Grain: bursts in the tail, and sparse noise",
    "decay": "Decay of each octave, and noise floor",
    "pitch": "Pitch",
    "attack": "Attack",
    "stereo": "Width",
    "balance": "Levels of octaves",
}
_SMALLEST = 1e-4  # of values on a logarithmic axis


class MeasurePlot(NamedTuple):
    """Distributions of one measure and their caption."""

    plot: plots.HistogramPlot
    caption: str


class MeasurePlots(NamedTuple):
    """All plots: the largest differences, every measure by group, and some measures by label."""

    largest: list[MeasurePlot]
    groups: dict[str, list[MeasurePlot]]
    labels: dict[str, list[MeasurePlot]]


def measure_plots(sides: Sequence[tuple[str, MeasureReport]]) -> MeasurePlots:
    """Plot the measures of one or two evaluations, given as (class of the colour, report)."""
    first = sides[0][1]
    by_shift = sorted(first.overall, key=lambda name: -abs(first.overall[name].shift))
    groups = {
        title: [name for name in first.overall if MEASURES_BY_NAME[name].group == group]
        for group, title in _GROUPS.items()
    }
    return MeasurePlots(
        largest=_plots(by_shift[:_LARGEST], [(colour, side.overall) for colour, side in sides]),
        groups={
            title: _plots(names, [(colour, side.overall) for colour, side in sides])
            for title, names in groups.items()
            if names
        },
        labels={
            label: _plots(_OF_LABELS, [(colour, side.by_label.get(label, {})) for colour, side in sides])
            for label in first.by_label
        },
    )


def _plots(
    names: Sequence[str], sides: Sequence[tuple[str, dict[str, MeasureComparison]]]
) -> list[MeasurePlot]:
    return [
        _plot(MEASURES_BY_NAME[name], [(colour, side[name]) for colour, side in sides if name in side])
        for name in names
        if name in sides[0][1]
    ]


def _plot(measure: Measure, sides: Sequence[tuple[str, MeasureComparison]]) -> MeasurePlot:
    first = sides[0][1]
    shown = [("real", first.reference), *((colour, side.generated) for colour, side in sides)]
    bars = [
        plots.Histogram(colour, one.histogram, _position(one.median, first.edges, measure))
        for colour, one in shown
    ]
    ends = (_digits(first.edges[0]), _digits(first.edges[1]))
    return MeasurePlot(plots.histograms(bars, ends, measure.unit), _caption(measure, first.reference, sides))


def _caption(measure: Measure, real: Distribution, sides: Sequence[tuple[str, MeasureComparison]]) -> str:
    medians = " / ".join(_digits(side.generated.median) for _, side in sides)
    shifts = " / ".join(f"{side.shift:+.2f}" for _, side in sides)
    caption = f"{measure.description}: median {medians}, real {_digits(real.median)} {measure.unit}".rstrip()
    caption += f"; means {shifts} standard deviations from real"
    missing = max(side.generated.missing for _, side in sides)
    if max(missing, real.missing) >= 0.1:
        caption += f"; undefined for {100 * missing:.0f} % (real: {100 * real.missing:.0f} %)"
    return caption


def _position(median: float | None, edges: tuple[float, float], measure: Measure) -> float | None:
    """Return the position 0 to 1 of a median on the axis."""
    if median is None:
        return None
    low, high, value = (
        math.log2(max(one, _SMALLEST)) if measure.logarithmic else one for one in (*edges, median)
    )
    return min(max((value - low) / max(high - low, 1e-12), 0.0), 1.0)


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
