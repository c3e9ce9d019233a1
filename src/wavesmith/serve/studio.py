"""All parts behind the page and the HTTP API of one library, opened and closed together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wavesmith.errors import AudioError, WavesmithError
from wavesmith.serve.catalog import Catalog
from wavesmith.serve.database import Database
from wavesmith.serve.dispatcher import Dispatcher
from wavesmith.serve.evaluations import Evaluations
from wavesmith.serve.jobs import JobRecord, Jobs
from wavesmith.serve.library import EVALUATIONS, MODELS, Library
from wavesmith.serve.limits import LIMITS, Limits
from wavesmith.serve.reproduce import Reproduction, reproduction
from wavesmith.serve.requests import JobRequest, completed
from wavesmith.serve.trainings import Trainings
from wavesmith.serve.worker_client import WorkerClient


class Studio:
    """A library with its jobs, models, trainings and evaluations."""

    def __init__(
        self,
        folder: str | Path,
        models: Sequence[str] = (),
        limits: Limits = LIMITS,
        worker: WorkerClient | None = None,
    ) -> None:
        """Open a library folder, which no other process may have open, and continue unfinished work.

        Args:
            folder: created if necessary.
            models: folders or names of models to offer beside the bundled ones; the first is the default.
            limits: bounds on requests.
            worker: a worker that was started already, while all this was being imported.

        Raises:
            WavesmithError: when the folder cannot be used.
            ModelError: when a model cannot be loaded.
        """
        folder = Path(folder).expanduser().absolute()
        self.limits = limits
        self.database = Database(folder)
        self.library = Library(folder, self.database)
        self.catalog = Catalog(folder / MODELS, models)
        self.jobs = Jobs(self.database, self.library, limits)
        self.dispatcher = Dispatcher(self.jobs, self.library, self.catalog, worker or WorkerClient(folder))
        self.trainings = Trainings(folder / MODELS, self.database, self.catalog, limits)
        self.evaluations = Evaluations(folder / EVALUATIONS, self.database, self.catalog, limits)

    def close(self) -> None:
        """Stop all work; everything is kept."""
        self.dispatcher.close()
        self.trainings.close()
        self.evaluations.close()
        self.database.close()

    def add_job(self, request: JobRequest, person: str) -> JobRecord:
        """Queue a job.

        Raises:
            RequestError: when the model cannot follow it, or a sound that it names is gone.
            Busy: when too many are waiting.
        """
        name = request.model or self.catalog.default
        for source in request.sources:
            self.library.path(source)
        values, total = completed(request, name, self.catalog.get(name), self.library.path)
        return self.jobs.add(values, total, person)

    def recipe(self, sound: str) -> Reproduction:
        """Describe how to make a sound again; raises AudioError for an uploaded one."""
        path = self.library.path(sound)
        recipe = self.library.read(sound).recipe
        if recipe is None:
            raise AudioError("This sound was uploaded, so it has no recipe.")
        files = [path.parent.parent / "sounds" / Path(source.path).name for source in recipe.sources]
        sources = [
            str(file) if file.is_file() else source.path
            for file, source in zip(files, recipe.sources, strict=True)
        ]
        try:
            model = self.catalog.get(Path(recipe.model).name)
        except WavesmithError:
            model = None
        return reproduction(recipe, str(path), sources, model)
