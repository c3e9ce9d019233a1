"""Credits of a sound: from the recipe in its file to the models, and from these to their training sounds."""

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
    """Training sounds of one origin.

    Attributes:
        author, title, source, url: values of the manifest.
        licence, licence_url: name of the licence, and address of its text if the version is known.
        basis: grounds for relying on the licence.
        attribution: whether the licence requires a credit; None if unknown.
        conditions: other conditions of the licence.
        sounds: number of sounds.
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
        """The credit in the form that Creative Commons recommends: title, author, link and licence.

        https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution
        """
        title = f'"{self.title}"' if self.title else f"Sounds from {self.source}" if self.source else "Sounds"
        link = f" ({self.url})" if self.url else ""
        licence_link = f" ({self.licence_url})" if self.licence_url else ""
        return f"{title}{link} by {self.author or 'an author not stated'}, {self.licence}{licence_link}"


class ModelReference(BaseModel):
    """Name and hash of a model."""

    model_config = ConfigDict(frozen=True)

    name: str
    hash: str


class Credits(BaseModel):
    """Credits that the licences of training sounds require.

    Attributes:
        models: models that generated the sounds, and the bases of these.
        owed: origins whose licence requires a credit.
        unclear: origins without a licence, or with one whose terms are unknown.
        free: origins whose licence requires no credit.
        conditions: other conditions of the licences.
        own: source sounds that no model generated; the user is responsible for their rights.
        unrecorded: models without a record of their training sounds.
    """

    model_config = ConfigDict(frozen=True)

    models: tuple[ModelReference, ...]
    owed: tuple[Credit, ...]
    unclear: tuple[Credit, ...]
    free: tuple[Credit, ...]
    conditions: tuple[str, ...]
    own: tuple[str, ...]
    unrecorded: tuple[str, ...]

    @property
    def text(self) -> str:
        """The credits as text, to publish with the sounds."""
        names = ", ".join(f"{model.name} ({model.hash})" for model in self.models)
        lines = [f"Made with wavesmith and the model(s) {names}." if names else "No model was used."]
        if self.owed:
            lines += ["The model(s) were trained on these sounds, among others, in changed form:"]
            lines += [f"- {credit.wording}" for credit in self.owed]
        elif not self.unclear and not self.unrecorded:
            lines += ["No attribution is owed: no licence of the training sounds requires it."]
        if self.unclear:
            lines += ["The terms of these are unknown; read their licences or ask their authors:"]
            lines += [f"- {credit.wording}" for credit in self.unclear]
        lines += [f"Condition for some of these sounds: {condition}." for condition in self.conditions]
        lines += [
            f"The model {name} has no record of its training sounds; ask its authors."
            for name in self.unrecorded
        ]
        if self.own:
            lines += [f"Your own source sounds, whose rights you must check yourself: {', '.join(self.own)}."]
        return "\n".join(lines)


def credits(*given: Sound | Recipe | Model | str | Path, model: Model | None = None) -> Credits:
    """Collect the credits of sounds or models.

    Args:
        given: sounds by wavesmith, their recipes, files or folders of files; or models, their folders or
            names.
        model: the model that generated them, if it is not at the path in their recipes.

    Raises:
        AudioError: when a file has no recipe.
        ModelError: when a model that generated a sound is not on this machine, or has another hash.
        DataError: when a folder has neither a model nor a sound.
    """
    collector = _Collector(model)
    for item in given:
        collector.add(item)
    return collector.credits()


class _Collector:
    """Models and source sounds that the given items lead to."""

    def __init__(self, model: Model | None) -> None:
        self.offered = model
        self.models: dict[tuple[str, str], Model] = {}
        self.own: dict[str, None] = {}

    def add(self, item: Sound | Recipe | Model | str | Path) -> None:
        if isinstance(item, Model):
            self.models[item.name, item.hash] = item
        elif isinstance(item, Recipe):
            self._add_recipe(item)
        elif isinstance(item, Sound):
            self._add_sound(item, "This sound")
        elif Path(item).is_dir() and not (Path(item) / CONFIG).is_file():
            for entry in read_folder(item).entries:
                path = Path(item) / entry.path
                self._add_sound(Sound.read(path), str(path), required=False)
        elif Path(item).suffix.lower() in AUDIO_ENDINGS:
            self._add_sound(Sound.read(item), str(item))
        else:
            self.add(load(item))

    def _add_sound(self, sound: Sound, name: str, required: bool = True) -> None:
        if sound.recipe:
            self._add_recipe(sound.recipe)
        elif required:
            raise AudioError(f"{name} has no recipe; only files by wavesmith have one.")
        else:
            self.own[name] = None

    def _add_recipe(self, recipe: Recipe) -> None:
        named = recipe.model, recipe.model_hash
        if named not in self.models:
            self.models[named] = self._model_of(recipe)
        for source in recipe.sources:
            if source.recipe:
                self._add_recipe(source.recipe)
            else:
                self.own[source.path or "a sound that was in memory"] = None

    def _model_of(self, recipe: Recipe) -> Model:
        if self.offered and self.offered.hash == recipe.model_hash:
            return self.offered
        try:
            found = load(recipe.model)
        except ModelError as error:
            raise ModelError(
                f"The model {recipe.model} ({recipe.model_hash}) of the sound is not on this machine; "
                "get its folder and give its path by --model (in Python, model=)."
            ) from error
        if found.hash != recipe.model_hash:
            raise ModelError(
                f"The sound is by model {recipe.model} {recipe.model_hash}, but the model of that name here "
                f"has the hash {found.hash}; give the path of the other by --model (in Python, model=)."
            )
        return found

    def credits(self) -> Credits:
        models = self.models.values()
        found = _credits(models)
        return Credits(
            models=tuple(dict.fromkeys(one for model in models for one in _ancestry(model))),
            owed=tuple(credit for credit in found if credit.attribution),
            unclear=tuple(credit for credit in found if credit.attribution is None),
            free=tuple(credit for credit in found if credit.attribution is False),
            conditions=tuple(dict.fromkeys(text for credit in found for text in credit.conditions)),
            own=tuple(self.own),
            unrecorded=tuple(dict.fromkeys(name for model in models for name in _unrecorded(model))),
        )


def _ancestry(model: Model) -> Iterator[ModelReference]:
    """Yield a model and the bases of its training."""
    yield ModelReference(name=model.name, hash=model.hash)
    record = model.provenance
    while record and record.base:
        yield ModelReference(name=record.base.name, hash=record.base.hash)
        record = record.base.provenance


def _unrecorded(model: Model) -> tuple[str, ...]:
    return (model.name,) if model.provenance is None else model.provenance.unrecorded()


def _credits(models: Iterable[Model]) -> list[Credit]:
    """Return one credit for each origin, even if several models share it."""
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
