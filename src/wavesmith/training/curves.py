"""The learning curves of a run as a picture, drawn from its log."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from wavesmith.picture import Panel, Points, panels
from wavesmith.training.progress import HELD_OUT_LOSS, TRAINING_LOSS, read_log

_DEMOS = {"demo/distance": "demos", "demo/distance_of_training_sounds": "training sounds"}
_SMOOTHING = 0.1


def draw_curves(log: Path, path: Path) -> None:
    """Draw a log against the examples seen; nothing if the log is empty.

    Panels: the losses in training (smoothed) and held out; the first, middle and last part of the held-out
    loss (of diffusion: noise levels), relative to where each began; the distance of demos to held-out sounds.

    Raises:
        WavesmithError: when the picture cannot be written.
    """
    if not log.is_file():
        return
    found = read_series(log)
    held_out = _beginning_with(HELD_OUT_LOSS, found)
    totals = {name: points for name, points in held_out.items() if "/" not in name}
    training = _beginning_with(TRAINING_LOSS, found)
    drawn = [
        Panel(
            "loss",
            {_training_name(name): _smoothed(points) for name, points in training.items()}
            | {f"held out, {name.replace('_', ' ')}": points for name, points in totals.items()},
        ),
        Panel("parts of the held-out loss, 1 at first", _parts(held_out, min(totals, default=""))),
        Panel("distance of demos to held-out sounds", {w: found[n] for n, w in _DEMOS.items() if n in found}),
    ]
    if drawn := [panel for panel in drawn if panel.lines]:
        panels(drawn, path, across="examples")


def read_series(log: Path) -> dict[str, Points]:
    """Return every finite number of a log by name, as pairs of examples and value."""
    series: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in read_log(log):
        seen = line.pop("examples")
        for name, value in line.items():
            if math.isfinite(value):
                series[name].append((seen, value))
    return dict(series)


def _beginning_with(start: str, series: Mapping[str, Points]) -> dict[str, Points]:
    return {name.removeprefix(start): points for name, points in series.items() if name.startswith(start)}


def _training_name(objective: str) -> str:
    return "training" if objective == "loss" else f"training, {objective}"


def _parts(held_out: Mapping[str, Points], average: str) -> dict[str, Points]:
    """Return the first, middle and last part of one average's loss, each relative to its first value."""
    parts = list(_beginning_with(f"{average}/", held_out).items())
    chosen = [parts[0], parts[len(parts) // 2], parts[-1]] if parts else []
    return {name.replace("_", " "): [(x, y / points[0][1]) for x, y in points] for name, points in chosen}


def _smoothed(points: Points) -> Points:
    """Return an exponential mean over about ten points."""
    mean, smooth = points[0][1], []
    for x, y in points:
        mean += _SMOOTHING * (y - mean)
        smooth.append((x, mean))
    return smooth
