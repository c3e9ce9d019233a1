"""What happens beside the training loop: progress, held-out loss, demos, checkpoints, a clean stop."""

from __future__ import annotations

import json
import math
import signal
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
from wavesmith.training.artifact import LAST, Run
from wavesmith.training.held_out import HeldOut
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


class Every:
    """Says when a count of examples passes the next multiple of `interval`."""

    def __init__(self, interval: int) -> None:
        self.interval, self.last = interval, 0

    def passed(self, count: int) -> bool:
        """Whether `count` is in another interval than the count before."""
        before, self.last = self.last, count
        return count // self.interval > before // self.interval


class Averaging(L.Callback):
    """Counts examples, and averages the weights whenever they have moved; comes before all other callbacks."""

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """One batch further."""
        assert isinstance(module, DiffusionTraining)
        module.seen += len(batch.wave) * trainer.world_size
        if trainer.global_step > module.averages.steps:
            module.averages.update(module.family)


class ProgressBar(L.Callback):
    """Loss (averaged over the last hundred steps or so), examples per second and time left."""

    def __init__(self) -> None:
        self.loss = math.nan
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} examples"),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:.1f}/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Show the bar from where training stands."""
        assert isinstance(module, DiffusionTraining)
        self.started, self.first = time.monotonic(), module.seen
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
        speed = (module.seen - self.first) / max(time.monotonic() - self.started, 1e-6)
        self.bar.update(self.task, completed=module.seen, loss=self.loss, speed=speed)
        if trainer.global_step % max(trainer.log_every_n_steps, 1) == 0:
            module.log("examples_per_second", speed)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Leave the finished bar on the screen."""
        self.bar.refresh()
        self.bar.stop()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Give the screen back."""
        self.bar.stop()


class StopOnInterrupt(L.Callback):
    """The first Ctrl-C ends training after the step under way, so that nothing is half done; a second kills."""

    def __init__(self) -> None:
        self.asked = False

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Listen."""
        self.before = signal.getsignal(signal.SIGINT)
        try:
            signal.signal(signal.SIGINT, self._interrupted)
        except ValueError:  # not the main thread: whoever started this thread decides about interruptions
            self.before = None

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Stop here if asked to."""
        if self.asked:
            trainer.should_stop = True

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Stop listening."""
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)


class Keeper(L.Callback):
    """Keeps the run's folder up to date: checkpoints, held-out losses, the model itself, and its demos.

    The average of the weights with the lowest held-out loss is the model (the narrowest without held-out
    sounds), so the folder can be used at any time while training goes on.
    """

    def __init__(self, run: Run, held_out: HeldOut | None) -> None:
        self.run, self.held_out = run, held_out
        config = run.recipe.training
        self.validate, self.demo = Every(config.validate_every), Every(config.demo_every)
        self.save = Every(config.save_every)
        self.width = min(config.ema)
        self.losses: dict[float, float] = {}

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Count from where training stands."""
        assert isinstance(module, DiffusionTraining)
        for every in (self.validate, self.demo, self.save):
            every.last = module.seen

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Do what is due."""
        assert isinstance(module, DiffusionTraining)
        if trainer.global_step != module.averages.steps:  # amid accumulated gradients
            return
        due = self.validate.passed(module.seen), self.save.passed(module.seen), self.demo.passed(module.seen)
        if trainer.is_global_zero and due[0]:
            self._measure(trainer, module)
        if due[1]:
            self._save(trainer, module)
        if trainer.is_global_zero and due[2]:
            self.run.demo(self._export(module), module.seen)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep everything, whether finished or interrupted."""
        assert isinstance(module, DiffusionTraining)
        if trainer.is_global_zero:
            self._measure(trainer, module)
        self._save(trainer, module)
        if trainer.is_global_zero and module.seen >= module.config.examples:
            self.run.demo(self._export(module), module.seen)

    def _measure(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if self.held_out is None:
            return
        totals, numbers = {}, {}
        for width in module.config.ema:
            with module.averages.applied(module.family, width):
                losses = self.held_out.losses(module.family)
            totals[width] = sum(losses.values()) / len(losses)
            numbers[f"held_out/ema_{width:g}"] = totals[width]
            numbers |= {f"held_out/ema_{width:g}/sigma_{s:.3g}": loss for s, loss in losses.items()}
        self.width = min(totals, key=lambda width: totals[width])
        self.losses = {module.seen: totals[self.width]}
        for logger in trainer.loggers:
            logger.log_metrics(numbers, step=trainer.global_step)

    def _save(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        with replacing(self.run.folder / LAST) as temporary:
            trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            self._export(module)

    def _export(self, module: DiffusionTraining) -> Path:
        held_out = next(iter(self.losses.values()), None)
        with module.averages.applied(module.family, self.width):
            self.run.export(module.family, module.seen, held_out)
        return self.run.folder
