"""The models that a server offers, by name: bundled ones, those given to it, and those trained in it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wavesmith.descriptors import TIMBRES
from wavesmith.errors import ModelError, RequestError, unknown
from wavesmith.models import DEFAULT_MODEL, Model, bundled_names, load
from wavesmith.models.model_folder import CONFIG
from wavesmith.verbs import GenerateSettings

_KEPT = 4  # models in memory


class ModelRecord(BaseModel):
    """What a model is and does.

    Attributes:
        rate: samples per second of what it makes.
        seconds: length of what it was trained to make.
        kind: its network and the space that works in.
        verbs: what it can be asked for.
        timbres: what its sounds can be steered by, as percentiles of the sounds that it was trained on.
        defaults: what it does unless it is asked for something else.
        loaded: whether it is in memory, so that its first sound comes at once.
        licence: what its card says.
        card: all that its card says, in Markdown.
    """

    name: str
    labels: list[str]
    rate: int
    channels: int
    seconds: float
    kind: str
    verbs: list[str]
    timbres: list[str]
    defaults: dict[str, Any]
    loaded: bool
    licence: str | None
    card: str
    hash: str


class Shelf:
    """Finds models by name; never by a path that a request names."""

    def __init__(self, trained: Path, given: Sequence[str] = ()) -> None:
        """Offer what is bundled, what lies in the folder `trained`, and models `given` by folder or name.

        Raises:
            ModelError: when a given one cannot be loaded.
        """
        self._trained = trained
        places = (Path(place).expanduser() for place in given)
        self._given = {path.name: str(path.resolve() if path.exists() else path) for path in places}
        self._loaded: OrderedDict[tuple[str, int], Model] = OrderedDict()
        self._lock = threading.Lock()
        for name in self._given:
            self.get(name)

    @property
    def default(self) -> str:
        """What is used unless a model is named."""
        return next(iter(self._given), DEFAULT_MODEL if DEFAULT_MODEL in bundled_names() else "debug")

    def names(self) -> list[str]:
        """All models that can be had, the default first."""
        trained = sorted(path.parent.name for path in self._trained.glob(f"*/{CONFIG}"))
        return list(dict.fromkeys([self.default, *self._given, *bundled_names(), *trained]))

    def place(self, name: str) -> str:
        """What `load` takes to find a model; raises RequestError for one that is not offered."""
        if name not in self.names():
            raise RequestError(unknown("model", name, self.names()))
        trained = self._trained / name
        return self._given.get(name) or (name if name in bundled_names() else str(trained.resolve()))

    def get(self, name: str) -> Model:
        """A model, loaded if need be.

        Raises:
            RequestError: for one that is not offered.
            ModelError: when its files are damaged.
        """
        place = self.place(name)
        config = Path(place) / CONFIG
        key = place, config.stat().st_mtime_ns if config.is_file() else 0  # training replaces its files
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load(place)
            self._loaded.move_to_end(key)
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def records(self, loaded: set[str], verbs: Sequence[str]) -> Iterator[ModelRecord]:
        """What is known about all models, but those whose files are damaged or half written."""
        for name in self.names():
            with suppress(ModelError):
                yield self.record(name, loaded, verbs)

    def record(self, name: str, loaded: set[str], verbs: Sequence[str]) -> ModelRecord:
        """What is known about a model; raises as `get` does."""
        return _record(name, self.get(name), self.place(name) in loaded, verbs)


def _record(name: str, model: Model, loaded: bool, verbs: Sequence[str]) -> ModelRecord:
    config = model.family.config
    return ModelRecord(
        name=name,
        labels=list(model.labels),
        rate=model.rate,
        channels=model.channels,
        seconds=model.seconds,
        kind=f"{config.network.kind} on {config.transform.kind}",
        verbs=list(verbs) if model.labels else [verb for verb in verbs if verb != "morph_labels"],
        timbres=list(TIMBRES) if model.timbre else [],
        defaults=GenerateSettings.defaults(model),
        loaded=loaded,
        licence=_licence(model.card),
        card=model.card,
        hash=model.hash,
    )


def _licence(card: str) -> str | None:
    """The licence that the header of a card states."""
    header = card.split("---", 2)[1] if card.startswith("---") else ""
    lines = (line.partition(":") for line in header.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "license"), None)
