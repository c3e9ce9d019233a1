"""Where a training computes: devices, nodes, processes, threads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wavesmith.errors import RequestError, first_problem
from wavesmith.training.config import TrainingConfig

_ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}


class Hardware(BaseModel):
    """What a training computes on; this changes nothing of its result but the order of sums."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Device to compute on; auto takes a GPU if there is one."
    )
    devices: int = Field(default=1, ge=1, description="Devices on each machine.")
    nodes: int = Field(
        default=1, ge=1, description="Machines, each of which runs this command under torchrun or Slurm."
    )
    workers: int = Field(
        default=0, ge=0, description="Processes that prepare sounds; 0 prepares them between steps."
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads to compute with; by default as many as torch chooses."
    )
    compiled: bool = Field(
        default=False, description="Compile the model with torch.compile, which needs a C++ compiler."
    )

    @classmethod
    def checked(cls, **values: Any) -> Hardware:
        """Return the hardware with these values; RequestError if one is bad or the devices are not there."""
        try:
            hardware = cls(**values)
        except ValidationError as error:
            raise RequestError(f"Cannot train like that ({first_problem(error)}); correct it.") from error
        logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
        hardware._fabric()
        return hardware

    def examples_per_step(self, config: TrainingConfig) -> int:
        """Return the number of examples between two updates of the weights."""
        return config.batch * config.accumulate * self.devices * self.nodes

    def fabric(self, config: TrainingConfig, objectives: int = 1) -> Fabric:
        """Return Fabric for these devices.

        Args:
            config: decides about the precision.
            objectives: number of losses; each of several leaves some of the parameters without gradients.
        """
        several = self.devices * self.nodes > 1 and objectives > 1
        strategy = "ddp_find_unused_parameters_true" if several else "auto"
        return self._fabric(precision=self._precision(config), strategy=strategy)

    @contextmanager
    def limited_threads(self) -> Iterator[None]:
        """Compute with `threads` CPU threads within this context."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _precision(self, config: TrainingConfig) -> str:
        cuda = self.device in ("auto", "cuda") and torch.cuda.is_available()
        bf16 = torch.cuda.is_bf16_supported() if cuda else self.device in ("auto", "cpu") and _has_amx()
        names = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
        return names[("bf16" if bf16 else "32") if config.precision == "auto" else config.precision]

    def _fabric(self, **options: Any) -> Fabric:
        try:
            return Fabric(
                accelerator=_ACCELERATORS[self.device],
                devices=self.devices,
                num_nodes=self.nodes,
                **options,
            )
        except (MisconfigurationException, RuntimeError, ValueError) as error:
            raise RequestError(
                f"Cannot train on {self.devices} x {self.device} here ({error}); use cpu."
            ) from error


def _has_amx() -> bool:
    """Return whether the CPU multiplies bfloat16 matrices several times faster than float32 (Intel's AMX)."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return bool(supported()) and not torch.backends.mps.is_available()
