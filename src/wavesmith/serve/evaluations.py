"""Evaluations: how good a model's sounds are, one evaluation and one report for each model."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from wavesmith.errors import RequestError
from wavesmith.evaluation.comparison import FEWEST
from wavesmith.evaluation.run import HTML
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.database import Database, Row
from wavesmith.serve.library import NotFound
from wavesmith.serve.limits import Limits
from wavesmith.serve.processes import Processes, ProcessInput, ProcessState
from wavesmith.serve.trainings import checked

PROGRESS = "progress.json"
"""Where the process of an evaluation says how far it is."""

_ERROR = "error.txt"


class EvaluationRequest(BaseModel):
    """What to compare a model with.

    Attributes:
        reference: a folder of real sounds on the server's machine; its sub-folders are labels.
        count: how many sounds to make.
        against: name of another model, side by side.
    """

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=4096)
    count: int = Field(default=400, ge=FEWEST, le=10_000)
    against: str | None = Field(default=None, max_length=100)


class EvaluationRecord(BaseModel):
    """An evaluation and how it goes.

    Attributes:
        reference, count, against: as they were asked for.
        stage: what is being done, None before the first; `done` of `total` of it are.
        report: address of the report, None while there is none. It may be that of an earlier evaluation.
    """

    model: str
    state: ProcessState
    created: datetime
    reference: str
    count: int
    against: str | None
    stage: str | None
    done: int
    total: int
    report: str | None
    error: str | None


class Evaluations:
    """The last evaluation of each model, one under way at a time.

    What it makes and measures is kept, so that one that was stopped goes on and a repeated one is quick.
    """

    def __init__(self, folder: Path, database: Database, catalog: Catalog, limits: Limits) -> None:
        """`folder` is where sounds, measurements and reports go."""
        self._folder, self._database, self._catalog, self._limits = folder, database, catalog, limits
        self._processes = Processes(database, "evaluation", "wavesmith.serve.evaluator", self._arguments)

    def add(self, model: str, asked: EvaluationRequest) -> EvaluationRecord:
        """Start to evaluate a model.

        Raises:
            AlreadyRunning: when another evaluation is under way.
            RequestError: for an unknown model, or one against itself.
            DataError: for a folder that cannot be used.
        """
        self._catalog.place(model)
        if asked.against is not None:
            self._catalog.place(asked.against)
        if asked.against == model:
            raise RequestError(f"Compare {model} with another model, or leave that out.")
        checked(asked.reference, self._limits.scanned)
        with self._processes.alone():
            (self._folder / model).mkdir(parents=True, exist_ok=True)
            (self._folder / model / PROGRESS).unlink(missing_ok=True)
            self._database.write(
                "REPLACE INTO evaluations (id, created, state, request) VALUES (?, ?, 'stopped', ?)",
                *(model, time.time(), asked.model_dump_json()),
            )
            return self.resume(model)

    def get(self, model: str) -> EvaluationRecord:
        """The evaluation of a model; raises NotFound when there is none."""
        row = self._processes.row(model)
        asked = EvaluationRequest.model_validate_json(row["request"])
        stage, done, total = _progress(self._folder / model / PROGRESS)
        return EvaluationRecord(
            model=model,
            state=row["state"],
            created=datetime.fromtimestamp(row["created"], timezone.utc),
            **asked.model_dump(),
            stage=stage,
            done=done,
            total=total,
            report=f"/api/models/{model}/report" if self._report(model).is_file() else None,
            error=row["error"],
        )

    def stop(self, model: str) -> EvaluationRecord:
        """Ask an evaluation to stop; everything is kept."""
        self._processes.stop(model)
        return self.get(model)

    def resume(self, model: str) -> EvaluationRecord:
        """Continue an evaluation that stopped or failed; raises AlreadyRunning when one is running."""
        self._processes.resume(model)
        return self.get(model)

    def report(self, model: str) -> Path:
        """The page of a model's report; raises NotFound when there is none."""
        self._catalog.place(model)
        if not self._report(model).is_file():
            raise NotFound(f"The model {model} has no report yet; evaluate it first.")
        return self._report(model)

    def close(self) -> None:
        """Stop what is under way; it goes on when the library is opened again."""
        self._processes.close()

    def _report(self, model: str) -> Path:
        return self._folder / model / HTML

    def _arguments(self, row: Row) -> ProcessInput:
        asked, out = EvaluationRequest.model_validate_json(row["request"]), self._folder / row["id"]
        work = {
            "model": self._catalog.place(row["id"]),
            "reference": str(Path(asked.reference).expanduser()),
            "count": asked.count,
            "against": None if asked.against is None else self._catalog.place(asked.against),
            "out": str(out),
        }
        return ProcessInput(work=work, lock=Path(f"{out}.lock"), error=out / _ERROR)


def _progress(path: Path) -> tuple[str | None, int, int]:
    """What is being done, how much of that is, and how much there is in all."""
    with suppress(OSError, ValueError):
        told = json.loads(path.read_text(encoding="utf-8"))
        return told["stage"], told["done"], told["total"]
    return None, 0, 0
