"""What timbres a data set has: percentiles of each measurement, over all sounds and for every label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor

from wavesmith.descriptors.timbre import TIMBRES, Timbre

POINTS = 21
"""Percentiles kept of each measurement: 0, 5, ..., 100."""

ALL = ""
"""The name under which the percentiles of all sounds stand."""

_FEWEST = 4  # sounds of a label; of fewer, percentiles say nothing


class TimbreTable(BaseModel):
    """Percentiles of timbres: `rows[label][name]` holds 21 values in the units of `Timbre`."""

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
        """The measurement at a percentile (0 to 100) among sounds of a mix of labels, or of all."""
        return self._mixed(name, percentile, label)

    def spread(self, name: str, label: Mapping[str, float] | None = None) -> float:
        """How far the upper quarter lies above the lower one; a unit to measure differences in."""
        width = self._mixed(name, 75, label) - self._mixed(name, 25, label)
        everywhere = self._mixed(name, 75, None) - self._mixed(name, 25, None)
        return max(width, 0.1 * everywhere, 1e-6)

    def percentile(self, name: str, value: float, label: Mapping[str, float] | None = None) -> float:
        """The percentile, 0 to 100, that a measurement has among such sounds."""
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
    place = min(max(percentile, 0.0), 100.0) / 100 * (len(points) - 1)
    low = min(int(place), len(points) - 2)
    return points[low] + (place - low) * (points[low + 1] - points[low])


@torch.no_grad()
def measure(waves: Iterable[tuple[Tensor, str | None]], rate: int) -> TimbreTable:
    """Measure sounds, each a wave `[C, N]` and its label, at a rate in Hz."""
    timbre = Timbre(rate)
    measured: dict[str, list[Tensor]] = {ALL: []}
    for wave, label in waves:
        found = timbre(wave[None])
        row = torch.stack([found[name][0] for name in TIMBRES])
        measured[ALL].append(row)
        if label is not None:
            measured.setdefault(label, []).append(row)
    shares = torch.linspace(0, 1, POINTS)
    rows = {}
    for label, values in measured.items():
        if len(values) >= (_FEWEST if label else 1):
            points = torch.quantile(torch.stack(values), shares, dim=0)
            rows[label] = {
                name: tuple(round(v, 5) for v in points[:, k].tolist()) for k, name in enumerate(TIMBRES)
            }
    return TimbreTable(rows=rows)
