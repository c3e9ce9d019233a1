"""The models that a server offers, by name: bundled ones, given ones, and those trained in its library."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from wavesmith.descriptors import TIMBRES
from wavesmith.errors import ModelError, RequestError, unknown
from wavesmith.families import Steers
from wavesmith.models import DEFAULT_MODEL, Model, bundled_names, load
from wavesmith.models.model_folder import CONFIG
from wavesmith.serve.requests import verbs_of

_KEPT = 4  # models in memory


class ModelRecord(BaseModel):
    """A model and what it can do.

    Attributes:
        rate: samples per second of its sounds.
        seconds: length of its training sounds.
        family: name of its family.
        facts: facts about it for people, such as the kind of its network.
        verbs: names of the verbs that it can do; `/api/models/{name}/verbs` has their settings.
        timbres: timbres that it can be steered by, as percentiles of its training sounds.
        loaded: whether it is in memory, so that its first sound is made at once.
        licence: as its card states.
        card: its card, in Markdown.
    """

    name: str
    labels: list[str]
    rate: int
    channels: int
    seconds: float
    family: str
    facts: dict[str, str]
    verbs: list[str]
    timbres: list[str]
    loaded: bool
    licence: str | None
    card: str
    hash: str


class Catalog:
    """Finds models by name; never by a path that a request names."""

    def __init__(self, trained: Path, given: Sequence[str] = ()) -> None:
        """Offer bundled models, those in the folder `trained`, and those `given` by folder or name.

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
        """Name of the model that is used unless a request names one."""
        return next(iter(self._given), DEFAULT_MODEL if DEFAULT_MODEL in bundled_names() else "debug")

    def names(self) -> list[str]:
        """Return the names of all models, the default first."""
        trained = sorted(path.parent.name for path in self._trained.glob(f"*/{CONFIG}"))
        return list(dict.fromkeys([self.default, *self._given, *bundled_names(), *trained]))

    def place(self, name: str) -> str:
        """Return the argument by which `load` finds a model; raises RequestError for an unknown one."""
        if name not in self.names():
            raise RequestError(unknown("model", name, self.names()))
        trained = self._trained / name
        return self._given.get(name) or (name if name in bundled_names() else str(trained.resolve()))

    def get(self, name: str) -> Model:
        """Return a model, loaded if necessary.

        Raises:
            RequestError: for an unknown name.
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

    def records(self, loaded: set[str]) -> Iterator[ModelRecord]:
        """Yield the records of all models but those whose files are damaged or half written."""
        for name in self.names():
            with suppress(ModelError):
                yield self.record(name, loaded)

    def record(self, name: str, loaded: set[str]) -> ModelRecord:
        """Return the record of a model; raises as `get` does."""
        return _record(name, self.get(name), self.place(name) in loaded)


def _record(name: str, model: Model, loaded: bool) -> ModelRecord:
    return ModelRecord(
        name=name,
        labels=list(model.labels),
        rate=model.rate,
        channels=model.channels,
        seconds=model.seconds,
        family=model.family.NAME,
        facts=model.family.describe(),
        verbs=verbs_of(model),
        timbres=list(TIMBRES) if model.timbre and isinstance(model.family, Steers) else [],
        loaded=loaded,
        licence=_licence(model.card),
        card=model.card,
        hash=model.hash,
    )


def _licence(card: str) -> str | None:
    """Return the licence that the header of a card states."""
    header = card.split("---", 2)[1] if card.startswith("---") else ""
    lines = (line.partition(":") for line in header.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "license"), None)
