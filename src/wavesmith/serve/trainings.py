"""Trainings: each a process that the server starts, watches by its files, stops and continues."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from wavesmith.data import Scan, scan
from wavesmith.errors import DataError, RequestError, WavesmithError, unknown
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.database import Database, Row
from wavesmith.serve.library import NotFound
from wavesmith.serve.limits import Limits
from wavesmith.serve.processes import Processes, ProcessInput, ProcessState
from wavesmith.training import TrainingConfig, config_names, load_config
from wavesmith.training.progress import HELD_OUT_LOSS, TRAINING_LOSS, read_log
from wavesmith.training.run_folder import config_file

_LOG, _DEMOS = "training/log.jsonl", "training/demos"
_ERROR = "training/error.txt"
_MOST_POINTS = 1000  # of a curve


class TrainingRequest(BaseModel):
    """What to train on, and how."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(
        min_length=1,
        max_length=4096,
        description="A folder of sounds on the server's machine; its sub-folders are labels.",
    )
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", description="Name of the new model.")
    config: str | None = Field(
        default=None,
        max_length=100,
        validation_alias=AliasChoices("config", "recipe"),  # its name in databases of version 0.1
        description="Configuration that comes with wavesmith, by name; chosen by the sounds if left out.",
    )
    base: str | None = Field(
        default=None, max_length=100, description="Name of a model to start from, instead of a configuration."
    )
    examples: int | None = Field(
        default=None, ge=1, le=10**9, description=TrainingConfig.model_fields["examples"].description
    )


class Demo(BaseModel):
    """What the model made after so many examples: addresses of a picture and of sounds."""

    examples: int
    picture: str | None
    sounds: list[str]


class TrainingRecord(BaseModel):
    """A training and how it goes.

    Attributes:
        seen: examples so far, of `examples` in all (None until the configuration is known).
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
            AlreadyRunning: when another is running.
            RequestError: for a name that is taken, or an unknown configuration.
            DataError: for a folder that cannot be trained on.
        """
        checked(asked.folder, self._limits.scanned)
        if asked.config is not None and asked.config not in config_names():
            raise RequestError(unknown("training configuration", asked.config, config_names()))
        if asked.config is not None and asked.base is not None:
            raise RequestError("A configuration and a base model exclude each other; leave one of them out.")
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
        work |= {"config": asked.config} if asked.config else {}
        work |= {"base": self._catalog.place(asked.base)} if asked.base else {}
        work |= {"examples": asked.examples} if asked.examples else {}
        return ProcessInput(work=work, lock=Path(f"{folder}.lock"), error=folder / _ERROR)

    def _record(self, row: Row) -> TrainingRecord:
        folder = self._folder / row["name"]
        examples = _examples(folder)
        losses, held_out = _curves(folder / _LOG)
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


def _examples(folder: Path) -> int | None:
    """Return the examples of a training in all, once they are known."""
    with suppress(WavesmithError):
        return load_config(config_file(folder)).training.examples
    return None


def _curves(log: Path) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Return training losses (first objective) and held-out losses (best average) by examples."""
    losses: list[tuple[int, float]] = []
    held_out: list[tuple[int, float]] = []
    with suppress(OSError):
        for line in read_log(log):
            trained = [value for name, value in line.items() if name.startswith(TRAINING_LOSS)]
            totals = [line[name] for name in line if name.startswith(HELD_OUT_LOSS) and name.count("/") == 1]
            if trained:
                losses.append((int(line["examples"]), trained[0]))
            if totals:
                held_out.append((int(line["examples"]), min(totals)))
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
