"""The learning curves of a run as a picture, drawn from its log."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from wavesmith.picture import Panel, Points, panels

_HELD_OUT, _LEVEL = "held_out/", "/sigma_"
_DEMOS = {"demo/distance": "demos", "demo/distance_of_training_sounds": "training sounds"}
_SMOOTH = 0.1


def draw_curves(log: Path, path: Path, examples_per_step: int) -> None:
    """Draw what a log tells against the examples seen; nothing if it tells nothing yet.

    Panels: the losses in training (smoothed) and held out; the held-out loss at its lowest, middle and
    highest noise level, relative to where each began; the distance of demos to held-out sounds.

    Raises:
        WavesmithError: when the picture cannot be written.
    """
    if not log.is_file():
        return
    found = _series(log, examples_per_step)
    losses = {name: points for name, points in found.items() if name.startswith(_HELD_OUT)}
    totals = {name: points for name, points in losses.items() if _LEVEL not in name}
    training = {"training": _smoothed(found["loss"])} if "loss" in found else {}
    demos = {words: found[name] for name, words in _DEMOS.items() if name in found}
    drawn = [
        Panel("loss", training | {_in_words(name): points for name, points in totals.items()}),
        Panel("held-out loss by noise level, 1 at first", _by_level(losses, min(totals, default=""))),
        Panel("distance of demos to held-out sounds", demos),
    ]
    if drawn := [panel for panel in drawn if panel.lines]:
        panels(drawn, path, across="examples")


def _in_words(name: str) -> str:
    """`held_out/ema_0.05` for people."""
    return "held out, ema " + name.rpartition("_")[2]


def _by_level(losses: Mapping[str, Points], average: str) -> dict[str, Points]:
    """The lowest, the middle and the highest noise level of one average, each relative to its first value."""
    levels = sorted(
        (float(name.rpartition("_")[2]), points)
        for name, points in losses.items()
        if name.startswith(average + _LEVEL)
    )
    chosen = [levels[0], levels[len(levels) // 2], levels[-1]] if levels else []
    return {f"sigma {sigma:g}": [(x, y / points[0][1]) for x, y in points] for sigma, points in chosen}


def _smoothed(points: Points) -> Points:
    """An exponential mean over about ten points."""
    mean, smooth = points[0][1], []
    for x, y in points:
        mean += _SMOOTH * (y - mean)
        smooth.append((x, mean))
    return smooth


def _series(log: Path, examples_per_step: int) -> dict[str, Points]:
    """Every finite number of the log by name: (examples, value)."""
    series: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        numbers = json.loads(line)
        seen = numbers.pop("step") * examples_per_step
        for name, value in numbers.items():
            if math.isfinite(value):
                series[name].append((seen, value))
    return dict(series)
