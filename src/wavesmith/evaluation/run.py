"""Evaluate a model, or a folder of sounds: from sounds to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from wavesmith.classifiers import Classifier
from wavesmith.embeddings import Embedding, load_embedding
from wavesmith.errors import RequestError
from wavesmith.evaluation import notes
from wavesmith.evaluation.comparison import FEWEST
from wavesmith.evaluation.embedding_library import EmbeddingLibrary
from wavesmith.evaluation.evaluation_settings import EvaluationSettings, Progress, command_line
from wavesmith.evaluation.faults import summarise
from wavesmith.evaluation.file_measures import Floats
from wavesmith.evaluation.labels import LabelReport, classifier_of, measure_labels
from wavesmith.evaluation.library_distances import MOST_COMPARED, measure_distances, measured_set
from wavesmith.evaluation.measure_report import measure_report
from wavesmith.evaluation.memorisation import examine
from wavesmith.evaluation.memorisation_report import MemorisationReport
from wavesmith.evaluation.reference import Reference, read_reference
from wavesmith.evaluation.report import FaultReport, Report
from wavesmith.evaluation.report_page import write_page
from wavesmith.evaluation.spectra import spectra
from wavesmith.evaluation.subjects import compared_seconds, describe, load_subject, name_of, sounds_of
from wavesmith.evaluation.trust import verdict
from wavesmith.models import Model, trained_on

DEFAULT_EMBEDDING = "multires"
HTML, JSON = "report.html", "report.json"


class Evaluation(NamedTuple):
    """A report and the sounds that it was measured on."""

    report: Report
    generated: EmbeddingLibrary
    reference: EmbeddingLibrary


def evaluate(
    model: Model | str | Path,
    reference: str | Path,
    *,
    count: int = 400,
    seed: int = 0,
    embedding: str | Embedding = DEFAULT_EMBEDDING,
    classifier: str | Path | None = None,
    against: Model | str | Path | None = None,
    held_out: float = 0.1,
    split_seed: int = 0,
    basis: str | None = None,
    memorisation: bool = True,
    out: str | Path = "evaluation",
    html: str | Path | None = None,
    json: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    **generation: Any,
) -> Report:
    """Measure the sounds of a model beside real ones.

    Sounds, measurements and a trained classifier are kept in `out`, so that an interrupted evaluation
    continues and a repeated one is fast; the report is written there as `report.html` and `report.json`.

    Generated sounds are compared with the model's training sounds among the real ones; held-out real sounds
    are compared with these, too, and show what a perfect model would reach. The model's attribution says
    which are which; without one the reference is split by source as a training splits it.

    Args:
        model: a model, its name or folder, or a folder of sounds in place of one.
        reference: a folder of real sounds; sub-folders are labels.
        count: number of sounds to generate, in proportion to the labels of the reference.
        seed: of everything random.
        embedding: space in which distances are measured: a name in `EMBEDDINGS`, or an embedding.
        classifier: folder of a classifier of labels that is not used as a guide; None to train one on the
            reference.
        against: another model or folder of sounds, for a comparison side by side.
        held_out: share of the reference that training held out.
        split_seed: seed of that split.
        basis: use only real sounds with this `licence_basis` in their manifest.
        memorisation: also search for training sounds among the generated ones.
        out: folder of all results.
        html, json: further files to write the report to.
        workers: processes that read sounds; all cores if None.
        progress: called with (stage, done, in all).
        generation: settings of `generate`, such as `steps` and `guidance`.

    Raises:
        RequestError: for settings out of range, and when there are fewer than 20 sounds on a side.
        DataError: when a folder is missing or holds no audio.
        ModelError: when there is no such model.
        WavesmithError: when something cannot be written.
    """
    if count < FEWEST:
        raise RequestError(f"An evaluation needs at least {FEWEST} sounds, not {count}; choose more.")
    space = load_embedding(embedding) if isinstance(embedding, str) else embedding
    subjects = [load_subject(one) for one in (model, against) if one is not None]
    if generation and not any(isinstance(one, Model) for one in subjects):
        raise RequestError(
            f"{subjects[0]} holds sounds, which are not generated; leave out {', '.join(sorted(generation))}."
        )
    options = {
        "against": None if against is None else name_of(against),
        "count": count,
        "seed": seed,
        "embedding": space.name,
        "classifier": classifier,
        "held-out": held_out,
        "split-seed": split_seed,
        "basis": basis,
        "memorisation": memorisation,
        "out": out,
    } | generation
    settings = EvaluationSettings(
        reference=Path(reference),
        count=count,
        seed=seed,
        embedding=space,
        classifier=None if classifier is None else Classifier.load(classifier),
        classifier_name=str(classifier or "trained on the real sounds without the held-out ones"),
        held_out=held_out,
        split_seed=split_seed,
        basis=basis,
        memorisation=memorisation,
        out=Path(out),
        workers=workers,
        progress=progress,
        generation=generation,
        command=command_line(name_of(model), reference, options),
    )
    seconds = max(compared_seconds(one, generation) for one in subjects)
    evaluations = [_evaluate_one(one, settings, seconds) for one in subjects]
    report = evaluations[0].report
    if len(evaluations) > 1:
        other = evaluations[1].report
        report = report.model_copy(
            update={"against": other, "notes": (*report.notes, *_nearest(report, other))}
        )
        evaluations[0] = evaluations[0]._replace(report=report)
    for path in (settings.out / JSON, json):
        if path is not None:
            report.write(path)
    for path in (settings.out / HTML, html):
        if path is not None:
            write_page(path, evaluations)
    return report


def _evaluate_one(subject: Model | Path, settings: EvaluationSettings, seconds: float) -> Evaluation:
    """Evaluate one model or folder."""
    real = read_reference(subject, settings, seconds)
    reference, held_out = real.training, real.held_out
    _require(reference, "real sounds to compare with", held_out)
    generated = sounds_of(subject, settings, seconds, reference)
    _require(generated, "sounds to evaluate")
    distances = measure_distances(
        generated,
        reference,
        held_out,
        seed=settings.seed,
        progress=settings.progress_of("measuring distances"),
    )
    measures = measure_report(
        measured_set(generated),
        measured_set(reference),
        None if held_out is None else measured_set(held_out),
        seed=settings.seed,
    )
    labels, about_labels = _labels(generated, real, settings)
    memorised, about_memorisation = _memorisation(subject, generated, real, settings)
    sides = [side for side in (distances.generated, distances.held_out) if side]
    sentences = [
        *notes.left_out("reference", real.everything.left_out),
        real.note,
        *notes.left_out("generated", generated.left_out),
        *notes.conversions(generated, reference, settings.embedding),
        *_limits(real),
        *(line for side in sides for line in side.left_out),
        *about_labels,
        *about_memorisation,
    ]
    report = Report(
        model=describe(subject, generated, settings.generation),
        reference=describe(settings.reference, reference, {}),
        held_out=len(held_out or ()),
        seconds=round(seconds, 4),
        seed=settings.seed,
        command=settings.command,
        notes=tuple(dict.fromkeys(sentences)),
        distances=distances,
        measures=measures,
        labels=labels,
        spectra=spectra(
            _profiles(generated), _profiles(reference), held_out.profiles if held_out else None, seconds
        ),
        faults=FaultReport(generated=summarise(generated.checks), reference=summarise(reference.checks)),
        memorisation=memorised,
        provenance=subject.provenance if isinstance(subject, Model) else None,
    )
    return Evaluation(report, generated, reference)


def _nearest(report: Report, other: Report) -> list[str]:
    """Return a sentence on which of two is nearer to real sounds, by a distance that may choose."""
    sides = {side.model.name: side.measures for side in (report, other)}
    distances = {name: measures.generated.kernel for name, measures in sides.items() if measures}
    return [verdict(distances)] if len(distances) > 1 else []


def _labels(
    generated: EmbeddingLibrary, real: Reference, settings: EvaluationSettings
) -> tuple[LabelReport | None, list[str]]:
    """Measure label accuracy, or return the reason why it cannot be measured."""
    if not generated.labels:
        return None, ["The generated sounds have no labels, so label accuracy is not measured."]
    try:
        if settings.classifier is not None:
            classifier, trained_on_sounds = settings.classifier, None
        else:
            classifier, trained_on_sounds = classifier_of(
                real.training,
                settings.out / "classifiers",
                seed=settings.seed,
                workers=settings.workers,
                progress=settings.progress,
            )
        report = measure_labels(
            classifier,
            generated,
            real.held_out,
            name=settings.classifier_name,
            trained_on=trained_on_sounds,
            workers=settings.workers,
            progress=settings.progress,
        )
    except RequestError as error:
        if settings.classifier is not None:
            raise
        return None, [str(error)]
    return report, []


def _memorisation(
    subject: Model | Path, generated: EmbeddingLibrary, real: Reference, settings: EvaluationSettings
) -> tuple[MemorisationReport | None, list[str]]:
    """Search for training sounds, or return the reason why that is impossible."""
    if not settings.memorisation:
        return None, []
    model = subject if isinstance(subject, Model) else None
    trained = trained_on(model) if model else None
    if trained is not None and not any(file.sha256 in trained for file in real.training.files):
        return None, ["No real sound is a training sound of the model, so copies cannot be searched for."]
    try:
        return examine(generated, real.training, real.held_out, model=model, progress=settings.progress), []
    except RequestError as error:
        return None, [str(error)]


def _limits(real: Reference) -> list[str]:
    """Return sentences about limits that the number of real sounds sets."""
    sentences = []
    if real.held_out is not None and len(real.held_out) < FEWEST:
        sentences.append(
            f"There are only {len(real.held_out)} held-out real sounds; their distances need {FEWEST}."
        )
    if len(real.training) > MOST_COMPARED:
        sentences.append(
            f"Distances use {MOST_COMPARED} of the {len(real.training)} real sounds, evenly spaced."
        )
    return sentences


def _require(library: EmbeddingLibrary, kind: str, held_out: EmbeddingLibrary | None = None) -> None:
    if len(library) < FEWEST:
        besides = f", besides {len(held_out)} held-out ones" if held_out else ""
        raise RequestError(
            f"There are {len(library)} {kind} in {library.root}{besides}; an evaluation needs {FEWEST}."
        )


def _profiles(library: EmbeddingLibrary) -> dict[str | None, Floats]:
    labels = sorted({file.label for file in library.files}, key=str)
    return {label: library.with_label(label).profiles for label in labels}
