"""Whom to name for a sound: from the recipe in the file to the models, and from these to their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from wavesmith.data import AUDIO_ENDINGS, read_folder, terms
from wavesmith.errors import AudioError, ModelError
from wavesmith.models import Model, TrainingSource, load
from wavesmith.models.model_folder import CONFIG
from wavesmith.recipe import Recipe
from wavesmith.sound import Sound


class Credit(BaseModel):
    """Sounds of one origin that models were trained on.

    Attributes:
        author, title, source, url: as the manifest gives them.
        licence, licence_url: its name as credits write it, and its text if the version is known.
        basis: on what grounds the licence is believed.
        attribution: whether the licence asks for a credit; None if that is not known here.
        conditions: what the licence asks for beside the credit.
        sounds: how many sounds.
        models: names of the models that were trained on them.
    """

    model_config = ConfigDict(frozen=True)

    author: str | None
    title: str | None
    source: str | None
    url: str | None
    licence: str
    licence_url: str | None
    basis: str | None
    attribution: bool | None
    conditions: tuple[str, ...]
    sounds: int
    models: tuple[str, ...]

    @property
    def wording(self) -> str:
        """The credit as Creative Commons recommends it: title, author, link, licence, and what was changed.

        https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution
        """
        what = f'"{self.title}"' if self.title else f"Sounds from {self.source}" if self.source else "Sounds"
        where = f" ({self.url})" if self.url else ""
        text = f" ({self.licence_url})" if self.licence_url else ""
        return f"{what}{where} by {self.author or 'an author not stated'}, {self.licence}{text}"


class Maker(BaseModel):
    """A model that had a part in it."""

    model_config = ConfigDict(frozen=True)

    name: str
    hash: str


class Credits(BaseModel):
    """What is owed for sounds or models, by what licences of the training sounds ask.

    Attributes:
        models: those that made the sounds, and those that these started from.
        owed: origins whose licence asks for a credit.
        unclear: origins without a licence, or with one whose terms are unknown here.
        free: origins that ask for nothing.
        conditions: what else licences ask for.
        own: sounds that went in and were not made by a model; their rights are up to whoever brought them.
        unrecorded: models that do not say what they were trained on.
    """

    model_config = ConfigDict(frozen=True)

    models: tuple[Maker, ...]
    owed: tuple[Credit, ...]
    unclear: tuple[Credit, ...]
    free: tuple[Credit, ...]
    conditions: tuple[str, ...]
    own: tuple[str, ...]
    unrecorded: tuple[str, ...]

    @property
    def text(self) -> str:
        """The credits in words, to put beside what is published."""
        names = ", ".join(f"{model.name} ({model.hash})" for model in self.models)
        lines = [f"Made with wavesmith and the model(s) {names}." if names else "No model had a part in it."]
        if self.owed:
            lines += ["The model(s) were trained on these sounds, among others, which were changed for it:"]
            lines += [f"- {credit.wording}" for credit in self.owed]
        elif not self.unclear and not self.unrecorded:
            lines += ["No attribution is owed: no licence of the training sounds asks for it."]
        if self.unclear:
            lines += ["What these ask for is not known here; read their licences or ask their authors:"]
            lines += [f"- {credit.wording}" for credit in self.unclear]
        lines += [f"Beware: of some of these sounds, {condition}." for condition in self.conditions]
        lines += [
            f"The model {name} does not say what it was trained on; ask who made it."
            for name in self.unrecorded
        ]
        if self.own:
            lines += [
                f"Made from sounds that you brought; whether you may is up to you: {', '.join(self.own)}."
            ]
        return "\n".join(lines)


def credits(*given: Sound | Recipe | Model | str | Path, model: Model | None = None) -> Credits:
    """Say whom to name for sounds or models.

    Args:
        given: sounds that wavesmith made, their recipes, files or folders of files; or models, their folders
            or names.
        model: the model that made them, if it is not where their recipes say.

    Raises:
        AudioError: when a file carries no recipe.
        ModelError: when a model that made a sound is not on this machine, or is another one by now.
        DataError: when a folder holds neither a model nor a sound.
    """
    gathered = _Gathered(model)
    for item in given:
        gathered.take(item)
    return gathered.credits()


class _Gathered:
    """Models and sounds that have been met on the way."""

    def __init__(self, model: Model | None) -> None:
        self.offered = model
        self.models: dict[tuple[str, str], Model] = {}
        self.own: dict[str, None] = {}

    def take(self, item: Sound | Recipe | Model | str | Path) -> None:
        if isinstance(item, Model):
            self.models[item.name, item.hash] = item
        elif isinstance(item, Recipe):
            self._take_recipe(item)
        elif isinstance(item, Sound):
            self._take_sound(item, "This sound")
        elif Path(item).is_dir() and not (Path(item) / CONFIG).is_file():
            for entry in read_folder(item).entries:
                path = Path(item) / entry.path
                self._take_sound(Sound.read(path), str(path), alone=False)
        elif Path(item).suffix.lower() in AUDIO_ENDINGS:
            self._take_sound(Sound.read(item), str(item))
        else:
            self.take(load(item))

    def _take_sound(self, sound: Sound, name: str, alone: bool = True) -> None:
        if sound.recipe:
            self._take_recipe(sound.recipe)
        elif alone:
            raise AudioError(f"{name} carries no recipe; only files that wavesmith wrote say what made them.")
        else:
            self.own[name] = None

    def _take_recipe(self, recipe: Recipe) -> None:
        named = recipe.model, recipe.model_hash
        if named not in self.models:
            self.models[named] = self._maker(recipe)
        for source in recipe.sources:
            if source.recipe:
                self._take_recipe(source.recipe)
            else:
                self.own[source.path or "a sound that was in memory"] = None

    def _maker(self, recipe: Recipe) -> Model:
        if self.offered and self.offered.hash == recipe.model_hash:
            return self.offered
        try:
            found = load(recipe.model)
        except ModelError as error:
            raise ModelError(
                f"The model {recipe.model} ({recipe.model_hash}) that made the sound is not on this machine; "
                "get its folder and say where it is by --model (in Python, model=)."
            ) from error
        if found.hash != recipe.model_hash:
            raise ModelError(
                f"The sound was made by model {recipe.model} {recipe.model_hash}, but the one of that name "
                f"here is {found.hash}; say where the other is by --model (in Python, model=)."
            )
        return found

    def credits(self) -> Credits:
        models = self.models.values()
        found = _credits(models)
        return Credits(
            models=tuple(dict.fromkeys(maker for model in models for maker in _line(model))),
            owed=tuple(credit for credit in found if credit.attribution),
            unclear=tuple(credit for credit in found if credit.attribution is None),
            free=tuple(credit for credit in found if credit.attribution is False),
            conditions=tuple(dict.fromkeys(text for credit in found for text in credit.conditions)),
            own=tuple(self.own),
            unrecorded=tuple(dict.fromkeys(name for model in models for name in _unrecorded(model))),
        )


def _line(model: Model) -> Iterator[Maker]:
    """A model, and those that it started from."""
    yield Maker(name=model.name, hash=model.hash)
    record = model.provenance
    while record and record.base:
        yield Maker(name=record.base.name, hash=record.base.hash)
        record = record.base.provenance


def _unrecorded(model: Model) -> tuple[str, ...]:
    return (model.name,) if model.provenance is None else model.provenance.unrecorded()


def _credits(models: Iterable[Model]) -> list[Credit]:
    """One credit for each origin, whatever the number of models that share it."""
    counts: dict[TrainingSource, tuple[int, list[str]]] = {}
    for model in models:
        for source in model.provenance.all_sources() if model.provenance else ():
            origin = source.model_copy(update={"sounds": 0, "sha256": ()})
            sounds, names = counts.setdefault(origin, (0, []))
            names += [model.name] if model.name not in names else []
            counts[origin] = (max(sounds, source.sounds), names)
    return [_credit(origin, sounds, tuple(names)) for origin, (sounds, names) in counts.items()]


def _credit(origin: TrainingSource, sounds: int, models: tuple[str, ...]) -> Credit:
    term = terms(origin.licence)
    return Credit(
        **origin.model_dump(include={"author", "title", "source", "url", "basis"}),
        licence=term.name,
        licence_url=term.url,
        attribution=term.attribution,
        conditions=term.conditions,
        sounds=sounds,
        models=models,
    )
