"""Where a training computes: devices, processes, threads."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.plugins.io import TorchCheckpointIO

from wavesmith.errors import RequestError, unknown
from wavesmith.training.config import TrainingConfig

_ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}


class StraightToDisk(TorchCheckpointIO):
    """Checkpoints without a copy in memory, which Lightning makes first."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint; OSError when the disk is full."""
        with open(path, "wb") as file:
            torch.save(checkpoint, file)


@dataclass(frozen=True)
class Machine:
    """What computes; nothing here changes what a training makes, but for the order of sums.

    Attributes:
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: how many of them.
        workers: processes that prepare sounds; 0 does it between steps.
        threads: CPU threads to compute with; None leaves torch's choice.
        compiled: whether steps go through `torch.compile`.
    """

    device: str = "auto"
    devices: int = 1
    workers: int = 0
    threads: int | None = None
    compiled: bool = False

    def prepare(self) -> None:
        """Take the threads, and see that the devices are there; RequestError if not."""
        for name, least in {"devices": 1, "workers": 0, "threads": 1}.items():
            count = getattr(self, name)
            if count is not None and count < least:
                raise RequestError(f"{name} cannot be {count}; choose {least} or more.")
        if self.device not in _ACCELERATORS:
            raise RequestError(unknown("device", self.device, _ACCELERATORS))
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._lightning(logger=False)
        if self.threads is not None:
            torch.set_num_threads(self.threads)

    def examples_per_step(self, config: TrainingConfig) -> int:
        """Examples between two moves of the weights."""
        return config.batch * config.accumulate * self.devices

    def trainer(
        self, config: TrainingConfig, folder: Path, callbacks: list[L.Callback], loggers: list[Any]
    ) -> L.Trainer:
        """The loop, on these devices."""
        return self._lightning(
            precision=self._precision(config),
            max_steps=-(-config.examples // self.examples_per_step(config)),
            max_epochs=-1,
            accumulate_grad_batches=config.accumulate,
            gradient_clip_val=config.clip,
            callbacks=callbacks,
            logger=loggers,
            log_every_n_steps=10,
            default_root_dir=folder,
            use_distributed_sampler=False,
            plugins=[StraightToDisk()],
        )

    def _precision(self, config: TrainingConfig) -> str:
        cuda = self.device in ("auto", "cuda") and torch.cuda.is_available()
        bf16 = torch.cuda.is_bf16_supported() if cuda else self.device in ("auto", "cpu") and _has_tiles()
        names = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
        return names[("bf16" if bf16 else "32") if config.precision == "auto" else config.precision]

    def _lightning(self, **options: Any) -> L.Trainer:
        try:
            return L.Trainer(
                accelerator=_ACCELERATORS[self.device],
                devices=self.devices,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                **options,
            )
        except (MisconfigurationException, RuntimeError, ValueError) as error:
            raise RequestError(
                f"Cannot train on {self.devices} x {self.device} here ({error}); use cpu."
            ) from error


def _has_tiles() -> bool:
    """Whether the CPU multiplies matrices of bfloat16 several times faster than of float32 (Intel's AMX)."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return bool(supported()) and not torch.backends.mps.is_available()
