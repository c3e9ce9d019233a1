"""The HTTP API, and the studio's page. No logic of its own: everything is asked of `Studio`."""

from __future__ import annotations

import asyncio
import html
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette.sse import EventSourceResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

import wavesmith
from wavesmith.data import Scan
from wavesmith.errors import WavesmithError, first_problem
from wavesmith.picture import thumbnail
from wavesmith.recipe import VERSION
from wavesmith.serve.catalog import ModelRecord
from wavesmith.serve.evaluations import EvaluationRecord, EvaluationRequest
from wavesmith.serve.jobs import ENDED, Busy, JobRecord, State
from wavesmith.serve.library import NotFound, Search, SoundRecord
from wavesmith.serve.middleware import AccessMiddleware
from wavesmith.serve.processes import ENDED as PROCESS_ENDED
from wavesmith.serve.processes import AlreadyRunning
from wavesmith.serve.reproduce import Reproduction
from wavesmith.serve.requests import JobRequest, described, job_request_type
from wavesmith.serve.sequencer import Bar, Export, plain, written_bar, written_export
from wavesmith.serve.studio import Studio
from wavesmith.serve.trainings import TrainingRecord, TrainingRequest, scanned

PAGE = Path(wavesmith.__file__).parent / "studio" / "page"

_JOB_SECONDS = 0.05  # between two looks at a job that is watched
_PROCESS_SECONDS = 0.5  # at a training or an evaluation
_PING_SECONDS = 15
_PICTURE = (480, 160)  # pixels
_NEVER_CHANGES = {"Cache-Control": "private, max-age=31536000, immutable"}
_MOST_LISTED = 500
_REPORT_HEADERS = {
    "Content-Security-Policy": (  # it has all that it needs inside, and may touch nothing of the studio's
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
        "media-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
    ),
    "Cache-Control": "no-cache",
}


class Problem(BaseModel):
    """What every error says, in one sentence."""

    error: str


def create_app(studio: Studio, *, token: str | None = None, local: bool = True) -> FastAPI:
    """The application for a studio, which whoever opened it closes.

    Args:
        studio: what is asked.
        token: what everybody has to show; None lets whoever is on this machine in.
        local: whether only this machine can reach it; otherwise nothing is looked at in its folders.
    """

    app = FastAPI(
        title="wavesmith",
        version=VERSION,
        description="The verbs of the Python API over HTTP: short sounds made on this machine.",
        docs_url=None,
        redoc_url=None,
        responses={code: {"model": Problem, "description": "One sentence."} for code in (400, 404, 422)},
    )
    app.state.studio, app.state.local = studio, local
    app.include_router(router)
    app.post("/api/jobs", tags=["jobs"], status_code=202)(_job_route())
    app.mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False))
    app.add_middleware(AccessMiddleware, token=token, limits=studio.limits)
    for kind in (WavesmithError, StarletteHTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _sorry)
    return app


# What all requests share


def _studio(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


def _person(request: Request) -> str:
    return str(request.state.person)


def _only_here(request: Request) -> None:
    if not request.app.state.local:
        raise HTTPException(403, "Folders can only be named on the machine itself; run the studio there.")


Here = Annotated[Studio, Depends(_studio)]
Person = Annotated[str, Depends(_person)]
OnlyHere = Depends(_only_here)

router = APIRouter()


async def _sorry(request: Request, error: Exception) -> JSONResponse:
    """An error as one sentence, with the status that it means."""
    if isinstance(error, StarletteHTTPException):
        status, sentence = error.status_code, str(error.detail)
    elif isinstance(error, RequestValidationError):
        status, sentence = 422, f"{first_problem(error)}; choose another value."
    elif isinstance(error, WavesmithError):
        kinds = {NotFound: 404, AlreadyRunning: 409, Busy: 429}
        status = next((code for kind, code in kinds.items() if isinstance(error, kind)), 400)
        if isinstance(error.__cause__, OSError):
            status = 507
        sentence = str(error)
    else:
        status, sentence = 500, f"This is a bug in wavesmith ({type(error).__name__}); please report it."
    sentence = " ".join(sentence.split()).encode("utf-8", "replace").decode()
    headers = getattr(error, "headers", None)
    return JSONResponse({"error": sentence}, status, headers)


# The server


class Health(BaseModel):
    """That it is there."""

    version: str
    local: bool


@router.get("/api/health", tags=["server"])
def health(request: Request) -> Health:
    """Say which version this is, and whether only this machine can reach it."""
    return Health(version=VERSION, local=request.app.state.local)


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """What can be asked, as a page that loads nothing."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td>"
        f"<td>{html.escape(told['description'])}</td></tr>"
        for path, methods in request.app.openapi()["paths"].items()
        for method, told in methods.items()
    ]
    return HTMLResponse(
        '<!doctype html><html lang="en"><title>wavesmith: HTTP API</title><h1>HTTP API</h1>'
        '<p>The whole of it, for programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"<table>{''.join(rows)}</table></html>"
    )


# Models


@router.get("/api/models", tags=["models"])
def models(studio: Here) -> list[ModelRecord]:
    """List the models, the default first."""
    return list(studio.catalog.records(studio.dispatcher.loaded))


@router.get("/api/models/{name}/verbs", tags=["models"])
def verbs(name: str, studio: Here) -> dict[str, dict[str, Any]]:
    """Describe what a model can do: settings of each verb with the model's defaults, sources and counts."""
    return described(studio.catalog.get(name))


@router.post("/api/models/{name}/load", tags=["models"])
def load_model(name: str, studio: Here) -> ModelRecord:
    """Have a model ready, so that its first sound comes soon."""
    studio.dispatcher.load(name)
    return studio.catalog.record(name, studio.dispatcher.loaded)


@router.post("/api/models/{name}/evaluate", tags=["models"], status_code=202, dependencies=[OnlyHere])
def evaluate(name: str, asked: EvaluationRequest, studio: Here) -> EvaluationRecord:
    """Start to measure how good a model's sounds are, beside a folder of real ones."""
    return studio.evaluations.add(name, asked)


@router.get("/api/models/{name}/evaluation", tags=["models"])
def evaluation(name: str, studio: Here) -> EvaluationRecord:
    """Say how the evaluation of a model goes."""
    return studio.evaluations.get(name)


@router.post("/api/models/{name}/evaluation/stop", tags=["models"])
def stop_evaluation(name: str, studio: Here) -> EvaluationRecord:
    """Stop the evaluation of a model; everything is kept."""
    return studio.evaluations.stop(name)


@router.post("/api/models/{name}/evaluation/resume", tags=["models"])
def resume_evaluation(name: str, studio: Here) -> EvaluationRecord:
    """Go on with an evaluation that was stopped."""
    return studio.evaluations.resume(name)


@router.get("/api/models/{name}/evaluation/events", tags=["models"], response_class=EventSourceResponse)
def evaluation_events(name: str, studio: Here) -> EventSourceResponse:
    """Watch an evaluation: server-sent events with it as JSON, at every change until it ends."""
    studio.evaluations.get(name)
    return _events(lambda: studio.evaluations.get(name), object, _PROCESS_SECONDS, PROCESS_ENDED)


@router.get("/api/models/{name}/report", tags=["models"], response_class=HTMLResponse)
def report(name: str, studio: Here) -> FileResponse:
    """Get what the last evaluation of a model found: a page with everything inside, sounds too."""
    return FileResponse(studio.evaluations.report(name), media_type="text/html", headers=_REPORT_HEADERS)


# Sounds


class SoundPage(BaseModel):
    """Some of the sounds that were looked for, and how many there are in all."""

    sounds: list[SoundRecord]
    total: int


class SoundChange(BaseModel):
    """What is to be different about a sound; `trash` false brings it back."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    favourite: bool | None = None
    kept: bool | None = None
    trash: bool | None = None


class Peaks(BaseModel):
    """Lowest and highest sample of each part of a sound, over all channels."""

    peaks: list[tuple[float, float]]


@router.post("/api/uploads", tags=["sounds"], status_code=201)
def upload(file: Annotated[UploadFile, File()], studio: Here) -> SoundRecord:
    """Bring a sound: WAV, FLAC, AIFF, OGG or MP3, judged by what is in it."""
    return studio.library.bring(file.file, file.filename or "", seconds=studio.limits.upload_seconds)


@router.get("/api/sounds", tags=["sounds"])
def sounds(
    studio: Here,
    label: Annotated[str | None, Query(max_length=200)] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    verb: Annotated[str | None, Query(max_length=40)] = None,
    favourite: bool | None = None,
    kept: bool | None = None,
    trash: bool = False,
    text: Annotated[str | None, Query(max_length=200)] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    like: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> SoundPage:
    """Search the library, newest first; with `like`, by likeness to that sound."""
    search = Search(
        label=label,
        model=model,
        verb=verb,
        favourite=favourite,
        kept=kept,
        trash=trash,
        text=text,
        since=since,
        until=until,
        like=like,
    )
    found, total = studio.library.search(search, limit, offset)
    return SoundPage(sounds=found, total=total)


@router.get("/api/sounds/{sound}", tags=["sounds"])
def sound_record(sound: str, studio: Here) -> SoundRecord:
    """Say what is known about a sound."""
    return studio.library.get(sound)


@router.patch("/api/sounds/{sound}", tags=["sounds"])
def change_sound(sound: str, change: SoundChange, studio: Here) -> SoundRecord:
    """Rename a sound, mark it, throw it away or bring it back."""
    return studio.library.change(sound, change.model_dump(exclude_none=True))


@router.delete("/api/sounds/{sound}", tags=["sounds"])
def throw_away(sound: str, studio: Here) -> SoundRecord:
    """Move a sound to the trash."""
    return studio.library.change(sound, {"trash": True})


@router.get("/api/sounds/{sound}/audio", tags=["sounds"], response_class=FileResponse)
def audio(sound: str, studio: Here) -> FileResponse:
    """Get the WAV file, or a range of its bytes."""
    name = plain(studio.library.get(sound).name)
    return FileResponse(
        studio.library.path(sound),
        media_type="audio/wav",
        filename=f"{name}.wav",
        content_disposition_type="inline",
        headers=_NEVER_CHANGES,
    )


@router.get("/api/sounds/{sound}/picture", tags=["sounds"], response_class=Response)
def picture(sound: str, studio: Here) -> Response:
    """Get the mel picture as a PNG."""
    return Response(
        thumbnail(studio.library.read(sound), *_PICTURE), media_type="image/png", headers=_NEVER_CHANGES
    )


@router.get("/api/sounds/{sound}/peaks", tags=["sounds"])
def peaks(sound: str, studio: Here, points: Annotated[int, Query(ge=1, le=4000)] = 200) -> Peaks:
    """Get the outline of the waveform."""
    samples = studio.library.read(sound).samples
    edges = np.linspace(0, samples.shape[1], min(points, samples.shape[1]) + 1).astype(int)[:-1]
    low = np.minimum.reduceat(samples, edges, axis=1).min(axis=0)
    high = np.maximum.reduceat(samples, edges, axis=1).max(axis=0)
    return Peaks(peaks=list(zip(low.tolist(), high.tolist(), strict=True)))


@router.get("/api/sounds/{sound}/recipe", tags=["sounds"])
def recipe(sound: str, studio: Here) -> Reproduction:
    """Say how a sound was made: its recipe, and a command and Python that make it again."""
    return studio.recipe(sound)


# Jobs


def _job_route() -> Callable[..., JobRecord]:
    """Return the route that queues jobs, with the type of requests for the verbs registered by now."""

    def add_job(job: JobRequest, studio: Here, person: Person) -> JobRecord:
        """Queue a job: a verb, its sources and its settings."""
        return studio.add_job(job, person)

    add_job.__annotations__ |= {"job": job_request_type()}
    return add_job


@router.get("/api/jobs", tags=["jobs"])
def jobs(
    studio: Here, state: State | None = None, limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100
) -> list[JobRecord]:
    """List jobs, newest first."""
    return studio.jobs.all(state, limit)


@router.get("/api/jobs/{job}", tags=["jobs"])
def job_record(job: str, studio: Here) -> JobRecord:
    """Say how a job goes."""
    return studio.jobs.get(job)


@router.delete("/api/jobs/{job}", tags=["jobs"])
def cancel_job(job: str, studio: Here) -> JobRecord:
    """Cancel a job; sounds that it has made stay."""
    return studio.dispatcher.cancel(job)


@router.get("/api/jobs/{job}/events", tags=["jobs"], response_class=EventSourceResponse)
def job_events(job: str, studio: Here) -> EventSourceResponse:
    """Watch a job: server-sent events with the job as JSON, at every change until it ends."""
    studio.jobs.get(job)
    return _events(lambda: studio.jobs.get(job), lambda: studio.jobs.changes, _JOB_SECONDS, ENDED)


def _events(
    look: Callable[[], JobRecord | TrainingRecord | EvaluationRecord],
    changes: Callable[[], object],
    every: float,
    ended: tuple[str, ...],
) -> EventSourceResponse:
    """Send a record whenever it has changed, until its state is one of `ended`.

    Watchers take no thread while nothing happens, however many and however slow they are.
    """

    async def records() -> AsyncIterator[dict[str, str]]:
        seen: object = None
        last = ""
        while True:
            if (now := changes()) != seen:
                seen, record = now, await run_in_threadpool(look)
                if (text := record.model_dump_json()) != last:
                    last = text
                    yield {"data": text}
                if record.state in ended:
                    return
            await asyncio.sleep(every)

    return EventSourceResponse(records(), ping=_PING_SECONDS, sep="\n")


# Files of several sounds


@router.post("/api/export", tags=["files"], response_class=FileResponse)
def export(asked: Export, studio: Here) -> FileResponse:
    """Get sounds as one archive: the files themselves, or a kit for samplers."""
    return _made(lambda folder: written_export(asked, studio.library, folder), "application/zip")


@router.post("/api/bars", tags=["files"], response_class=FileResponse)
def bars(bar: Bar, studio: Here) -> FileResponse:
    """Get a bar of sixteen steps as a WAV or MIDI file."""
    kind = "audio/midi" if bar.form == "midi" else "audio/wav"
    return _made(lambda folder: written_bar(bar, studio.library, folder), kind)


def _made(write: Callable[[Path], Path], media_type: str) -> FileResponse:
    """A file that is written for this answer and gone after it."""
    folder = Path(tempfile.mkdtemp(prefix="wavesmith-"))
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    try:
        path = write(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(path, media_type=media_type, filename=path.name, background=gone)


# Training


class Folder(BaseModel):
    """A folder of sounds on this machine."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(min_length=1, max_length=4096)


@router.post("/api/scan", tags=["training"], dependencies=[OnlyHere])
def scan(asked: Folder, studio: Here) -> Scan:
    """Look at every file of a folder: what can be trained on, what would be left out and why."""
    return scanned(asked.folder, studio.limits)


@router.post("/api/trainings", tags=["training"], status_code=202, dependencies=[OnlyHere])
def add_training(asked: TrainingRequest, studio: Here) -> TrainingRecord:
    """Start to train a model on a folder of sounds."""
    return studio.trainings.add(asked)


@router.get("/api/trainings", tags=["training"])
def trainings(studio: Here) -> list[TrainingRecord]:
    """List trainings, newest first."""
    return studio.trainings.all()


@router.get("/api/trainings/{training}", tags=["training"])
def training_record(training: str, studio: Here) -> TrainingRecord:
    """Say how a training goes."""
    return studio.trainings.get(training)


@router.post("/api/trainings/{training}/stop", tags=["training"])
def stop_training(training: str, studio: Here) -> TrainingRecord:
    """Stop a training after the step under way; everything is kept."""
    return studio.trainings.stop(training)


@router.post("/api/trainings/{training}/resume", tags=["training"])
def resume_training(training: str, studio: Here) -> TrainingRecord:
    """Go on with a training that was stopped."""
    return studio.trainings.resume(training)


@router.get("/api/trainings/{training}/events", tags=["training"], response_class=EventSourceResponse)
def training_events(training: str, studio: Here) -> EventSourceResponse:
    """Watch a training: server-sent events with the training as JSON, at every change until it ends."""
    studio.trainings.get(training)
    return _events(lambda: studio.trainings.get(training), object, _PROCESS_SECONDS, PROCESS_ENDED)


@router.get(
    "/api/trainings/{training}/demos/{examples}/{file}", tags=["training"], response_class=FileResponse
)
def training_demo(training: str, examples: str, file: str, studio: Here) -> FileResponse:
    """Get a sound or the picture of a demo."""
    return FileResponse(studio.trainings.demo(training, examples, file), headers=_NEVER_CHANGES)
