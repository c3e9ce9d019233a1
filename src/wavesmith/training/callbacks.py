"""What happens beside the training loop: counts, averages, the log, progress, a clean stop."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wavesmith.files import replacing
from wavesmith.training.module import DiffusionTraining


class JsonLines(Logger):
    """Every number that training logs, one JSON object a line, appended to across interruptions."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """For Lightning."""
        return "jsonl"

    @property
    def version(self) -> int:
        """For Lightning."""
        return 0

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The recipe is in its own file."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a line."""
        values = {name: value for name, value in metrics.items() if name != "epoch"}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step} | values) + "\n")

    @rank_zero_only
    def forget_after(self, steps: int) -> None:
        """Drop what was logged beyond the first `steps` steps: a run that was killed will make those again.

        Lightning numbers the step that a loss is of from 0; held-out losses bear the number of steps before.
        """
        if not self.path.is_file():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        with replacing(self.path) as temporary:
            temporary.write_text("".join(line for line in lines if _within(line, steps)), encoding="utf-8")


def _within(line: str, steps: int) -> bool:
    try:
        record = json.loads(line)
    except ValueError:  # cut short by the kill
        return False
    return bool(record["step"] + ("loss" in record) <= steps)


class Every:
    """Says when a count of examples passes the next multiple of `interval`."""

    def __init__(self, interval: int) -> None:
        self.interval, self.last = interval, 0

    def passed(self, count: int) -> bool:
        """Whether `count` is in another interval than the count before."""
        before, self.last = self.last, count
        return count // self.interval > before // self.interval


class Averaging(L.Callback):
    """Counts examples, and averages the weights whenever they have moved; comes before other callbacks."""

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """One batch further."""
        assert isinstance(module, DiffusionTraining)
        module.seen += len(batch.wave) * trainer.world_size
        if trainer.global_step > module.averages.steps:
            module.averages.update(module.family)


class Speed(L.Callback):
    """Logs the examples per second since the training was begun or gone on with; comes after `Averaging`."""

    def __init__(self) -> None:
        self.value = math.nan

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock."""
        assert isinstance(module, DiffusionTraining)
        self.started, self.first = time.monotonic(), module.seen

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Look at it."""
        assert isinstance(module, DiffusionTraining)
        self.value = (module.seen - self.first) / max(time.monotonic() - self.started, 1e-6)
        module.log("examples_per_second", self.value)


class ProgressBar(L.Callback):
    """Loss (averaged over the last hundred steps or so), examples per second and time left."""

    def __init__(self, speed: Speed) -> None:
        self.speed, self.loss = speed, math.nan
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} examples"),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:.1f}/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )

    @property
    def live(self) -> bool:
        """Whether it can move; where output is no terminal, only its end is printed."""
        return self.bar.console.is_terminal

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Show the bar from where training stands."""
        assert isinstance(module, DiffusionTraining)
        if trainer.is_global_zero:
            self.bar.start()
        self.task = self.bar.add_task(
            "", total=module.config.examples, completed=module.seen, loss=math.nan, speed=math.nan
        )

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Move the bar."""
        assert isinstance(module, DiffusionTraining)
        loss = float(trainer.callback_metrics.get("loss", math.nan))
        self.loss = loss if math.isnan(self.loss) else self.loss + 0.02 * (loss - self.loss)
        self.bar.update(self.task, completed=module.seen, loss=self.loss, speed=self.speed.value)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Leave the finished bar on the screen."""
        self.bar.refresh()
        self.bar.stop()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Give the screen back."""
        self.bar.stop()


class StopOnInterrupt(L.Callback):
    """The first Ctrl-C ends training after the step under way, with nothing half done; a second kills."""

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Listen; not outside the main thread: whoever started another one decides about interruptions."""
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Stop here if asked to."""
        assert isinstance(module, DiffusionTraining)
        if module.amid_step:
            return
        if trainer.strategy.reduce_boolean_decision(
            self.asked, all=False
        ):  # Ctrl-C may reach one device first
            trainer.should_stop = True

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Stop listening."""
        self._restore()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Stop listening."""
        self._restore()

    def _restore(self) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
