"""The process that evaluates: `python -m wavesmith.serve.evaluator`; see `processes.run`."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from wavesmith.errors import WavesmithError
from wavesmith.evaluation import evaluate
from wavesmith.files import replacing
from wavesmith.models import load
from wavesmith.serve.evaluations import PROGRESS
from wavesmith.serve.processes import run

_EVERY = 0.5  # seconds between news


class _News:
    """Writes down how far it is, not too often."""

    def __init__(self, path: Path) -> None:
        self._path, self._stage, self._next = path, "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == self._stage and done < total and now < self._next:
            return
        self._stage, self._next = stage, now + _EVERY
        with suppress(WavesmithError), replacing(self._path) as temporary:
            temporary.write_text(json.dumps({"stage": stage, "done": done, "total": total}), encoding="utf-8")


def _evaluate(model: str, against: str | None, out: str, **work: Any) -> None:
    evaluate(
        load(model),
        against=None if against is None else load(against),
        out=out,
        progress=_News(Path(out) / PROGRESS),
        **work,
    )


if __name__ == "__main__":
    run(_evaluate)
