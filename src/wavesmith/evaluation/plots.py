"""Geometry of a report's plots, which `templates/plots.html` draws as SVG in the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.spectra import FLOOR_DB, Curve

_WIDTH, _HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 30
_NAMES_WIDTH = 150
_ROW = 26
CELL = 44
"""Width and height of a cell of a confusion matrix."""


class Series(NamedTuple):
    """A curve and the class of its colour: `real`, `made` or `other`."""

    colour: str
    curve: Curve


class Tick(NamedTuple):
    """Position of a grid line in pixels and its text."""

    position: float
    text: str


class Line(NamedTuple):
    """Points of a curve and of the band around it, as SVG has them, and the class of their colour."""

    colour: str
    points: str
    band: str


class CurvePlot(NamedTuple):
    """Curves over an axis; `left`, `right`, `top` and `bottom` bound their frame."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    levels: list[Tick]
    ticks: list[Tick]
    unit: str
    lines: list[Line]


class PlotBar(NamedTuple):
    """An estimate as a dot with its interval."""

    name: str
    colour: str
    y: int
    low: float
    value: float
    high: float


class IntervalPlot(NamedTuple):
    """Estimates on one axis."""

    width: int
    height: int
    ticks: list[Tick]
    bars: list[PlotBar]


class Histogram(NamedTuple):
    """Shares of sounds in equal parts of an axis, and the position 0 to 1 of their median."""

    colour: str
    shares: Sequence[float]
    median: float | None


class Outline(NamedTuple):
    """Points of a histogram, as SVG has them, and the position of its median in pixels."""

    colour: str
    points: str
    median: float | None


class HistogramPlot(NamedTuple):
    """Histograms over one axis; `ends` are the texts at its ends."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    ends: tuple[str, str]
    unit: str
    lines: list[Outline]


class Cell(NamedTuple):
    """A cell of a confusion matrix: its corner, its share of the row, and whether it counts any sound."""

    x: int
    y: int
    share: float
    counted: bool


class ConfusionPlot(NamedTuple):
    """A confusion matrix; `left` and `top` leave room for names."""

    width: int
    height: int
    left: int
    top: int
    classes: Sequence[str]
    cells: list[Cell]


def curves(
    positions: Sequence[float], series: Sequence[Series], ticks: Sequence[tuple[float, str]], unit: str
) -> CurvePlot:
    """Plot levels in dB over positions 0 to 1: mean, and a band from the 10 % to the 90 % quantile.

    A curve may end before the last position.
    """
    top = max(max(one.curve.high) for one in series)
    bottom = max(FLOOR_DB, min(min(one.curve.low) for one in series))
    high, low = 10 * -(-top // 10), 10 * (bottom // 10)
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(position: float) -> float:
        return _LEFT + position * width

    def y(level: float) -> float:
        return _TOP + (high - min(max(level, low), high)) / max(high - low, 1) * height

    def points(levels: Sequence[float], at: Sequence[float]) -> str:
        return " ".join(f"{x(place):.1f},{y(level):.1f}" for place, level in zip(at, levels, strict=True))

    lines = []
    for colour, curve in series:
        at = positions[: len(curve.mean)]
        band = points(curve.high, at) + " " + points(curve.low[::-1], at[::-1])
        lines.append(Line(colour, points(curve.mean, at), band))
    step = 10 if high - low <= 40 else 20
    levels = [high - k * step for k in range(int((high - low) // step) + 1)]
    return CurvePlot(
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        top=_TOP,
        bottom=_HEIGHT - _BOTTOM,
        levels=[Tick(y(level), f"{level:.0f} dB") for level in levels],
        ticks=[Tick(x(position), text) for position, text in ticks],
        unit=unit,
        lines=lines,
    )


def intervals(rows: Sequence[tuple[str, str, Estimate]]) -> IntervalPlot:
    """Plot values with their 95 % intervals on one axis: (name, class of the colour, estimate)."""
    low = min(0.0, *(one.low for _, _, one in rows))
    high = max(one.high for _, _, one in rows)
    scale = (_WIDTH - _NAMES_WIDTH - 20) / max(high - low, 1e-9)

    def x(value: float) -> float:
        return _NAMES_WIDTH + (value - low) * scale

    return IntervalPlot(
        width=_WIDTH,
        height=_ROW * len(rows) + 26,
        ticks=[Tick(x(value), f"{value:.3g}") for value in (low, (low + high) / 2, high)],
        bars=[
            PlotBar(name, colour, 16 + row * _ROW, x(one.low), x(one.value), x(one.high))
            for row, (name, colour, one) in enumerate(rows)
        ],
    )


def histograms(rows: Sequence[Histogram], ends: tuple[str, str], unit: str) -> HistogramPlot:
    """Plot distributions over one axis whose ends are named."""
    width, height, left, right, top, bottom = 300, 110, 4, 296, 6, 86
    highest = max(1e-9, *(max(row.shares, default=0.0) for row in rows))

    def x(position: float) -> float:
        return left + position * (right - left)

    lines = []
    for row in rows:
        corners = [
            (x((part + side) / len(row.shares)), bottom - share / highest * (bottom - top))
            for part, share in enumerate(row.shares)
            for side in (0, 1)
        ]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in [(left, bottom), *corners, (right, bottom)])
        lines.append(Outline(row.colour, points, None if row.median is None else x(row.median)))
    return HistogramPlot(width, height, left, right, bottom, ends, unit, lines)


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> ConfusionPlot:
    """Plot the share of each row (label) that has each column (prediction)."""
    left, top, size = 96, 30, CELL * len(classes)
    cells = [
        Cell(left + column * CELL, top + row * CELL, count / max(sum(values), 1), count > 0)
        for row, values in enumerate(counts)
        for column, count in enumerate(values)
    ]
    return ConfusionPlot(left + size + 4, top + size + 4, left, top, classes, cells)
