"""Keeps a run's folder: checkpoints, held-out losses, the best model so far, its demos, learning curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import lightning as L

from wavesmith.files import replacing
from wavesmith.training.callbacks import Every, JsonLines, Speed
from wavesmith.training.curves import draw_curves
from wavesmith.training.demo_distance import Likeness
from wavesmith.training.held_out import HeldOut
from wavesmith.training.module import DiffusionTraining
from wavesmith.training.run_folder import CURVES, LAST, LOG, Run


class Keeper(L.Callback):
    """Keeps the run's folder up to date, and says when training no longer helps.

    The model in the folder is, of all averages of the weights at all held-out losses so far, the one with the
    lowest (`keep: best`), or the latest one (`keep: last`, and where nothing is held out); so the folder can
    be used at any time while training goes on. A held-out loss that is only measured because of an
    interruption is told, but decides nothing: an interrupted training makes the model of an unbroken one.

    Attributes:
        best: the lowest held-out loss that decides, if any, and how many examples had been seen then.
        gave_up: whether training ended because `patience` ran out.
    """

    def __init__(
        self,
        run: Run,
        held_out: HeldOut | None,
        likeness: Likeness | None,
        speed: Speed,
        report: Callable[[str], None],
    ) -> None:
        """`report` is told how it goes, a sentence at a time."""
        self.run, self.held_out, self.likeness = run, held_out, likeness
        self.speed, self.report = speed, report
        self.config = run.recipe.training
        self.validate, self.demo = Every(self.config.validate_every), Every(self.config.demo_every)
        self.save = Every(self.config.save_every)
        self.width = min(self.config.ema)
        self.loss: float | None = None
        self.best: tuple[float, int] | None = None
        self.gave_up = False
        self.waiting_since = 0  # examples seen when patience began to run
        self.measured = self.shown = 0  # examples seen at the last held-out loss and at the last demos

    def state_dict(self) -> dict[str, Any]:
        """What is known about the model."""
        names = ("width", "loss", "best", "waiting_since", "gave_up", "measured")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there; runs of earlier versions do not know their best, and look for it from here on."""
        self.width, self.loss = state_dict["width"], state_dict["loss"]
        self.measured = state_dict["measured"]
        self.best = state_dict.get("best")
        self.waiting_since = state_dict.get("waiting_since", self.measured)
        if state_dict.get("gave_up"):  # but shall go on: it gets as much patience again
            self.waiting_since = self.measured

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Count from where training stands."""
        assert isinstance(module, DiffusionTraining)
        for every in (self.validate, self.demo, self.save):
            every.last = module.seen
        for logger in trainer.loggers:
            if isinstance(logger, JsonLines):
                logger.forget_after(trainer.global_step)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Do what is due."""
        assert isinstance(module, DiffusionTraining)
        if module.amid_step:
            return
        if self.validate.passed(module.seen):
            self._measure(trainer, module, decides=True)
            self._consider_giving_up(trainer, module)
        if self.save.passed(module.seen):
            self._save(trainer, module)
        if self.demo.passed(module.seen):
            self._demo(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep everything, whether finished or interrupted."""
        assert isinstance(module, DiffusionTraining)
        finished = module.seen >= module.config.examples
        self._measure(trainer, module, decides=finished)
        self._save(trainer, module)
        if finished or self.gave_up:
            self._demo(trainer, module)
        self._draw(trainer, module)

    def _measure(self, trainer: L.Trainer, module: DiffusionTraining, decides: bool) -> None:
        if not trainer.is_global_zero or self.measured == module.seen:
            return
        self.measured = module.seen
        told = ""
        if self.held_out is not None:
            loss = self.loss = self._judge(trainer, module, self.held_out)
            better = math.isfinite(loss) and (self.best is None or loss < self.best[0])
            if decides and better:
                self.best = (loss, module.seen)
                self.waiting_since = module.seen
                if self.config.keep == "best":
                    self._export(trainer, module)
            told = f"held-out loss {loss:.3f}, "
            if self.best is not None and not better:
                told = f"held-out loss {loss:.3f} (lowest {self.best[0]:.3f} at {self.best[1]}), "
        self.report(f"{module.seen} examples, {told}{self.speed.value:.1f}/s")

    def _judge(self, trainer: L.Trainer, module: DiffusionTraining, held_out: HeldOut) -> float:
        """The lowest loss of all averages, which becomes the one that counts."""
        totals, numbers = {}, {}
        for width in module.config.ema:
            with module.averages.applied(module.family, width):
                losses = held_out.losses(module.family)
            totals[width] = sum(losses.values()) / len(losses)
            numbers[f"held_out/ema_{width:g}"] = totals[width]
            numbers |= {f"held_out/ema_{width:g}/sigma_{s:.3g}": loss for s, loss in losses.items()}
        self.width = min(totals, key=lambda width: totals[width])
        _log(trainer, numbers)
        return totals[self.width]

    def _consider_giving_up(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        """Stop where the held-out loss has not fallen for too long; all devices do, or none."""
        if not self.config.patience or module.seen >= self.config.examples:
            return
        judges = self.held_out is not None and trainer.is_global_zero
        waited = judges and module.seen - self.waiting_since >= self.config.patience
        if trainer.strategy.reduce_boolean_decision(waited, all=False):
            self.gave_up = trainer.should_stop = True

    def _save(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if not all(p.isfinite().all() for p in module.family.parameters()):
            raise FloatingPointError(f"the weights are no longer finite after {module.seen} examples")
        place = replacing(self.run.folder / LAST) if trainer.is_global_zero else nullcontext(LAST)
        with place as temporary:
            trainer.save_checkpoint(temporary)  # called by all devices: they wait for each other in it
        self._export_unless_better_is_there(trainer, module)

    def _export_unless_better_is_there(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if self.best is None or self.config.keep == "last":
            self._export(trainer, module)

    def _export(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if trainer.is_global_zero:
            with module.averages.applied(module.family, self.width):
                self.run.export(module.family, module.seen, self.loss)

    def _demo(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if not trainer.is_global_zero or self.shown == module.seen:
            return
        self._export_unless_better_is_there(trainer, module)
        sounds = self.run.demo(module.seen)
        if self.likeness is not None:
            _log(trainer, self.likeness.of(sounds))
        self.shown = module.seen
        self._draw(trainer, module)

    def _draw(self, trainer: L.Trainer, module: DiffusionTraining) -> None:
        if trainer.is_global_zero:
            draw_curves(self.run.folder / LOG, self.run.folder / CURVES, module.examples_per_step)


def _log(trainer: L.Trainer, numbers: Mapping[str, float]) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(dict(numbers), step=trainer.global_step)
