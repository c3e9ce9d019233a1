"""Evaluate a model, or a folder of sounds: from sounds to a report, going on where an earlier run stopped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wavesmith.classifiers import Classifier
from wavesmith.data import Entry, LeftOut, read_folder, split
from wavesmith.embeddings import Embedding
from wavesmith.embeddings import embedding as named
from wavesmith.errors import AudioError, RequestError
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import FEWEST, Distances, compare, kernel
from wavesmith.evaluation.embedding_library import Floats, Library, build
from wavesmith.evaluation.faults import summary
from wavesmith.evaluation.generation import make, quota
from wavesmith.evaluation.labels import LabelReport, fresh_judge, judge_labels
from wavesmith.evaluation.measure_report import MeasuredSet, measure_report
from wavesmith.evaluation.memorisation import MemorisationReport, examine
from wavesmith.evaluation.report import DistanceReport, HygieneReport, Report, Subject
from wavesmith.evaluation.report_page import write_page
from wavesmith.evaluation.spectra import spectra
from wavesmith.evaluation.trust import verdict
from wavesmith.models import Model, held_out_of, importers, load, trained_on
from wavesmith.models.model_folder import CONFIG
from wavesmith.sound import read_header

DEFAULT_EMBEDDING = "ears"
MOST_COMPARED = 4000
"""Sounds of a reference that distances use: their work grows with the square of it."""

HTML, JSON = "report.html", "report.json"

_SHORTEST, _LONGEST = 0.1, 30.0  # seconds that are compared
_FIT = 0.9  # of the sounds are no longer than what is compared
_LOOKED_AT = 500
_NAMED_FILES = 5

Progress = Callable[[str, int, int], None]


class Evidence(NamedTuple):
    """What a report was made of: the sounds that were measured."""

    report: Report
    generated: Library
    reference: Library
    held_out: Library | None


@dataclass(frozen=True)
class _Plan:
    """What was asked for."""

    reference: Path
    count: int
    seed: int
    ear: Embedding
    judge: Classifier | None
    judged_by: str
    held_out: float
    split_seed: int
    basis: str | None
    memorisation: bool
    out: Path
    workers: int | None
    progress: Progress | None
    choices: dict[str, Any]
    command: str

    def tell(self, stage: str) -> Callable[[int, int], None] | None:
        """Progress of one stage."""
        progress = self.progress
        return None if progress is None else lambda done, total: progress(stage, done, total)


def evaluate(
    model: Model | str | Path,
    reference: str | Path,
    *,
    count: int = 400,
    seed: int = 0,
    embedding: str | Embedding = DEFAULT_EMBEDDING,
    judge: str | Path | None = None,
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
    **choices: Any,
) -> Report:
    """Measure how good the sounds of a model are, beside real ones.

    A model makes its sounds first. Sounds, measurements and a trained judge are kept in `out`, so that an
    interrupted evaluation goes on and a repeated one is quick; the report is written there as `report.html`
    and `report.json`.

    Of the reference, the model's training sounds are what it is compared with, and those it has not seen
    are the yardstick. What a model's attribution says decides; otherwise the reference is split by source
    as a training splits it.

    Args:
        model: a model, its name or folder, or a folder of sounds to evaluate in place of one.
        reference: a folder of real sounds; sub-folders are labels.
        count: sounds to make, in proportion to the labels of the reference.
        seed: of everything random.
        embedding: what distances are measured in, out of `EMBEDDINGS`, or one of your own.
        judge: folder of a judge of labels that never steered; one is trained on the reference if None.
        against: another model or folder of sounds, for a comparison side by side.
        held_out: share of the reference that training kept away.
        split_seed: seed by which it chose them.
        basis: use only those real sounds whose manifest gives this `licence_basis`.
        memorisation: whether to look for training sounds among the generated ones, too.
        out: folder for everything that is made.
        html, json: where else to write the report to.
        workers: processes that read sounds; all cores if None.
        progress: called with (stage, done, in all).
        choices: how sounds are made, such as `steps` and `guidance`: see `generate`.

    Raises:
        RequestError: for a request that makes no sense, and when there are fewer than 20 sounds on a side.
        DataError: when a folder is missing or holds no audio.
        ModelError: when there is no such model.
        WavesmithError: when something cannot be written.
    """
    if count < FEWEST:
        raise RequestError(f"An evaluation needs at least {FEWEST} sounds, not {count}; choose more.")
    ear = named(embedding) if isinstance(embedding, str) else embedding
    given = [subject(one) for one in (model, against) if one is not None]
    if choices and not any(isinstance(one, Model) for one in given):
        raise RequestError(
            f"{given[0]} holds sounds, which are taken as they are; leave out {', '.join(sorted(choices))}."
        )
    options = {
        "against": None if against is None else _name(against),
        "count": count,
        "seed": seed,
        "embedding": ear.name,
        "judge": judge,
        "held-out": held_out,
        "split-seed": split_seed,
        "basis": basis,
        "memorisation": memorisation,
        "out": out,
    } | choices
    plan = _Plan(
        reference=Path(reference),
        count=count,
        seed=seed,
        ear=ear,
        judge=None if judge is None else Classifier.load(judge),
        judged_by=str(judge or "trained for this report on the real sounds, without the held-out ones"),
        held_out=held_out,
        split_seed=split_seed,
        basis=basis,
        memorisation=memorisation,
        out=Path(out),
        workers=workers,
        progress=progress,
        choices=choices,
        command=_command(_name(model), reference, options),
    )
    seconds = max(_seconds(one, choices) for one in given)
    evidence = [_examine(one, plan, seconds) for one in given]
    report = evidence[0].report
    if len(evidence) > 1:
        other = evidence[1].report
        nearer = _nearer(report, other)
        report = report.model_copy(update={"against": other, "notes": (*report.notes, *nearer)})
        evidence[0] = evidence[0]._replace(report=report)
    for path in (plan.out / JSON, json):
        if path is not None:
            report.write(path)
    for path in (plan.out / HTML, html):
        if path is not None:
            write_page(path, report, evidence)
    return report


def _examine(given: Model | Path, plan: _Plan, seconds: float) -> Evidence:
    """Everything about one model or folder."""
    real = build(
        plan.reference,
        plan.out / "reference",
        plan.ear,
        seconds=seconds,
        as_training=True,
        workers=plan.workers,
        progress=plan.tell("reading real sounds"),
    )
    notes = _left_out("reference", real.left_out)
    reference, held_out, how = _divided(given, real, plan)
    notes += how
    _check_count(reference, "real sounds to compare with", held_out)
    generated = _sounds_of(given, plan, seconds, reference)
    notes += _left_out("generated", generated.left_out) + _conversions(generated, reference, plan.ear)
    _check_count(generated, "sounds to evaluate")
    if held_out is not None and len(held_out) < FEWEST:
        notes.append(
            f"There are only {len(held_out)} held-out real sounds; a yardstick of distances takes {FEWEST}."
        )
    if len(reference) > MOST_COMPARED:
        notes.append(f"Distances use {MOST_COMPARED} of the {len(reference)} real sounds, evenly picked.")
    distances = _distances(generated, reference, held_out, plan)
    for found in (distances.generated, distances.real):
        notes += [] if found is None else [line for line in found.left_out if line not in notes]
    measures = measure_report(
        _measured(generated),
        _measured(reference),
        None if held_out is None else _measured(held_out),
        seed=plan.seed,
    )
    labels, why = _labels(generated, reference, held_out, plan)
    notes += why
    memorised, why = _memorised(given, generated, reference, held_out, plan)
    notes += why
    report = Report(
        model=_subject(given, generated, plan.choices),
        reference=_subject(plan.reference, reference, {}),
        held_out=0 if held_out is None else len(held_out),
        seconds=round(seconds, 4),
        seed=plan.seed,
        command=plan.command,
        notes=tuple(notes),
        distances=distances,
        measures=measures,
        labels=labels,
        spectra=spectra(
            _profiles(generated),
            _profiles(reference),
            None if held_out is None else held_out.profiles,
            seconds,
        ),
        hygiene=HygieneReport(generated=summary(generated.checks), reference=summary(reference.checks)),
        memorisation=memorised,
        provenance=given.provenance if isinstance(given, Model) else None,
    )
    return Evidence(report, generated, reference, held_out)


def _nearer(report: Report, other: Report) -> list[str]:
    """A sentence on which of two is nearer to real sounds, by a distance that may choose."""
    sides = {name: side.measures for name, side in ((report.model.name, report), (other.model.name, other))}
    found = {name: side.generated.kernel for name, side in sides.items() if side}
    return [verdict(found)] if len(found) > 1 else []


def subject(given: Model | str | Path, device: str = "cpu") -> Model | Path:
    """A model, loaded if need be, or the folder of sounds that stands in for one.

    Raises:
        ModelError: when there is no such model, or the device is not available.
    """
    if isinstance(given, Model):
        return given
    path = Path(given).expanduser()
    is_model = (path / CONFIG).is_file() or (path.is_dir() and importers.recognises(path))
    return path if path.is_dir() and not is_model else load(given, device)


def _seconds(given: Model | Path, choices: dict[str, Any]) -> float:
    """How much of each sound is compared: all of what a model makes, what nine of ten sounds fit into."""
    if isinstance(given, Model):
        return float(choices.get("seconds") or given.seconds)
    entries = read_folder(given).entries
    lengths = []
    for entry in entries[:: -(-len(entries) // _LOOKED_AT)]:
        try:
            rate, _, frames, _ = read_header(given / entry.path)
        except AudioError:
            continue
        lengths.append(frames / rate)
    usual = float(np.quantile(lengths, _FIT)) if lengths else _SHORTEST
    return round(min(max(usual, _SHORTEST), _LONGEST), 3)


def _divided(given: Model | Path, real: Library, plan: _Plan) -> tuple[Library, Library | None, list[str]]:
    """The reference in sounds that the model was trained on and others, and how that is known."""
    everything = [
        index for index, file in enumerate(real.files) if plan.basis is None or file.basis == plan.basis
    ]
    if not everything:
        raise RequestError(f"No sound of {plan.reference} has the licence basis '{plan.basis}'.")
    seen = trained_on(given) if isinstance(given, Model) else None
    if seen is not None and any(real.files[index].sha256 in seen for index in everything):
        kept = held_out_of(given) if isinstance(given, Model) else None
        training = [index for index in everything if real.files[index].sha256 in seen]
        others = [index for index in everything if real.files[index].sha256 not in seen]
        if kept and (own := [index for index in others if real.files[index].sha256 in kept]):
            others = own
        note = (
            f"The model's attribution names {len(training)} of the real sounds as its training sounds; "
            f"{len(others)} are held out."
        )
    else:
        entries = [
            Entry(path=str(index), label=real.files[index].label, split_family=real.files[index].group)
            for index in everything
        ]
        parts = split(entries, plan.held_out, plan.split_seed)
        training, others = ([int(entry.path) for entry in part] for part in parts)
        note = (
            f"The real sounds were split by source, as a training with seed {plan.split_seed} splits them: "
            f"{len(others)} are held out."
        )
    return real.select(training), real.select(others) if others else None, [note]


def _sounds_of(given: Model | Path, plan: _Plan, seconds: float, reference: Library) -> Library:
    """The sounds of a folder, or those that a model makes."""

    def measured(folder: Path, place: str) -> Library:
        return build(
            folder,
            plan.out / place,
            plan.ear,
            seconds=seconds,
            workers=plan.workers,
            progress=plan.tell("reading generated sounds"),
        )

    if isinstance(given, Path):
        return measured(given, f"folder-{given.resolve().name}")
    place = f"{Path(given.name).name}-{given.hash}-{plan.seed}"
    counts = quota(given.labels, _labels_of(reference), plan.count)
    folder = plan.out / "sounds" / place
    paths = set(make(given, folder, counts, seed=plan.seed, progress=plan.progress, **plan.choices))
    library = measured(folder, f"generated-{place}")
    return library.select([index for index, file in enumerate(library.files) if file.path in paths])


def _distances(
    generated: Library, reference: Library, held_out: Library | None, plan: _Plan
) -> DistanceReport:
    tell = plan.tell("measuring distances")
    target = _vectors(reference)
    found: list[Distances | None] = []
    for done, sounds in enumerate((generated, held_out)):
        enough = sounds is not None and len(sounds) >= FEWEST
        found.append(compare(_vectors(sounds), target, seed=plan.seed) if sounds and enough else None)
        if tell:
            tell(done + 1, 2)
    assert found[0]
    by_label: dict[str, Estimate] = {}
    for label in _labels_of(generated):
        one, two = (_of_label(library, label) for library in (generated, reference))
        if min(len(one), len(two)) >= FEWEST:
            by_label[label] = kernel(_vectors(one), _vectors(two), seed=plan.seed)
    return DistanceReport(
        embedding=generated.embedding,
        dimensions=generated.dimensions,
        generated=found[0],
        real=found[1],
        labels=by_label,
    )


def _labels(
    generated: Library, reference: Library, held_out: Library | None, plan: _Plan
) -> tuple[LabelReport | None, list[str]]:
    """What a judge says, or why there is none."""
    if not _labels_of(generated):
        return None, ["The generated sounds have no labels, so none can be judged."]
    try:
        if plan.judge is not None:
            judge, trained = plan.judge, None
        else:
            judge, trained = fresh_judge(
                reference, plan.out / "judges", seed=plan.seed, workers=plan.workers, progress=plan.progress
            )
        report = judge_labels(
            judge,
            generated,
            held_out,
            name=plan.judged_by,
            trained_on=trained,
            workers=plan.workers,
            progress=plan.progress,
        )
    except RequestError as error:
        if plan.judge is not None:
            raise
        return None, [str(error)]
    return report, []


def _memorised(
    given: Model | Path, generated: Library, reference: Library, held_out: Library | None, plan: _Plan
) -> tuple[MemorisationReport | None, list[str]]:
    """Whether training sounds come back, or why nobody can say."""
    if not plan.memorisation:
        return None, []
    model = given if isinstance(given, Model) else None
    seen = trained_on(model) if model else None
    if seen is not None and not any(file.sha256 in seen for file in reference.files):
        return None, [
            "None of the real sounds is a training sound of the model: nothing can be said of copies."
        ]
    try:
        return examine(generated, reference, held_out, model=model, progress=plan.progress), []
    except RequestError as error:
        return None, [str(error)]


def _check_count(library: Library, kind: str, held_out: Library | None = None) -> None:
    if len(library) < FEWEST:
        kept = f", besides {len(held_out)} that are held out" if held_out else ""
        raise RequestError(
            f"There are {len(library)} {kind} in {library.root}{kept}; it takes at least {FEWEST}."
        )


def _subject(given: Model | Path, library: Library, choices: dict[str, Any]) -> Subject:
    kind: Literal["model", "sounds"] = "model" if isinstance(given, Model) else "sounds"
    return Subject(
        name=_name(given),
        kind=kind,
        hash=given.hash if isinstance(given, Model) else None,
        folder=str(library.root),
        sounds=len(library),
        labels=_labels_of(library),
        rates=dict(sorted(Counter(file.rate for file in library.files).items())),
        channels=dict(sorted(Counter(file.channels for file in library.files).items())),
        choices=choices if kind == "model" else {},
    )


def _conversions(generated: Library, reference: Library, ear: Embedding) -> list[str]:
    """A sentence if not all sounds have one format."""

    def formats(library: Library) -> str:
        rates = sorted({file.rate for file in library.files})
        channels = sorted({file.channels for file in library.files})
        return f"{_listed(rates)} Hz and {_listed(channels)} channel(s)"

    one, two = formats(generated), formats(reference)
    if one == two and "," not in one:
        return []
    return [
        f"The generated sounds have {one}, the real ones {two}; for distances and labels all are converted "
        f"(to {ear.rate} Hz, mono, one length and level), levels and spectra are measured as they are."
    ]


def _left_out(kind: str, left_out: Sequence[LeftOut]) -> list[str]:
    """A sentence that names the files that were left out, or some of them."""
    if not left_out:
        return []
    named_files = "; ".join(f"{path} ({why})" for path, why in left_out[:_NAMED_FILES])
    more = f"; and {len(left_out) - _NAMED_FILES} more" if len(left_out) > _NAMED_FILES else ""
    return [f"Left out of the {kind} sounds: {named_files}{more}."]


def _vectors(library: Library) -> Tensor:
    """Embeddings `[N, D]` of a library, or of as many evenly picked sounds as distances use."""
    return torch.from_numpy(np.array(library.vectors[:: _every(library)], np.float32))


def _measured(library: Library) -> MeasuredSet:
    """Rows of `wavesmith.measures` of a library, or of as many evenly picked sounds as distances use."""
    labels = tuple(file.label for file in library.files)[:: _every(library)]
    return MeasuredSet(np.array(library.sound_measures[:: _every(library)], np.float32), labels)


def _every(library: Library) -> int:
    return -(-len(library) // MOST_COMPARED)


def _profiles(library: Library) -> dict[str | None, Floats]:
    labels = sorted({file.label for file in library.files}, key=str)
    return {label: _of_label(library, label).profiles for label in labels}


def _of_label(library: Library, label: str | None) -> Library:
    return library.select([index for index, file in enumerate(library.files) if file.label == label])


def _labels_of(library: Library) -> dict[str, int]:
    counts = Counter(file.label for file in library.files)
    return {label: counts[label] for label in sorted(counts, key=str) if label is not None}


def _name(given: Model | str | Path) -> str:
    return given.name if isinstance(given, Model) else str(given)


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _command(model: str, reference: str | Path, options: dict[str, Any]) -> str:
    words = ["wavesmith", "evaluate", model, "--reference", str(reference)]
    for name, value in options.items():
        if value is False:
            words.append(f"--no-{name}")
        elif value is not None and value is not True:  # `in` would take 1 for True
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)
