"""The process that trains: `python -m wavesmith.serve.trainer`; see `processes.run`."""

from __future__ import annotations

from typing import Any

from wavesmith.serve.processes import run, stopped
from wavesmith.training import train


def _train(**work: Any) -> None:
    train(**work, on_interrupt=stopped)


if __name__ == "__main__":
    run(_train)
