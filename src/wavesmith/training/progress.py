"""The course of a training: its log file, its speed, a progress bar."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wavesmith.files import replacing

SPEED = "examples_per_second"
TRAINING_LOSS, HELD_OUT_LOSS = "train/", "held_out/"
"""Beginnings of names in the log; the objective's name follows, or that of an average of the weights."""


class MetricLogger(Protocol):
    """Receives numbers by name: any logger of Lightning Fabric, for one."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log numbers that were measured after `step` examples."""


class Log:
    """The log file, one JSON object a line, appended to across interruptions; and loggers beside it."""

    def __init__(self, path: Path, loggers: Sequence[Any] = ()) -> None:
        self.path, self.loggers = path, loggers

    def write(self, metrics: Mapping[str, float], examples: int) -> None:
        """Log numbers that were measured after so many examples."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"examples": examples, **metrics}) + "\n")
        for logger in self.loggers:
            logger.log_metrics(dict(metrics), step=examples)

    def forget_after(self, examples: int) -> None:
        """Drop lines beyond so many examples: a run that was killed will measure those again."""
        if not self.path.is_file():
            return
        kept = [line for line in read_log(self.path) if line["examples"] <= examples]
        with replacing(self.path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the lines of a log file; lines that are cut short, or of version 0.1, are left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "examples" in line:
            lines.append(line)
    return lines


class Speed:
    """Examples per second since the training was begun or gone on with."""

    def __init__(self, seen: int) -> None:
        self._started, self._first = time.monotonic(), seen

    def at(self, seen: int) -> float:
        """Return the mean speed up to `seen` examples."""
        return (seen - self._first) / max(time.monotonic() - self._started, 1e-6)


class ProgressBar:
    """Losses (averaged over the last fifty steps or so), examples per second and time left."""

    def __init__(self, total: int) -> None:
        self.losses: dict[str, float] = {}
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} examples"),
            TextColumn("{task.fields[losses]}"),
            TextColumn("{task.fields[speed]:.1f}/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self.task = self.bar.add_task("", total=total, losses="", speed=math.nan)

    @property
    def live(self) -> bool:
        """Whether it can move; where output is no terminal, only its end is printed."""
        return self.bar.console.is_terminal

    def __enter__(self) -> ProgressBar:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.refresh()
        self.bar.stop()

    def update(self, seen: int, losses: Mapping[str, float], speed: float) -> None:
        """Move the bar."""
        for name, loss in losses.items():
            before = self.losses.get(name, loss)
            self.losses[name] = before + 0.02 * (loss - before)
        words = "  ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        self.bar.update(self.task, completed=seen, losses=words, speed=speed)
