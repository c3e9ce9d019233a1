"""Brings jobs to one worker process, which is replaced whenever it ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from wavesmith.errors import WavesmithError
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.jobs import ENDED, JobRecord, Jobs
from wavesmith.serve.library import SOUNDS, Library
from wavesmith.serve.requests import arguments
from wavesmith.serve.worker_client import WorkerClient


class Dispatcher:
    """A thread that brings jobs to the worker, and finished sounds to the library."""

    def __init__(self, jobs: Jobs, library: Library, catalog: Catalog, worker: WorkerClient) -> None:
        self._jobs, self._library, self._catalog, self._worker = jobs, library, catalog, worker
        self._open = True
        self._current = ""  # job that the worker is on
        worker.send(order="load", model=catalog.place(catalog.default))
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    @property
    def process(self) -> int:
        """Process id of the worker."""
        return self._worker.pid

    @property
    def loaded(self) -> set[str]:
        """Locations of the models that the worker has loaded."""
        return self._worker.loaded

    def load(self, model: str) -> None:
        """Have the worker load a model, so that its first sound comes soon."""
        self._worker.send(order="load", model=self._catalog.place(model))

    def cancel(self, job: str) -> JobRecord:
        """End a job, also in the worker."""
        record = self._jobs.cancel(job)
        if job == self._current:
            self._worker.send(order="cancel", job=job)
        return record

    def close(self) -> None:
        """End the worker; unfinished jobs continue when the library is opened again."""
        with self._jobs.changed:
            self._open = False
            self._jobs.changed.notify_all()
        self._worker.end()
        self._thread.join()

    def _run(self) -> None:
        while job := self._wait():
            try:
                self._dispatch(job)
            except WavesmithError as error:  # for instance, its sources or its model are gone
                self._jobs.failed(job.id, str(error))
                self._worker.send(order="cancel", job=job.id)
            if self._open and not self._worker.alive:
                self._worker = WorkerClient(self._library.folder)

    def _wait(self) -> JobRecord | None:
        """Wait for the next job and return it; None when the dispatcher is closed."""
        with self._jobs.changed:
            while self._open:
                if job := self._jobs.next():
                    return job
                self._jobs.changed.wait()
        return None

    def _dispatch(self, job: JobRecord) -> None:
        """Have the worker do a job until it ends or another person's job is due."""
        message = self._message(job)
        self._current = job.id
        if not self._jobs.started(job.id):
            return
        self._worker.send(**message)
        if self._jobs.get(job.id).state in ENDED:  # cancelled before the worker got it
            self._worker.send(order="cancel", job=job.id)
        for event in self._worker.events():
            if event["job"] != job.id:  # from an earlier job
                continue
            elif event["event"] == "made":
                self._library.adopt(Path(event["file"]))
                self._jobs.made(job.id)
                following = self._jobs.next()
                if following and following.id != job.id:
                    self._worker.send(order="pause", job=job.id)
            elif event["event"] == "failed":
                self._jobs.failed(job.id, event["error"])
                return
            elif event["event"] == "ended":
                self._jobs.finished(job.id)
                return

    def _message(self, job: JobRecord) -> dict[str, Any]:
        request, folder = job.request, self._library.folder
        sources = request.get("sources") or []
        return {
            "order": "make",
            "job": job.id,
            "verb": request["verb"],
            "model": self._catalog.place(request["model"]),
            "seed": request["seed"],
            "first": request.get("first", 0),
            "count": request["count"],
            "total": job.total,
            "made": [index for index, _ in self._library.made_by(job.id)],
            "settings": arguments(request, self._library.path),
            "sources": [str(self._library.path(source).relative_to(folder)) for source in sources],
            "folder": str(folder / SOUNDS),
        }
