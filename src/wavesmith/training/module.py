"""The Lightning module: loss, optimizer, averages. Lightning does the loop, devices, precision, resuming."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from wavesmith.diffusion import ItemNoise
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.training.config import TrainingConfig
from wavesmith.training.ema import PowerAverages
from wavesmith.training.examples import Example, Examples, Positions


def ignore_interrupts(worker: int) -> None:
    """For a process that prepares sounds: Ctrl-C reaches it as well, but is for the training."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class DiffusionTraining(L.LightningModule):
    """Trains one `DiffusionModel`.

    Attributes:
        family: what is trained.
        averages: of its weights.
        seen: examples trained on so far, over all devices; also the position where the stream goes on.
        started: whether all is restored and training itself has begun.
    """

    def __init__(
        self,
        family: DiffusionModel,
        examples: Examples,
        config: TrainingConfig,
        workers: int = 0,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.family, self.config = family, config
        self.examples, self.workers = examples, workers
        self.averages = PowerAverages(family, config.ema)
        self.seen = 0
        self.started = False
        self.losses = torch.compile(family.training_loss) if compiled else family.training_loss

    @property
    def steps(self) -> int:
        """Optimizer steps that the whole run takes."""
        return -(-self.config.examples // self.examples_per_step)

    @property
    def amid_step(self) -> bool:
        """Whether gradients have been gathered that have not moved the weights yet."""
        return self.seen % self.examples_per_step != 0

    @property
    def examples_per_step(self) -> int:
        """Examples between two moves of the weights, over all devices."""
        world = self.trainer.world_size if self._trainer is not None else 1
        return self.config.batch * self.config.accumulate * world

    def train_dataloader(self) -> DataLoader[Example]:
        """The stream, from where training stands."""
        positions = Positions(self.seen, self.global_rank, self.trainer.world_size)
        return DataLoader(
            self.examples,
            self.config.batch,
            sampler=positions,
            num_workers=self.workers,
            worker_init_fn=ignore_interrupts,
        )

    def on_train_start(self) -> None:
        """For Lightning: from here on, what goes wrong is not the checkpoint's fault."""
        self.started = True

    def training_step(self, batch: Example, index: int) -> Tensor:
        """Mean loss of a batch."""
        shape = self.family.feature_shape(batch.wave.shape[-1])
        positions = batch.position.tolist()
        eps = ItemNoise(self.config.seed, positions, shape, self.device)()
        with self._dropout_from(positions[0]):
            losses = self.losses(batch.wave, batch.sigma, eps, label=batch.label, augment=batch.augment)
        loss = losses.mean()
        finite = bool(torch.isfinite(loss))
        if not self.trainer.strategy.reduce_boolean_decision(finite):  # all devices stop, or none
            raise FloatingPointError(f"the loss is {loss.item()} after {self.seen} examples")
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    @contextmanager
    def _dropout_from(self, position: int) -> Iterator[None]:
        """Dropout draws from torch's own generator: make that depend on the seed and the position alone."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(int(np.random.SeedSequence((self.config.seed, position)).generate_state(1)[0]))
            yield

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up, a plateau and a linear fall; decay spares biases, norms and embeddings."""
        matrices = [p for p in self.family.parameters() if p.requires_grad and p.ndim >= 2]
        vectors = [p for p in self.family.parameters() if p.requires_grad and p.ndim < 2]
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(
            groups,
            lr=self.config.learning_rate,
            betas=self.config.betas,
            eps=self.config.eps,
            weight_decay=self.config.weight_decay,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_at)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def rate_at(self, step: int) -> float:
        """Share of the full learning rate at an optimizer step."""
        warm = self.config.warmup / self.examples_per_step
        left = 1 - step / self.steps
        fall = max(left / self.config.decay, 0.02) if self.config.decay else 1.0
        return min(1.0, (step + 1) / (warm + 1), fall)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the averages and the position in the stream."""
        checkpoint["averages"] = self.averages.state()
        checkpoint["seen"] = self.seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the averages and the position in the stream."""
        self.averages.restore(checkpoint["averages"])
        self.seen = checkpoint["seen"]
