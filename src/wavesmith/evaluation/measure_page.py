"""The part of a report's page on measures: distributions of real and generated sounds, one over the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from wavesmith.evaluation import plots
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.measure_report import Contrasted, Distribution, MeasureReport
from wavesmith.evaluation.page import Html, details, figure, heading, section, table
from wavesmith.evaluation.report import Report
from wavesmith.measures import ABOUT, Measure

_COLOURS = ("made", "other")
_SHOWN = 12
_OF_LABELS = ("partials_6", "noise_flatness", "bursts", "decay_250", "decay_2k", "pitch", "attack", "width")
_GROUPS = {
    "tonality": "Tones: what the strongest partials hold",
    "flatness": "Flatness of each octave: -2.5 dB is noise, less is tones",
    "grain": "Grain: bursts in the tail, and how sparse the noise is",
    "decay": "Decay of each octave, and what is left under it",
    "pitch": "Pitch",
    "attack": "Attack",
    "stereo": "Width",
    "balance": "Levels of octaves",
}


def measure_section(reports: Sequence[Report], names: Sequence[str]) -> Iterator[Html]:
    """The section, if the reports have measures."""
    sides = [report.measures for report in reports if report.measures]
    if len(sides) < len(reports):
        return
    first = sides[0]
    columns = ["", *names, "held-out real"]
    rows: list[list[object]] = [
        ["distance on measures", *(_number(side.generated.kernel) for side in sides), _real(first)]
    ]
    for label in dict.fromkeys(label for side in sides for label in side.labels):
        rows.append(
            [
                label,
                *(_number(side.labels.get(label)) for side in sides),
                _number(first.real_labels.get(label)),
            ]
        )
    bars = [
        (name, colour, side.generated.kernel)
        for name, colour, side in zip(names, _COLOURS, sides, strict=False)
    ]
    if first.real:
        bars.append(("held-out real", "real", first.real.kernel))
    yield section(
        "Measures: tones, grain, decay, width",
        table(columns, rows),
        figure(plots.intervals(bars), "Distance on measures with 95 % intervals."),
        heading("What differs most"),
        plots.key([("real", "real sounds"), *zip(_COLOURS, names, strict=False)]),
        _plots(_furthest(first), sides, None),
        details("Every measure", *_grouped(sides)),
        *([details("Each label", *_labels(sides))] if first.by_label else []),
        lead=f"How far the sounds are from real ones by {len(ABOUT)} measures that are no embedding: each in "
        "deviations of the real sounds, all together as a kernel distance. It notices what mel spectrograms "
        "do not: randomised phases, missing tones, grain. Below, how each measure is spread: "
        "the mark at the bottom is the median, and the caption says how many deviations apart the means are.",
    )


def _furthest(side: MeasureReport) -> list[str]:
    return sorted(side.overall, key=lambda name: -abs(side.overall[name].shift))[:_SHOWN]


def _grouped(sides: Sequence[MeasureReport]) -> Iterator[Html]:
    for group, words in _GROUPS.items():
        names = [name for name in sides[0].overall if ABOUT[name].group == group]
        if names:
            yield heading(words)
            yield _plots(names, sides, None)


def _labels(sides: Sequence[MeasureReport]) -> Iterator[Html]:
    for label in sides[0].by_label:
        yield heading(label)
        yield _plots([name for name in _OF_LABELS if name in sides[0].by_label[label]], sides, label)


def _plots(names: Sequence[str], sides: Sequence[MeasureReport], label: str | None) -> Html:
    figures = []
    for name in names:
        of = [side.overall if label is None else side.by_label.get(label, {}) for side in sides]
        found = [one[name] for one in of if name in one]
        if found:
            figures.append(_plot(ABOUT[name], found))
    return Html(f'<div class="plots">{"".join(figures)}</div>')


def _plot(about: Measure, found: Sequence[Contrasted]) -> Html:
    low, high = found[0].edges
    series = [("real", found[0].reference.histogram, _median(found[0].reference, about, low, high))]
    for colour, one in zip(_COLOURS, found, strict=False):
        series.append((colour, one.generated.histogram, _median(one.generated, about, low, high)))
    medians = " / ".join(_plain(one.generated.median) for one in found)
    missing = max(one.generated.missing for one in found)
    words = f"{about.words}: median {medians}, real {_plain(found[0].reference.median)} {about.unit}".rstrip()
    words += "; " + " and ".join(f"{one.shift:+.2f}" for one in found) + " deviations"
    if missing >= 0.1:
        words += f"; {100 * missing:.0f} % have none (real: {100 * found[0].reference.missing:.0f} %)"
    return figure(plots.histograms(series, [(0.0, _plain(low)), (1.0, _plain(high))], about.unit), words)


def _median(one: Distribution, about: Measure, low: float, high: float) -> float | None:
    """The place of a median on the axis."""
    if one.median is None:
        return None
    ends = (low, high, one.median)
    if about.logarithmic:
        ends = tuple(math.log2(max(value, 1e-4)) for value in ends)  # type: ignore[assignment]
    return (ends[2] - ends[0]) / max(ends[1] - ends[0], 1e-12)


def _real(side: MeasureReport) -> Html:
    return _number(side.real.kernel if side.real else None)


def _number(estimate: Estimate | None) -> Html:
    if estimate is None:
        return Html("-")
    return Html(f"{_plain(estimate.value)}<small>{_plain(estimate.low)} to {_plain(estimate.high)}</small>")


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
