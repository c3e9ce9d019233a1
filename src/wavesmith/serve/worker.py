"""The process that makes sounds: `python -m wavesmith.serve.worker`.

It holds the models, so that a crash in one takes nothing else with it. It reads messages from standard input,
a line of JSON each:

    {"order": "make", "job": ..., "verb": ..., "model": ..., "seed": ..., "first": ..., "count": ...,
     "total": ..., "made": [indices], "settings": {...}, "sources": [paths], "folder": ...}
    {"order": "load", "model": ...}
    {"order": "pause", "job": ...}    after the current sound
    {"order": "cancel", "job": ...}   before the next pass of the network

and writes events to standard output: a `model` is `loaded`; a `file` of a `job` is `made`; a `job` has
`ended` (complete, paused or cancelled) or `failed` with an `error`. It ends when its input ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import torch

from wavesmith.audio_file import Bits
from wavesmith.errors import WavesmithError
from wavesmith.models import Model, load
from wavesmith.verbs import VERBS, Verb, instrument_tags, make_file

_MODELS = 2  # in memory


class Cancelled(Exception):
    """The job was cancelled."""


class Worker:
    """Follows orders one after the other, while a thread listens for pauses and cancellations."""

    def __init__(self, events: TextIO) -> None:
        self._events = events
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self._leave: dict[str, str] = {}  # "pause" or "cancel", by job

    def listen(self, orders: TextIO) -> None:
        """Sort messages; end at once when the input ends."""
        for line in orders:
            order = json.loads(line)
            if order["order"] in ("pause", "cancel"):
                self._leave[order["job"]] = order["order"]
            else:
                self._leave.pop(order.get("job", ""), None)
                self._orders.put(order)
        os._exit(0)

    def work(self) -> None:
        """Follow orders, for ever."""
        while True:
            order = self._orders.get()
            if order["order"] == "load":
                with suppress(WavesmithError):
                    self._warm_up(self._model(order["model"]))  # so that the first sound is quick as well
            else:
                self._try(order)

    def _warm_up(self, model: Model) -> None:
        """Generate a sound."""
        next(VERBS["generate"].stream(model, seed=0))

    def _try(self, order: dict[str, Any]) -> None:
        job = order["job"]
        try:
            self._make(order)
            self._report("ended", job=job)
        except Cancelled:
            self._report("ended", job=job)
        except WavesmithError as error:
            self._report("failed", job=job, error=str(error))
        except Exception as error:
            traceback.print_exc()
            self._report("failed", job=job, error=_sentence(error))
        finally:
            self._leave.pop(job, None)

    def _make(self, order: dict[str, Any]) -> None:
        model, job, verb = self._model(order["model"]), order["job"], VERBS[order["verb"]]
        with self._cancellable(model, job):
            for path in self._files(verb, model, order):
                self._report("made", job=job, file=str(path))
                if job in self._leave:
                    return

    def _files(self, verb: Verb[Any], model: Model, order: dict[str, Any]) -> Iterator[Path]:
        """Make the sounds of a job that are missing, and yield the file of each."""
        done, settings = set(order["made"]), order["settings"]
        if verb.blocks is not None and len(order["sources"]) == 1:
            for index in range(order["first"], order["first"] + order["total"]):
                if index not in done:
                    yield self._windowed(verb, model, order, index)
            return
        sounds = verb.stream(
            model,
            *order["sources"],
            first=order["first"],
            seed=order["seed"],
            skip=lambda recipe: recipe.index in done,
            **{"count": order["count"], **settings},
        )
        for sound in sounds:
            assert sound.recipe
            path = _path(order, sound.recipe.index)
            bits: Bits = 24 if sound.peak <= 1 else "float"
            sound.write(path, bits=bits, instrument=instrument_tags(sound))
            yield path

    def _windowed(self, verb: Verb[Any], model: Model, order: dict[str, Any], index: int) -> Path:
        """Make a sound of any length window by window on disk; finished windows survive a pause."""
        path, (source,) = _path(order, index), order["sources"]
        try:
            make_file(verb, model, source, path, index=index, seed=order["seed"], **order["settings"])
        except Cancelled:
            if self._leave.get(order["job"]) == "cancel":
                for rest in path.parent.glob(f".{path.name}.*"):
                    rest.unlink(missing_ok=True)
            raise
        return path

    @contextmanager
    def _cancellable(self, model: Model, job: str) -> Iterator[None]:
        """Raise Cancelled from the next pass of any part of the model once a job is cancelled."""

        def check(*_: Any) -> None:
            if self._leave.get(job) == "cancel":
                raise Cancelled

        handles = [part.register_forward_pre_hook(check) for part in model.family.children()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _model(self, place: str) -> Model:
        found = _loaded(place, _stamp(place))
        self._report("loaded", model=place)
        return found

    def _report(self, event: str, **about: Any) -> None:
        self._events.write(json.dumps({"event": event, **about}) + "\n")
        self._events.flush()


@lru_cache(maxsize=_MODELS)
def _loaded(place: str, stamp: int) -> Model:
    return load(place)


def _stamp(place: str) -> int:
    """Return a number that changes when the model in a folder does, as in training."""
    weights = Path(place) / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.is_file() else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "This is too much for the memory of this machine; ask for something smaller."
    return f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it."


def _path(order: dict[str, Any], index: int) -> Path:
    return Path(order["folder"]) / f"{order['job']}-{index:03d}.wav"


def main() -> None:
    """Run the worker."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries may print, too
    torch.set_num_threads(1)
    worker = Worker(events)
    threading.Thread(target=worker.work, daemon=True).start()
    worker.listen(sys.stdin)


if __name__ == "__main__":
    main()
