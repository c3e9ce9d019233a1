"""The process that makes sounds: `python -m wavesmith.serve.worker`, spoken to in lines of JSON.

It holds the models, so that a crash in one takes nothing else with it. Orders come in by standard input:

    {"order": "make", "job": ..., "verb": ..., "model": ..., "seed": ..., "first": ..., "total": ...,
     "made": [indices], "asked": {...}, "sources": [paths], "folder": ...}
    {"order": "load", "model": ...}
    {"order": "pause", "job": ...}    after the sound that is being made
    {"order": "cancel", "job": ...}   before the next pass of the network

and news go out by standard output: a `model` is `loaded`; a `file` of a `job` is `made`; a `job` has `ended`
(all is made, or it was left), or has `failed` with an `error`. It ends with its input.
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
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound
from wavesmith.verbs import VERBS, generate, loop_points, restyle_file

_MODELS = 2  # in memory


class Cancelled(Exception):
    """Nobody wants the sound any more."""


class Worker:
    """Takes orders one after the other, while a thread listens for what is to be left."""

    def __init__(self, news: TextIO) -> None:
        self._news = news
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self._leave: dict[str, str] = {}  # jobs, and whether to "pause" or "cancel" them

    def listen(self, orders: TextIO) -> None:
        """Sort what comes in; when nothing more can come, end at once."""
        for line in orders:
            order = json.loads(line)
            if order["order"] in ("pause", "cancel"):
                self._leave[order["job"]] = order["order"]
            else:
                self._leave.pop(order.get("job", ""), None)
                self._orders.put(order)
        os._exit(0)

    def work(self) -> None:
        """Do what is ordered, for ever."""
        while True:
            order = self._orders.get()
            if order["order"] == "load":
                with suppress(WavesmithError):
                    generate(self._model(order["model"]), 1, seed=0)  # so that the first sound is quick, too
            else:
                self._try(order)

    def _try(self, order: dict[str, Any]) -> None:
        job = order["job"]
        try:
            self._make(order)
            self._tell("ended", job=job)
        except Cancelled:
            self._tell("ended", job=job)
        except WavesmithError as error:
            self._tell("failed", job=job, error=str(error))
        except Exception as error:
            traceback.print_exc()
            self._tell("failed", job=job, error=_worded(error))
        finally:
            self._leave.pop(job, None)

    def _make(self, order: dict[str, Any]) -> None:
        model, job = self._model(order["model"]), order["job"]
        done = set(order["made"])
        with self._asking(model, job):
            if order["verb"] == "restyle":
                for index in range(order["first"], order["first"] + order["total"]):
                    if index not in done:
                        self._restyle(model, order, index)
                        if job in self._leave:
                            return
                return
            sounds = VERBS[order["verb"]].stream(
                model,
                *order["sources"],
                n=order["total"],
                first=order["first"],
                seed=order["seed"],
                skip=lambda recipe: recipe.index in done,
                **order["asked"],
            )
            for sound in sounds:
                assert sound.recipe
                path = _path(order, sound.recipe.index)
                _write(sound, sound.recipe, path)
                self._tell("made", job=job, file=str(path))
                if job in self._leave:
                    return

    def _restyle(self, model: Model, order: dict[str, Any], index: int) -> None:
        """Tracks of any length, window by window on the disk."""
        path, (source,) = _path(order, index), order["sources"]
        try:
            restyle_file(model, source, path, index=index, seed=order["seed"], **order["asked"])
        except Cancelled:
            if self._leave.get(order["job"]) == "cancel":
                for rest in path.parent.glob(f".{path.name}.*"):
                    rest.unlink(missing_ok=True)
            raise
        self._tell("made", job=order["job"], file=str(path))

    @contextmanager
    def _asking(self, model: Model, job: str) -> Iterator[None]:
        """Before every pass of the network, ask whether the sound is still wanted."""

        def ask(*_: Any) -> None:
            if self._leave.get(job) == "cancel":
                raise Cancelled

        handle = model.family.network.register_forward_pre_hook(ask)
        try:
            yield
        finally:
            handle.remove()

    def _model(self, place: str) -> Model:
        found = _loaded(place, _stamp(place))
        self._tell("loaded", model=place)
        return found

    def _tell(self, news: str, **about: Any) -> None:
        self._news.write(json.dumps({"news": news, **about}) + "\n")
        self._news.flush()


@lru_cache(maxsize=_MODELS)
def _loaded(place: str, stamp: int) -> Model:
    return load(place)


def _stamp(place: str) -> int:
    """Changes when the model in a folder does: one in training is written again and again."""
    weights = Path(place) / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.is_file() else 0


def _worded(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "This is too much for the memory of this machine; ask for something smaller."
    return f"This is a bug in wavesmith ({type(error).__name__}: {error}); please report it."


def _path(order: dict[str, Any], index: int) -> Path:
    return Path(order["folder"]) / f"{order['job']}-{index:03d}.wav"


def _write(sound: Sound, recipe: Recipe, path: Path) -> None:
    bits: Bits = 24 if sound.peak <= 1 else "float"
    sound.write(path, bits=bits, instrument=loop_points(sound) if recipe.verb == "loop" else None)


def main() -> None:
    """Listen and work."""
    news = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is not news
    torch.set_num_threads(1)
    worker = Worker(news)
    threading.Thread(target=worker.work, daemon=True).start()
    worker.listen(sys.stdin)


if __name__ == "__main__":
    main()
