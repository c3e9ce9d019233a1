"""Timbres of a data set: percentiles of each measurement, over all sounds and for every label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from wavesmith.descriptors.timbre import TIMBRES, Timbre

POINTS = 21
"""Number of percentiles of each measurement: 0, 5, ..., 100."""

ALL = ""
"""Row with the percentiles of all sounds."""

_MIN_SOUNDS = 4  # of a label; percentiles of fewer mean nothing


class TimbreTable(BaseModel):
    """Percentiles of timbres, which translate between units of `Timbre` and "brighter than 90 % of kicks".

    Attributes:
        rows: `rows[label][name]` holds the `POINTS` percentiles of a measurement; the row `ALL` those of all
            sounds. A label without a row, and no label, mean all sounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: dict[str, dict[str, tuple[float, ...]]]

    @model_validator(mode="after")
    def _complete(self) -> TimbreTable:
        if ALL not in self.rows:
            raise ValueError("the percentiles of all sounds are missing")
        for row in self.rows.values():
            if row.keys() != set(TIMBRES) or any(len(points) != POINTS for points in row.values()):
                raise ValueError(f"every row needs {POINTS} percentiles of each timbre")
        return self

    def value(self, name: str, percentile: float, label: Mapping[str, float] | None = None) -> float:
        """Return the measurement at a percentile (0 to 100) among sounds of a mix of labels, or of all."""
        return self._mixed(name, percentile, label)

    def spread(self, name: str, label: Mapping[str, float] | None = None) -> float:
        """Return the interquartile range: a unit for differences of the measurement."""
        width = self._mixed(name, 75, label) - self._mixed(name, 25, label)
        everywhere = self._mixed(name, 75, None) - self._mixed(name, 25, None)
        return max(width, 0.1 * everywhere, 1e-6)

    def percentile(self, name: str, value: float, label: Mapping[str, float] | None = None) -> float:
        """Return the percentile, 0 to 100, of a measurement among such sounds."""
        points = torch.tensor([self._mixed(name, 100 * k / (POINTS - 1), label) for k in range(POINTS)])
        above = int((points < value).sum())
        if above in (0, POINTS):
            return 100.0 * (above > 0)
        low, high = float(points[above - 1]), float(points[above])
        return 100 * (above - 1 + (value - low) / max(high - low, 1e-12)) / (POINTS - 1)

    def _mixed(self, name: str, percentile: float, label: Mapping[str, float] | None) -> float:
        known = {key: weight for key, weight in (label or {}).items() if weight and key in self.rows}
        if not known:
            known = {ALL: 1.0}
        total = sum(known.values())
        return sum(weight * _at(self.rows[key][name], percentile) for key, weight in known.items()) / total


def _at(points: tuple[float, ...], percentile: float) -> float:
    position = min(max(percentile, 0.0), 100.0) / 100 * (len(points) - 1)
    low = min(int(position), len(points) - 2)
    return points[low] + (position - low) * (points[low + 1] - points[low])


@torch.no_grad()
def measure(waves: Iterable[tuple[Tensor, str | None]], rate: int) -> TimbreTable:
    """Measure sounds, each a wave `[C, N]` and its label or None, at a rate in Hz."""
    timbre = Timbre(rate)
    measured: dict[str, list[Tensor]] = {ALL: []}
    for wave, label in waves:
        values = timbre(wave[None])
        row = torch.stack([values[name][0] for name in TIMBRES])
        measured[ALL].append(row)
        if label is not None:
            measured.setdefault(label, []).append(row)
    shares = torch.linspace(0, 1, POINTS)
    rows = {}
    for label, values in measured.items():
        if len(values) >= (_MIN_SOUNDS if label else 1):
            points = torch.quantile(torch.stack(values), shares, dim=0)
            rows[label] = {
                name: tuple(round(v, 5) for v in points[:, k].tolist()) for k, name in enumerate(TIMBRES)
            }
    return TimbreTable(rows=rows)
