"""What happens between the steps of a training: logging, held-out losses, checkpoints, demos, patience."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from wavesmith.fitting import Losses, Trainer, TrainingDiverged
from wavesmith.training.config import TrainingConfig
from wavesmith.training.curves import draw_curves
from wavesmith.training.demo_distance import DemoDistance
from wavesmith.training.progress import HELD_OUT_LOSS, SPEED, TRAINING_LOSS, Log, ProgressBar, Speed
from wavesmith.training.run_folder import CURVES, LOG, ModelWriter
from wavesmith.training.validation import HeldOut

_LOG_EVERY = 10  # steps


class Monitor:
    """Keeps a run's folder up to date, and stops training that no longer helps.

    The model in the folder is the one with the lowest held-out loss among all averages of the weights at all
    measurements so far (`keep: best`), or the latest one (`keep: last`, and where nothing is held out). A
    held-out loss that is only measured because of an interruption is reported, but decides nothing: an
    interrupted training keeps the model of an unbroken one.

    Attributes:
        width: of the average with the lowest held-out loss at the last measurement.
        loss: that loss; None before the first.
        best: the lowest held-out loss that decides, and the number of examples then; None before the first.
        waiting_since: examples seen when patience began to run.
        gave_up: whether training ended because patience ran out.
    """

    def __init__(
        self,
        trainer: Trainer,
        config: TrainingConfig,
        writer: ModelWriter,
        held_out: HeldOut | None,
        demo_distance: DemoDistance | None,
        log: Log,
        report: Callable[[str], None],
        bar: ProgressBar | None = None,
    ) -> None:
        """`report` is called with a sentence at each held-out loss."""
        self.trainer, self.writer, self.log, self.report, self.bar = trainer, writer, log, report, bar
        self.held_out, self.demo_distance = held_out, demo_distance
        self.config, self.path = config, writer.folder.path
        self.leads = trainer.fabric.is_global_zero  # of several devices, one writes and measures
        self.width = min(self.config.ema)
        self.loss: float | None = None
        self.best: tuple[float, int] | None = None
        self.waiting_since = 0
        self.gave_up = False
        self.measured = self.shown = 0  # examples seen at the last held-out loss and at the last demos

    def state(self) -> dict[str, Any]:
        """Return what going on later needs, as plain values."""
        names = ("width", "loss", "best", "waiting_since", "gave_up", "measured")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; a training that had given up gets as much patience again."""
        self.width, self.loss, self.best = state["width"], state["loss"], state["best"]
        self.measured = state["measured"]
        self.waiting_since = self.measured if state["gave_up"] else state["waiting_since"]

    def begin(self) -> None:
        """Start the clock, and drop from the log what will be measured again."""
        self.speed, self.before = Speed(self.trainer.seen), self.trainer.seen
        if self.leads:
            self.log.forget_after(self.trainer.seen)

    def after_step(self, losses: Losses) -> bool:
        """Do what is due after a step; return whether patience has run out."""
        seen = self.trainer.seen
        self._show(losses)
        if self._due(self.config.validate_every):
            self._measure(decides=True)
            self.gave_up = self._out_of_patience()
        if self._due(self.config.save_every):
            self._save()
        if self._due(self.config.demo_every):
            self._demo()
        self.before = seen
        return self.gave_up

    def finish(self) -> None:
        """Keep everything, whether training is complete or interrupted."""
        complete = self.trainer.seen >= self.config.examples
        self.gave_up = self.trainer.any_device(self.gave_up) and not complete
        self._measure(decides=complete)
        self._save()
        if complete or self.gave_up:
            self._demo()
        else:
            self._draw()

    def _due(self, interval: int) -> bool:
        """Whether the number of examples has passed a multiple of the interval in this step."""
        return self.trainer.seen // interval > self.before // interval

    def _show(self, losses: Losses) -> None:
        seen = self.trainer.seen
        if self.leads and self._due(_LOG_EVERY * self.trainer.examples_per_step):
            numbers = {TRAINING_LOSS + name: loss for name, loss in losses.items()}
            self.log.write(numbers | {SPEED: self.speed.at(seen)}, seen)
        if self.bar:
            self.bar.update(seen, losses, self.speed.at(seen))

    def _measure(self, decides: bool) -> None:
        seen = self.trainer.seen
        if not self.leads or self.measured == seen:
            return
        self.measured = seen
        words = f"{seen} examples, "
        if self.held_out is not None:
            loss = self.loss = self._lowest_loss(self.held_out)
            better = math.isfinite(loss) and (self.best is None or loss < self.best[0])
            if decides and better:
                self.best, self.waiting_since = (loss, seen), seen
                if self.config.keep == "best":
                    self._write_model()
            words += f"held-out loss {loss:.3f}"
            words += "" if better or self.best is None else f" (lowest {self.best[0]:.3f} at {self.best[1]})"
            words += ", "
        self.report(f"{words}{self.speed.at(seen):.1f}/s")

    def _lowest_loss(self, held_out: HeldOut) -> float:
        """Return the lowest held-out loss of all averages, and remember which it is."""
        totals, numbers = {}, {}
        for width in self.config.ema:
            with self.trainer.averages.applied(self.writer.family, width):
                losses = held_out.losses(self.writer.family)
            name = f"{HELD_OUT_LOSS}ema_{width:g}"
            totals[width] = numbers[name] = sum(losses.values()) / len(losses)
            if len(losses) > 1:
                numbers |= {f"{name}/{part}": loss for part, loss in losses.items()}
        self.width = min(totals, key=lambda width: totals[width])
        self.log.write(numbers, self.trainer.seen)
        return totals[self.width]

    def _out_of_patience(self) -> bool:
        if not self.config.patience or not self.leads or self.held_out is None:
            return False
        waited = self.trainer.seen - self.waiting_since
        return self.trainer.seen < self.config.examples and waited >= self.config.patience

    def _save(self) -> None:
        if not all(parameter.isfinite().all() for parameter in self.trainer.module.parameters()):
            raise TrainingDiverged(f"the weights are no longer finite after {self.trainer.seen} examples")
        if self.leads:
            self.writer.folder.save_checkpoint(self.trainer.state() | {"monitor": self.state()})
        self._write_unless_better_is_there()

    def _write_unless_better_is_there(self) -> None:
        if self.best is None or self.config.keep == "last":
            self._write_model()

    def _write_model(self) -> None:
        if self.leads:
            with self.trainer.averages.applied(self.writer.family, self.width):
                self.writer.write(self.trainer.seen, self.loss)

    def _demo(self) -> None:
        if not self.leads or self.shown == self.trainer.seen:
            return
        self._write_unless_better_is_there()
        sounds = self.writer.demo(self.trainer.seen)
        if self.demo_distance is not None:
            self.log.write(self.demo_distance.measure(sounds), self.trainer.seen)
        self.shown = self.trainer.seen
        self._draw()

    def _draw(self) -> None:
        if self.leads:
            draw_curves(self.path / LOG, self.path / CURVES)
