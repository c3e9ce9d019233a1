"""Everything behind the page and the HTTP API of one library, opened and closed together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wavesmith.errors import AudioError, WavesmithError
from wavesmith.serve.catalog import Shelf
from wavesmith.serve.database import Database
from wavesmith.serve.dispatcher import Workshop
from wavesmith.serve.evaluations import Evaluations
from wavesmith.serve.jobs import JobRecord, Jobs
from wavesmith.serve.library import EVALUATIONS, MODELS, Library
from wavesmith.serve.limits import LIMITS, Limits
from wavesmith.serve.reproduce import Retold, retold
from wavesmith.serve.requests import JobRequest, completed
from wavesmith.serve.trainings import Trainings
from wavesmith.serve.worker_client import Hand
from wavesmith.verbs.settings import check_count


class Studio:
    """A library with its jobs, models, trainings and evaluations."""

    def __init__(
        self,
        folder: str | Path,
        models: Sequence[str] = (),
        limits: Limits = LIMITS,
        hand: Hand | None = None,
    ) -> None:
        """Open a library folder, which nobody else may have open, and go on with what was under way.

        Args:
            folder: made if it is not there.
            models: folders or names of models to offer beside the bundled ones; the first is the default.
            limits: what is refused beyond.
            hand: a worker that was started already, while all this was being imported.

        Raises:
            WavesmithError: when the folder cannot be used.
            ModelError: when a model cannot be loaded.
        """
        folder = Path(folder).expanduser().absolute()
        self.limits = limits
        self.database = Database(folder)
        self.library = Library(folder, self.database)
        self.shelf = Shelf(folder / MODELS, models)
        self.jobs = Jobs(self.database, self.library, limits)
        self.workshop = Workshop(self.jobs, self.library, self.shelf, hand or Hand(folder))
        self.trainings = Trainings(folder / MODELS, self.database, self.shelf, limits)
        self.evaluations = Evaluations(folder / EVALUATIONS, self.database, self.shelf, limits)

    def close(self) -> None:
        """Stop what is under way, with everything kept."""
        self.workshop.close()
        self.trainings.close()
        self.evaluations.close()
        self.database.close()

    def order(self, request: JobRequest, person: str) -> JobRecord:
        """Queue a job.

        Raises:
            RequestError: when it makes no sense, or a sound that it names is gone.
            Busy: when too many are waiting.
        """
        name = request.model or self.shelf.default
        for source in request.sources:
            self.library.path(source)
        seed = check_count(1, request.seed)
        values, total = completed(request, name, self.shelf.get(name), seed)
        return self.jobs.add(values, total, person)

    def recipe(self, sound: str) -> Retold:
        """How a sound was made; raises AudioError for one that was brought."""
        path = self.library.path(sound)
        recipe = self.library.read(sound).recipe
        if recipe is None:
            raise AudioError("This sound was brought, not made, so it has no recipe.")
        here = [path.parent.parent / "sounds" / Path(source.path).name for source in recipe.sources]
        sources = [
            str(place) if place.is_file() else source.path
            for place, source in zip(here, recipe.sources, strict=True)
        ]
        try:
            model = self.shelf.get(Path(recipe.model).name)
        except WavesmithError:
            model = None
        return retold(recipe, str(path), sources, model)
