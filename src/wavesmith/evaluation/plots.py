"""Plots of a report as SVG, whose colours follow the page's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.page import Html, markup
from wavesmith.evaluation.spectra import FLOOR_DB, Curve

_WIDTH, _HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 30
_ROW = 26
_CELL = 44


class Series(NamedTuple):
    """A curve and the class of its colour: `real`, `made` or `other`."""

    colour: str
    curve: Curve


def curves(
    places: Sequence[float], series: Sequence[Series], marks: Sequence[tuple[float, str]], unit: str
) -> Html:
    """Mean levels in dB over places 0 to 1 along the x axis, each with a band from a tenth to nine tenths.

    A curve may end before the last place.
    """
    top = max(max(one.curve.high) for one in series)
    bottom = max(FLOOR_DB, min(min(one.curve.low) for one in series))
    high, low = 10 * -(-top // 10), 10 * (bottom // 10)

    def point(place: float, level: float) -> str:
        level = min(max(level, low), high)
        x = _LEFT + place * (_WIDTH - _LEFT - _RIGHT)
        y = _TOP + (high - level) / max(high - low, 1) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    def path(levels: Sequence[float], at: Sequence[float]) -> str:
        return " ".join(point(place, level) for place, level in zip(at, levels, strict=True))

    parts = [_level_grid(low, high), _marks(marks)]
    for colour, curve in series:
        at = places[: len(curve.mean)]
        band = path(curve.high, at) + " " + path(curve.low[::-1], at[::-1])
        parts.append(
            f'<g class="{colour}"><polygon class="band" points="{band}"/>'
            f'<polyline class="line" points="{path(curve.mean, at)}"/></g>'
        )
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 2, unit, "end"))
    return _svg(_WIDTH, _HEIGHT, parts)


def intervals(rows: Sequence[tuple[str, str, Estimate]]) -> Html:
    """Values with their 95 % intervals on one axis: (name, class of the colour, estimate)."""
    low = min(0.0, *(one.low for _, _, one in rows))
    high = max(one.high for _, _, one in rows)
    left, height = 150, _ROW * len(rows) + 26
    scale = (_WIDTH - left - 20) / max(high - low, 1e-9)

    def x(value: float) -> float:
        return left + (value - low) * scale

    parts = []
    for value in (low, (low + high) / 2, high):
        parts.append(_line(x(value), 4, x(value), height - 20))
        parts.append(_text(x(value), height - 5, f"{value:.3g}", "middle"))
    for row, (name, colour, one) in enumerate(rows):
        y = 16 + row * _ROW
        parts.append(_text(0, y + 4, name, "start"))
        bar = f'<line class="bar" x1="{x(one.low):.1f}" x2="{x(one.high):.1f}" y1="{y}" y2="{y}"/>'
        dot = f'<circle class="dot" cx="{x(one.value):.1f}" cy="{y}" r="5"/>'
        parts.append(f'<g class="{colour}">{bar}{dot}</g>')
    return _svg(_WIDTH, height, parts)


def histograms(
    series: Sequence[tuple[str, Sequence[float], float | None]], marks: Sequence[tuple[float, str]], unit: str
) -> Html:
    """Distributions over one axis: (class of the colour, shares of equal parts, median as a place 0 to 1)."""
    width, height, bottom = 300, 110, 24
    top = max(1e-9, *(max(shares, default=0.0) for _, shares, _ in series))

    def x(place: float) -> float:
        return 4 + place * (width - 8)

    def y(share: float) -> float:
        return 6 + (1 - share / top) * (height - bottom - 6)

    parts = [_line(x(0), y(0), x(1), y(0))]
    for place, words in marks:
        anchor = "start" if place < 0.1 else "end" if place > 0.9 else "middle"
        parts.append(_text(x(place), height - 8, words, anchor))
    parts.append(_text(width / 2, height - 8, unit, "middle"))
    for colour, shares, median in series:
        steps = [
            f"{x((k + side) / len(shares)):.1f},{y(share):.1f}"
            for k, share in enumerate(shares)
            for side in (0, 1)
        ]
        path = " ".join([f"{x(0):.1f},{y(0):.1f}", *steps, f"{x(1):.1f},{y(0):.1f}"])
        middle = ""
        if median is not None:
            place = x(min(max(median, 0.0), 1.0))
            middle = f'<line class="bar" x1="{place:.1f}" x2="{place:.1f}" y1="{y(0)}" y2="{y(0) - 12:.1f}"/>'
        parts.append(
            f'<g class="{colour}"><polygon class="band" points="{path}"/>'
            f'<polyline class="line" points="{path}"/>{middle}</g>'
        )
    return _svg(width, height, parts)


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Html:
    """Shares of each row as shades: asked for downwards, called across."""
    left, top = 96, 30
    parts = []
    for row, values in enumerate(counts):
        total = sum(values)
        y = top + row * _CELL
        parts.append(_text(left - 8, y + _CELL / 2 + 4, _short(classes[row]), "end"))
        for column, count in enumerate(values):
            share = count / total if total else 0.0
            x = left + column * _CELL
            parts.append(
                f'<rect class="cell" x="{x + 1}" y="{y + 1}" width="{_CELL - 2}" height="{_CELL - 2}" rx="4" '
                f'opacity="{0.06 + 0.5 * share:.2f}"/>'
            )
            if count:
                words = f"{100 * share:.0f} %"
                parts.append(_text(x + _CELL / 2, y + _CELL / 2 + 4, words, "middle", "big"))
    for column, name in enumerate(classes):
        parts.append(_text(left + (column + 0.5) * _CELL, top - 8, _short(name, 7), "middle"))
    size = _CELL * len(classes)
    return _svg(left + size + 4, top + size + 4, parts)


def key(entries: Sequence[tuple[str, str]]) -> Html:
    """What the colours mean: (class of the colour, words)."""
    spans = "".join(f'<span><i class="{colour}"></i>{markup(words)}</span>' for colour, words in entries)
    return Html(f'<div class="key">{spans}</div>')


def _svg(width: float, height: float, parts: Sequence[str]) -> Html:
    content = "".join(parts)
    style = f"max-width:{1.3 * width:.0f}px"
    return Html(f'<svg viewBox="0 0 {width} {height}" style="{style}" role="img">{content}</svg>')


def _level_grid(low: float, high: float) -> str:
    step = 10 if high - low <= 40 else 20
    parts = []
    level = high
    while level >= low:
        y = _TOP + (high - level) / max(high - low, 1) * (_HEIGHT - _TOP - _BOTTOM)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y))
        parts.append(_text(_LEFT - 6, y + 4, f"{level:.0f} dB", "end"))
        level -= step
    return "".join(parts)


def _marks(marks: Sequence[tuple[float, str]]) -> str:
    return "".join(
        _line(x, _TOP, x, _HEIGHT - _BOTTOM) + _text(x, _HEIGHT - _BOTTOM + 16, words, "middle")
        for x, words in ((_LEFT + place * (_WIDTH - _LEFT - _RIGHT), words) for place, words in marks)
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{markup(words)}</text>'


def _short(name: str, letters: int = 14) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"
