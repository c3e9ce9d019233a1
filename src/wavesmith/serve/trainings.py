"""Trainings: each a process that the server starts, watches by its files, stops and continues."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wavesmith.data import Scan, scan
from wavesmith.errors import DataError, RequestError, WavesmithError, unknown
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.database import Database, Row
from wavesmith.serve.library import NotFound
from wavesmith.serve.limits import Limits
from wavesmith.serve.processes import Processes, ProcessInput, ProcessState
from wavesmith.training import read_recipe, recipe_names

_LOG, _DEMOS, _RECIPE = "training/log.jsonl", "training/demos", "training/recipe.yaml"
_ERROR = "training/error.txt"
_MOST_POINTS = 1000  # of a curve


class TrainingRequest(BaseModel):
    """What to train on, and as what.

    Attributes:
        folder: a folder of sounds on the server's machine; its sub-folders are labels.
        name: of the new model.
        recipe: one of the bundled recipes; chosen by the sounds if left out.
        base: name of a model to start from, instead of a recipe.
        examples: sounds to train on in all, repeats counted; the recipe's if left out.
    """

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(min_length=1, max_length=4096)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    recipe: str | None = Field(default=None, max_length=100)
    base: str | None = Field(default=None, max_length=100)
    examples: int | None = Field(default=None, ge=1, le=10**9)


class Demo(BaseModel):
    """What the model made after so many examples: addresses of a picture and of sounds."""

    examples: int
    picture: str | None
    sounds: list[str]


class TrainingRecord(BaseModel):
    """A training and how it goes.

    Attributes:
        seen: examples so far, of `examples` in all (None until the recipe is known).
        losses: pairs of examples and loss; `held_out` likewise, of sounds that are not trained on.
    """

    id: str
    name: str
    state: ProcessState
    created: datetime
    seen: int
    examples: int | None
    losses: list[tuple[int, float]]
    held_out: list[tuple[int, float]]
    demos: list[Demo]
    error: str | None


class Trainings:
    """All trainings of a library, one under way at a time.

    A training that was under way when the server went is gone on with when it comes back.
    """

    def __init__(self, folder: Path, database: Database, catalog: Catalog, limits: Limits) -> None:
        """`folder` is where models go."""
        self._folder, self._database, self._catalog, self._limits = folder, database, catalog, limits
        self._processes = Processes(database, "training", "wavesmith.serve.trainer", self._arguments)

    def add(self, asked: TrainingRequest) -> TrainingRecord:
        """Start a training.

        Raises:
            AlreadyRunning: when another is under way.
            RequestError: for a name that is taken, or an unknown recipe.
            DataError: for a folder that cannot be trained on.
        """
        checked(asked.folder, self._limits.scanned)
        if asked.recipe is not None and asked.recipe not in recipe_names():
            raise RequestError(unknown("recipe", asked.recipe, recipe_names()))
        if asked.recipe is not None and asked.base is not None:
            raise RequestError("A recipe and a base model exclude each other; leave one of them out.")
        if asked.base is not None:
            self._catalog.place(asked.base)
        if asked.name in self._catalog.names() or (self._folder / asked.name).exists():
            raise RequestError(f"There is a model called {asked.name} already; choose another name.")
        training = secrets.token_hex(6)
        with self._processes.alone():
            self._database.write(
                "INSERT INTO trainings (id, created, name, state, request) VALUES (?, ?, ?, 'stopped', ?)",
                *(training, time.time(), asked.name, asked.model_dump_json()),
            )
            (self._folder / asked.name).mkdir(parents=True)
            return self.resume(training)

    def get(self, training: str) -> TrainingRecord:
        """A training; raises NotFound when there is none."""
        return self._record(self._processes.row(training))

    def all(self) -> list[TrainingRecord]:
        """All trainings, newest first."""
        return [
            self._record(row) for row in self._database.all("SELECT * FROM trainings ORDER BY created DESC")
        ]

    def stop(self, training: str) -> TrainingRecord:
        """Ask a training to stop after the step under way; everything is kept."""
        self._processes.stop(training)
        return self.get(training)

    def resume(self, training: str) -> TrainingRecord:
        """Go on with a training that was stopped or failed.

        Raises:
            AlreadyRunning: when one is under way.
        """
        self._processes.resume(training)
        return self.get(training)

    def demo(self, training: str, examples: str, file: str) -> Path:
        """A file of a demo; raises NotFound for any other."""
        folder = self._folder / str(self._processes.row(training)["name"]) / _DEMOS
        for path in folder.glob("*/*"):
            if (path.parent.name, path.name) == (examples, file) and path.suffix in (".wav", ".png"):
                return path
        raise NotFound("There is no such demo.")

    def close(self) -> None:
        """Stop what is under way, as the server does; it goes on when the library is opened again."""
        self._processes.close()

    def _arguments(self, row: Row) -> ProcessInput:
        asked, folder = TrainingRequest.model_validate_json(row["request"]), self._folder / row["name"]
        work: dict[str, Any] = {"folder": str(Path(asked.folder).expanduser()), "out": str(folder)}
        work |= {"recipe": asked.recipe} if asked.recipe else {}
        work |= {"base": self._catalog.place(asked.base)} if asked.base else {}
        work |= {"examples": asked.examples} if asked.examples else {}
        return ProcessInput(work=work, lock=Path(f"{folder}.lock"), error=folder / _ERROR)

    def _record(self, row: Row) -> TrainingRecord:
        folder = self._folder / row["name"]
        examples, per_step = _recipe(folder)
        losses, held_out = _curves(folder / _LOG, per_step)
        return TrainingRecord(
            id=row["id"],
            name=row["name"],
            state=row["state"],
            created=datetime.fromtimestamp(row["created"], timezone.utc),
            seen=examples
            if row["state"] == "done" and examples
            else max([0, *(n for n, _ in losses + held_out)]),
            examples=examples,
            losses=losses,
            held_out=held_out,
            demos=list(_demos(folder / _DEMOS, f"/api/trainings/{row['id']}/demos")),
            error=row["error"],
        )


def scanned(folder: str, limits: Limits) -> Scan:
    """The report on a folder of sounds; raises DataError when it cannot be looked at."""
    return scan(checked(folder, limits.scanned))


def checked(folder: str, most: int) -> Path:
    """A folder of sounds as people name it.

    Raises:
        DataError: when it is not named from the root or home, is not there, or holds far too much.
    """
    path = Path("\N{REPLACEMENT CHARACTER}" if "\0" in folder else folder)
    with suppress(RuntimeError):
        path = path.expanduser()
    if not path.is_absolute():
        raise DataError("Give the whole path of a folder on this machine, such as /home/me/drums or ~/drums.")
    if not os.path.isdir(path):
        raise DataError(f"There is no folder {path} on this machine.")
    count = 0
    for _, folders, files in os.walk(path):
        count += len(folders) + len(files)
        if count > most:
            raise DataError(f"{path} holds more than {most} files; choose a folder of sounds alone.")
    return path


def _recipe(folder: Path) -> tuple[int | None, int]:
    """Examples in all, and in each step, once they are known."""
    if not (folder / _RECIPE).is_file():
        return None, 1
    try:
        config = read_recipe(folder / _RECIPE).training
    except WavesmithError:
        return None, 1
    return config.examples, config.batch * config.accumulate


def _curves(log: Path, per_step: int) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Losses by examples seen, and held-out losses (of the best average of the weights)."""
    losses: list[tuple[int, float]] = []
    held_out: list[tuple[int, float]] = []
    with suppress(OSError):
        for line in log.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # the last line may be half written
                values = json.loads(line)
                if "loss" in values:
                    losses.append(((values["step"] + 1) * per_step, float(values["loss"])))
                found = [value for name, value in values.items() if re.fullmatch(r"held_out/ema_[^/]+", name)]
                if found:
                    held_out.append((values["step"] * per_step, float(min(found))))
    return _thinned(losses), _thinned(held_out)


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most some thousand points, the last among them; what is no number is left out."""
    points = [point for point in points if abs(point[1]) < float("inf")]
    every = max(1, len(points) // _MOST_POINTS)
    return points[::-1][::every][::-1]


def _demos(folder: Path, address: str) -> Any:
    for place in sorted(folder.glob("*")):
        if place.name.isdigit():
            base = f"{address}/{place.name}"
            yield Demo(
                examples=int(place.name),
                picture=f"{base}/mel.png" if (place / "mel.png").is_file() else None,
                sounds=[f"{base}/{path.name}" for path in sorted(place.glob("*.wav"))],
            )
