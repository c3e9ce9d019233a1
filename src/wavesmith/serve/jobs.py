"""The queue of jobs: on disk, so that a crash loses nothing, and fair between the people who ask."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import BaseModel

from wavesmith.errors import WavesmithError
from wavesmith.serve.database import Database, Row
from wavesmith.serve.library import Library, NotFound
from wavesmith.serve.limits import Limits

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")

_TRIES = 3  # of one sound that crashes the worker


class JobRecord(BaseModel):
    """A job and its progress.

    Attributes:
        done: number of finished sounds.
        total: number of sounds in all.
        sounds: ids of the finished ones, in order.
        error: one sentence, if it failed.
        request: the request, with model, count and seed filled in.
    """

    id: str
    verb: str
    state: State
    done: int
    total: int
    sounds: list[str]
    error: str | None
    created: datetime
    request: dict[str, Any]


class Busy(WavesmithError):
    """More jobs than this server accepts at a time."""


class Jobs:
    """All jobs. Sound k of a seed is always the same, so an interrupted job makes the sounds that it lacks.

    The person who has waited longest gets the next sound: a short job never waits for the end of another
    person's long one.
    """

    def __init__(self, database: Database, library: Library, limits: Limits) -> None:
        self._database, self._library, self._limits = database, library, limits
        self._served: dict[str, float] = {}
        self.changed = threading.Condition()
        """Notified when the next job may be another one."""
        self.changes = 0
        """Grows with every change of any job."""

    # For people

    def add(self, request: Mapping[str, Any], total: int, person: str) -> JobRecord:
        """Queue a job; raises Busy when there are too many."""
        waiting = (
            "SELECT count(*), coalesce(sum(person = ?), 0) FROM jobs WHERE state IN ('queued', 'running')"
        )
        with self.changed:
            counts = self._database.one(waiting, person)
            everybody, own = counts if counts else (0, 0)
            if own >= self._limits.queue or everybody >= self._limits.queues:
                raise Busy("Too many jobs are waiting already; cancel some, or ask again when some are done.")
            job = secrets.token_hex(6)
            self._database.write(
                "INSERT INTO jobs (id, person, created, state, total, request) "
                "VALUES (?, ?, ?, 'queued', ?, ?)",
                *(job, person, time.time(), total, json.dumps(request)),
            )
            self._note()
        return self.get(job)

    def get(self, job: str) -> JobRecord:
        """Return a job; raises NotFound when there is none."""
        row = self._database.one("SELECT * FROM jobs WHERE id = ?", job)
        if row is None:
            raise NotFound(f"There is no job {job[:40]!r}.")
        return self._record(row)

    def all(self, state: State | None, limit: int) -> list[JobRecord]:
        """Return the newest jobs, of one state if that is given."""
        sql = "SELECT * FROM jobs WHERE coalesce(state = ?, 1) ORDER BY created DESC LIMIT ?"
        return [self._record(row) for row in self._database.all(sql, state, limit)]

    def cancel(self, job: str) -> JobRecord:
        """End a job that has not ended; its sounds stay."""
        self.get(job)
        self._end(job, "cancelled", None)
        return self.get(job)

    # For the dispatcher

    def next(self) -> JobRecord | None:
        """Return the oldest job of the person who has waited longest for a sound; None if there is none."""
        waiting = self._database.all(
            "SELECT id, person FROM jobs WHERE state IN ('queued', 'running') ORDER BY created, id"
        )
        if not waiting:
            return None
        chosen = min(waiting, key=lambda row: self._served.get(row["person"], 0.0))
        return self.get(chosen["id"])

    def started(self, job: str) -> bool:
        """Record the start of a job; return False if it has ended, or crashed the worker too often."""
        row = self._database.one("SELECT tries FROM jobs WHERE id = ?", job)
        if row is None or row["tries"] >= _TRIES:
            reason = "The worker stopped each time that it made this sound; ask for something smaller."
            self._end(job, "failed", reason)
            return False
        begun = self._database.write(
            "UPDATE jobs SET state = 'running', tries = tries + 1 "
            "WHERE id = ? AND state IN ('queued', 'running')",
            job,
        )
        self._note()
        return begun > 0

    def made(self, job: str) -> None:
        """Record that a sound of a job is in the library."""
        row = self._database.one("SELECT person FROM jobs WHERE id = ?", job)
        if row is not None:
            self._served[row["person"]] = time.monotonic()
            self._database.write("UPDATE jobs SET tries = 0 WHERE id = ?", job)
        self.finished(job)
        self._note()

    def finished(self, job: str) -> None:
        """End a job if all its sounds exist."""
        row = self._database.one("SELECT total FROM jobs WHERE id = ?", job)
        if row is not None and len(self._library.made_by(job)) >= row["total"]:
            self._end(job, "done", None)

    def failed(self, job: str, error: str) -> None:
        """End a job with an error."""
        self._end(job, "failed", error)

    def _end(self, job: str, state: State, error: str | None) -> None:
        self._database.write(
            "UPDATE jobs SET state = ?, error = ? WHERE id = ? AND state IN ('queued', 'running')",
            *(state, error, job),
        )
        self._note()

    def _note(self) -> None:
        with self.changed:
            self.changes += 1
            self.changed.notify_all()

    def _record(self, row: Row) -> JobRecord:
        request = json.loads(row["request"])
        sounds = [sound for _, sound in self._library.made_by(row["id"])]
        return JobRecord(
            id=row["id"],
            verb=request["verb"],
            state=row["state"],
            done=len(sounds),
            total=row["total"],
            sounds=sounds,
            error=row["error"],
            created=datetime.fromtimestamp(row["created"], timezone.utc),
            request=request,
        )
