"""One worker at a time, given whatever job is next, and replaced whenever it ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from wavesmith.errors import WavesmithError
from wavesmith.serve.catalog import Shelf
from wavesmith.serve.jobs import ENDED, JobRecord, Jobs
from wavesmith.serve.library import SOUNDS, Library
from wavesmith.serve.requests import ACTIONS, arguments
from wavesmith.serve.worker_client import Hand


class Workshop:
    """A thread that brings jobs to the worker, and what that makes to the library."""

    def __init__(self, jobs: Jobs, library: Library, shelf: Shelf, hand: Hand) -> None:
        self._jobs, self._library, self._shelf, self._hand = jobs, library, shelf, hand
        self._open = True
        self._current = ""  # job that the worker is on
        hand.order(order="load", model=shelf.place(shelf.default))
        self._thread = threading.Thread(target=self._run, name="workshop", daemon=True)
        self._thread.start()

    @property
    def process(self) -> int:
        """Number of the worker's process."""
        return self._hand.number

    @property
    def loaded(self) -> set[str]:
        """Places of the models that the worker has had in memory."""
        return self._hand.loaded

    def load(self, model: str) -> None:
        """Have the worker load a model, so that its first sound comes soon; RequestError if unknown."""
        self._hand.order(order="load", model=self._shelf.place(model))

    def cancel(self, job: str) -> JobRecord:
        """End a job, and what the worker is doing for it."""
        record = self._jobs.cancel(job)
        if job == self._current:
            self._hand.order(order="cancel", job=job)
        return record

    def close(self) -> None:
        """Let go of the worker; unfinished jobs go on when the library is opened again."""
        with self._jobs.changed:
            self._open = False
            self._jobs.changed.notify_all()
        self._hand.end()
        self._thread.join()

    def _run(self) -> None:
        while job := self._wait():
            try:
                self._bring(job)
            except WavesmithError as error:  # such as that its sources or its model are gone
                self._jobs.failed(job.id, str(error))
                self._hand.order(order="cancel", job=job.id)
            if self._open and not self._hand.alive:
                self._hand = Hand(self._library.folder)

    def _wait(self) -> JobRecord | None:
        """The next job, once there is one; None when the workshop is closed."""
        with self._jobs.changed:
            while self._open:
                if job := self._jobs.next():
                    return job
                self._jobs.changed.wait()
        return None

    def _bring(self, job: JobRecord) -> None:
        """Have the worker do a job, until it ends, or it is somebody else's turn."""
        order = self._order_of(job)
        self._current = job.id
        if not self._jobs.started(job.id):
            return
        self._hand.order(**order)
        if self._jobs.get(job.id).state in ENDED:  # cancelled before the worker had heard of it
            self._hand.order(order="cancel", job=job.id)
        for news in self._hand.news():
            if news["job"] != job.id:  # left over from one that was given up
                continue
            elif news["news"] == "made":
                self._library.adopt(Path(news["file"]))
                self._jobs.made(job.id)
                following = self._jobs.next()
                if following and following.id != job.id:
                    self._hand.order(order="pause", job=job.id)
            elif news["news"] == "failed":
                self._jobs.failed(job.id, news["error"])
                return
            elif news["news"] == "ended":
                self._jobs.finished(job.id)
                return

    def _order_of(self, job: JobRecord) -> dict[str, Any]:
        request, folder = job.request, self._library.folder
        sources = request.get("sources") or []
        asked = arguments(request)
        for guide in asked.get("guide") or ():
            if "like" in guide:
                guide["like"] = str(self._library.path(guide["like"]))
        return {
            "order": "make",
            "job": job.id,
            "verb": ACTIONS[request["verb"]].verb(len(sources)).name,
            "model": self._shelf.place(request["model"]),
            "seed": request["seed"],
            "first": request.get("first", 0),
            "total": job.total,
            "made": [place for place, _ in self._library.made_by(job.id)],
            "asked": asked,
            "sources": [str(self._library.path(source).relative_to(folder)) for source in sources],
            "folder": str(folder / SOUNDS),
        }
