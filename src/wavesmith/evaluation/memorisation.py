"""Does a model make new sounds, or its training sounds again? A verdict with its evidence.

Three questions. Is any generated sound a copy of a training sound? Are more of them near to one than real
sounds are near to each other? Does the network know its training sounds from others (`membership`)? The
comparison of three sets is that of Meehan, Chaudhuri and Dasgupta 2020, "A non-parametric test to detect
data-copying", arXiv:2004.05675; thresholds are order statistics here, so that the false-alarm rate is known
whatever the distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.data import Entry, SoundDataset
from wavesmith.errors import RequestError
from wavesmith.evaluation.copies import Comparison, Ear, nearest
from wavesmith.evaluation.membership import FEWEST_SOURCES, Known, Membership, membership, spread
from wavesmith.families import Scores
from wavesmith.models import Model
from wavesmith.sound import Sound

FEWEST = 20
FALSE_ALARM = 0.01
LEVEL = 0.01
SHARE = 0.1
COPY_DB, COPY_CORRELATION = 0.5, 0.95
SAME_DB, SAME_CORRELATION = 0.1, 0.999
AUC = 0.8
YARDSTICK = 300
MEMBERS = 40
_LONGEST_SECONDS = 10.0
_CANDIDATES = 2
_BLOCK, _ROWS = 64, 4096

Progress = Callable[[str, int, int], None]
Distance = Literal["mel", "waveform", "embedding"]
DISTANCES: tuple[Distance, ...] = ("mel", "waveform", "embedding")
Kind = Literal["exact copy", "near copy", "new"]


class SoundFile(Protocol):
    """What must be known of a file (`LibraryFile` knows it)."""

    @property
    def path(self) -> str:
        """Relative to the folder."""
        ...

    @property
    def label(self) -> str | None:
        """Its label."""
        ...

    @property
    def group(self) -> str:
        """Its source."""
        ...

    @property
    def rate(self) -> int:
        """Frames per second."""
        ...

    @property
    def seconds(self) -> float:
        """Its length."""
        ...


class Sounds(Protocol):
    """Sounds on disk with their embeddings (`Library` is one)."""

    @property
    def root(self) -> Path:
        """The folder."""
        ...

    @property
    def files(self) -> Sequence[SoundFile]:
        """One for each sound."""
        ...

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Embeddings `[N, D]`."""
        ...

    def sound(self, index: int, /) -> Sound:
        """Read one."""
        ...


class Match(BaseModel):
    """A generated sound and the training sound that it is nearest to.

    Attributes:
        sound, nearest: paths of the two in their folders.
        kind: what the distances say of it.
        decibels, correlation, shift_seconds, gain_db: see `Comparison`.
        embedding: distance to the training sound that is nearest by the embedding.
        ratio: `decibels` relative to the median of held-out sounds (or else of training sounds among
            themselves): 1 is usual, 0 is a copy.
    """

    model_config = ConfigDict(frozen=True)

    sound: str
    nearest: str
    kind: Kind
    decibels: float
    correlation: float
    shift_seconds: float
    gain_db: float
    embedding: float
    ratio: float


class Measure(BaseModel):
    """Distances to the nearest training sound by one measure, and how often they are suspiciously small.

    Attributes:
        name: `mel` (dB), `waveform` (1 - correlation) or `embedding`.
        generated: median of the generated sounds.
        held_out: median of the held-out sounds; None without them.
        among: median of training sounds, each to the nearest other one.
        threshold: below it a sound counts as near; an order statistic of the yardstick.
        false_alarm: chance that a sound that is as new as the yardstick's falls below the threshold.
        near: how many generated sounds do.
        expected: how many would by chance.
        probability: chance of that many or more (beta-binomial: that the threshold was itself estimated from
            a sample is accounted for).
        yardstick: distances of real sounds, ascending: held-out ones, and training sounds among themselves.
        distances: those of the generated sounds, in the order of their files.
    """

    model_config = ConfigDict(frozen=True)

    name: Distance
    generated: float
    held_out: float | None
    among: float
    threshold: float
    false_alarm: float
    near: int
    expected: float
    probability: float
    yardstick: tuple[float, ...]
    distances: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the generated sounds relative to that of the held-out (or else the training) sounds."""
        return self.generated / max(self.among if self.held_out is None else self.held_out, 1e-9)


class MemorisationReport(BaseModel):
    """The verdict and what it rests on.

    Attributes:
        verdict: `passed`, `suspicious` or `memorised`.
        reasons: why, in sentences.
        training, held_out: how many real sounds there were.
        yardstick: of how many of them the thresholds are taken.
        twins: how many of these would count as exact copies of another: takes that cannot be told apart.
        exact, near: how many generated sounds are exact or near copies.
        measures: the distances.
        matches: every generated sound with its nearest training sound, nearest first.
        membership: whether the network knows its training sounds; None without a model or held-out sounds.
        leaked: held-out sounds that are copies of training sounds, with these; they are no yardstick.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Literal["passed", "suspicious", "memorised"]
    reasons: tuple[str, ...]
    training: int
    held_out: int
    yardstick: int
    twins: int
    exact: int
    near: int
    measures: tuple[Measure, ...]
    matches: tuple[Match, ...]
    membership: Membership | None = None
    leaked: tuple[tuple[str, str], ...] = ()


def examine(
    generated: Sounds,
    training: Sounds,
    held_out: Sounds | None = None,
    *,
    model: Model | None = None,
    progress: Progress | None = None,
) -> MemorisationReport:
    """Compare generated sounds with the training sounds, and both with what real sounds show.

    A sound is an *exact copy* when its log-mel picture is within 0.5 dB of a training sound's and the
    waveforms correlate by 0.95 or more, at any shift, gain and polarity. It is a *near copy* when it is
    nearer to a training sound than real sounds are, but for 1 in 300 (or the one nearest, if they are few),
    by mel, waveform or embedding. Real sounds are the held-out ones, compared with the training set, and
    training sounds, compared with each other: among these are takes of one drum, so what merely resembles
    its models is no near copy.

    The verdict is `memorised` if there is an exact copy (more of them than chance, where takes of the
    training set are as alike), or if a tenth of the sounds are near copies and that is more than chance;
    `suspicious` if near copies are more than chance, or the network knows its training
    sounds (AUC 0.8 or more, and no chance); else `passed`. "More than chance" is at the level of 1 %, shared
    among the tests that are made: so rarely is an innocent model accused.

    Args:
        generated: sounds of the model; a few hundred find what is copied in one of a hundred.
        training: the sounds that it was trained on.
        held_out: real sounds of other sources that it was not trained on.
        model: the model itself, for the membership gap.
        progress: called with what is being done, and how much of it.

    Raises:
        RequestError: when there is no generated sound, or there are fewer than 20 real sounds to go by.
    """
    count = len(generated.files)
    if not count:
        raise RequestError("There is no generated sound to examine; make some first.")
    among = spread([file.group for file in training.files], YARDSTICK)
    unseen = spread([file.group for file in held_out.files], YARDSTICK) if held_out else []
    if len(among) + len(unseen) < FEWEST or len(training.files) < 2:
        raise RequestError(
            f"{len(among) + len(unseen)} real sounds are too few to say what is near; give at least {FEWEST}."
        )
    asked = [
        _Asked("generated sounds", generated, range(count)),
        _Asked("training sounds", training, among, themselves=True),
        _Asked("held-out sounds", held_out or training, unseen),
    ]
    search = _Search(training, _ear(generated), progress or (lambda what, done, total: None))
    made, real, new = search.find(asked)
    leaked = [hit for hit in new if is_copy(hit.comparison)]
    new = [hit for hit in new if not is_copy(hit.comparison)]
    real = [hit for hit in real if not _is_same_recording(hit.comparison)]
    twins = sum(is_copy(hit.comparison) for hit in real)
    measures = [_measure(name, made, real, new) for name in DISTANCES]
    usual = measures[0].generated / max(measures[0].ratio, 1e-9)
    matches = [_match(hit, generated, training, measures, usual) for hit in made]
    gap = _gap(model, training, held_out, progress) if model and held_out else None
    verdict, reasons = _verdict(matches, measures, twins, gap)
    return MemorisationReport(
        verdict=verdict,
        reasons=reasons,
        training=len(training.files),
        held_out=len(held_out.files) if held_out else 0,
        yardstick=len(real) + len(new),
        twins=twins,
        exact=sum(match.kind == "exact copy" for match in matches),
        near=sum(match.kind == "near copy" for match in matches),
        measures=tuple(measures),
        matches=tuple(sorted(matches, key=lambda match: (match.kind != "exact copy", match.decibels))),
        membership=gap,
        leaked=tuple(
            (held_out.files[hit.sound].path, training.files[hit.place].path) for hit in leaked if held_out
        ),
    )


def is_copy(comparison: Comparison) -> bool:
    """Whether two sounds are one."""
    return comparison.decibels <= COPY_DB and comparison.correlation >= COPY_CORRELATION


def _is_same_recording(comparison: Comparison) -> bool:
    """Whether a sound is in the training set twice, at another level or trimmed otherwise."""
    return comparison.decibels <= SAME_DB and comparison.correlation >= SAME_CORRELATION


def card_rows(report: MemorisationReport) -> list[tuple[str, str]]:
    """Rows (measure, value) for a model card."""
    mel = report.measures[0]
    sounds = len(report.matches)
    rows = [
        ("memorisation", report.verdict),
        ("exact copies of training sounds", f"{report.exact} of {sounds}"),
        ("near copies", f"{report.near} of {sounds}; by chance {_by_chance(report.measures):.1f}"),
        ("nearest training sound, relative to held-out sounds", f"{mel.ratio:.2f}"),
    ]
    if gap := report.membership:
        rows.append(("training sounds told from held-out ones (AUC)", f"{gap.auc:.2f}"))
    return rows


class _Hit(NamedTuple):
    """Sound number `sound` of a set, the training sound `place` that it is nearest to, and how near.

    `distances` are to whatever training sound is nearest by each measure, which need not be the same.
    """

    sound: int
    place: int
    comparison: Comparison
    distances: dict[Distance, float]


class _Asked(NamedTuple):
    """Some sounds of a set whose nearest training sounds are wanted; are they training sounds themselves?"""

    what: str
    sounds: Sounds
    indices: Sequence[int]
    themselves: bool = False


class _Search:
    """Finds nearest training sounds: by pictures and embeddings first, then by comparing the waves."""

    def __init__(self, training: Sounds, ear: Ear, progress: Progress) -> None:
        self.training, self.ear, self.progress = training, ear, progress
        self.wave = lru_cache(maxsize=512)(lambda place: ear.wave(training.sound(place)))

    def find(self, asked: Sequence[_Asked]) -> list[list[_Hit]]:
        """Nearest training sounds of each, in one pass over the training set."""
        itself = [index if part.themselves else None for part in asked for index in part.indices]
        vectors = torch.cat(
            [torch.from_numpy(np.array(part.sounds.vectors[list(part.indices)])) for part in asked]
        )
        pictures = torch.cat([block for part in asked for block in self._pictures(*part[1:3])])
        k = min(_CANDIDATES, len(self.training.files) - 1)
        _, by_picture = nearest(pictures, self._training_pictures(), itself, k)
        apart, by_embedding = nearest(vectors, self._training_vectors(), itself, 1)
        places = torch.cat([by_picture, by_embedding], dim=1).tolist()
        rows = iter(zip(places, apart[:, 0].tolist(), strict=True))
        return [
            [self._compared(part, number, *next(rows)) for number in range(len(part.indices))]
            for part in asked
        ]

    def _compared(self, part: _Asked, number: int, places: Sequence[int], embedding: float) -> _Hit:
        """The candidate that a sound is nearest to."""
        index = part.indices[number]
        wave = self.ear.wave(part.sounds.sound(index))
        compared = {place: self.ear.compare(wave, self.wave(place)) for place in dict.fromkeys(places)}
        place = min(compared, key=lambda place: compared[place].decibels * (1 - compared[place].correlation))
        self.progress(f"comparing {part.what}", number + 1, len(part.indices))
        distances: dict[Distance, float] = {
            "mel": min(one.decibels for one in compared.values()),
            "waveform": 1 - max(one.correlation for one in compared.values()),
            "embedding": embedding,
        }
        return _Hit(index, place, compared[place], distances)

    def _pictures(self, sounds: Sounds, indices: Sequence[int]) -> Iterator[Tensor]:
        for start in range(0, len(indices), _BLOCK):
            part = indices[start : start + _BLOCK]
            yield self.ear.pictures([self.ear.wave(sounds.sound(index)) for index in part])

    def _training_pictures(self) -> Iterator[Tensor]:
        count = len(self.training.files)
        for start in range(0, count, _BLOCK):
            yield from self._pictures(self.training, range(start, min(start + _BLOCK, count)))
            self.progress("looking through the training sounds", min(start + _BLOCK, count), count)

    def _training_vectors(self) -> Iterator[Tensor]:
        for start in range(0, len(self.training.files), _ROWS):
            yield torch.from_numpy(np.array(self.training.vectors[start : start + _ROWS]))


def _ear(sounds: Sounds) -> Ear:
    """Ears at the rate of the generated sounds, for the longest of them."""
    seconds = min(_LONGEST_SECONDS, max(file.seconds for file in sounds.files))
    rate = sounds.files[0].rate
    return Ear(rate, max(1024, round(seconds * rate)))


def _measure(name: Distance, made: Sequence[_Hit], among: Sequence[_Hit], unseen: Sequence[_Hit]) -> Measure:
    ours, known, new = ([hit.distances[name] for hit in hits] for hits in (made, among, unseen))
    yardstick = sorted(known + new)
    order = max(1, math.floor(FALSE_ALARM / len(DISTANCES) * (len(yardstick) + 1)))
    threshold = yardstick[order - 1]
    near = sum(distance < threshold for distance in ours)
    return Measure(
        name=name,
        generated=median(ours),
        held_out=median(new) if new else None,
        among=median(known) if known else math.nan,
        threshold=threshold,
        false_alarm=order / (len(yardstick) + 1),
        near=near,
        expected=len(ours) * order / (len(yardstick) + 1),
        probability=at_least(near, len(ours), order, len(yardstick) + 1 - order),
        yardstick=tuple(round(distance, 4) for distance in yardstick),
        distances=tuple(round(distance, 4) for distance in ours),
    )


def at_least(hits: int, count: int, a: int, b: int) -> float:
    """Chance of `hits` or more among `count` in a beta-binomial distribution.

    So many of `count` new draws fall below the a-th smallest of a + b - 1 earlier ones, whatever continuous
    distribution all are from (Wilks 1942).
    """

    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    def log_chance(k: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        return ways + log_beta(k + a, count - k + b) - log_beta(a, b)

    return min(1.0, sum(math.exp(log_chance(k)) for k in range(hits, count + 1)))


def _match(
    hit: _Hit, generated: Sounds, training: Sounds, measures: Sequence[Measure], usual: float
) -> Match:
    near = any(hit.distances[measure.name] < measure.threshold for measure in measures)
    kind: Kind = "exact copy" if is_copy(hit.comparison) else "near copy" if near else "new"
    return Match(
        sound=generated.files[hit.sound].path,
        nearest=training.files[hit.place].path,
        kind=kind,
        **hit.comparison._asdict(),
        embedding=hit.distances["embedding"],
        ratio=hit.comparison.decibels / max(usual, 1e-9),
    )


def _gap(model: Model, training: Sounds, held_out: Sounds, progress: Progress | None) -> Membership | None:
    """The membership gap, where there are sources enough to compare."""
    if min(len({file.group for file in sounds.files}) for sounds in (training, held_out)) < FEWEST_SOURCES:
        return None
    family = model.family
    if not isinstance(family, Scores):
        return None
    told = progress or (lambda what, done, total: None)
    return membership(
        family,
        _known(model, training),
        _known(model, held_out),
        progress=lambda done, total: told("denoising real sounds", done, total),
    )


def _known(model: Model, sounds: Sounds) -> list[Known]:
    """Some of the sounds, of as many sources as can be, as training prepares them."""
    files = [sounds.files[index] for index in spread([file.group for file in sounds.files], MEMBERS)]
    config = model.family.config
    labels = [file.label if file.label in config.labels else None for file in files]
    prepared = SoundDataset(
        sounds.root,
        [Entry(path=file.path, label=label) for file, label in zip(files, labels, strict=True)],
        rate=config.rate,
        channels=config.channels,
        length=config.length,
        labels=config.labels,
    )
    return [
        Known(wave=prepared[i].wave, label=model.family.label_weights(label), group=file.group)
        for i, (file, label) in enumerate(zip(files, labels, strict=True))
    ]


def _verdict(
    matches: Sequence[Match], measures: Sequence[Measure], twins: int, gap: Membership | None
) -> tuple[Literal["passed", "suspicious", "memorised"], tuple[str, ...]]:
    """What the evidence amounts to, and why."""
    count = len(matches)
    exact = sum(match.kind == "exact copy" for match in matches)
    near = sum(match.kind != "new" for match in matches)
    level = LEVEL / (len(measures) + (gap is not None))
    above_chance = min(measure.probability for measure in measures) < level
    real = len(measures[0].yardstick)
    copied = exact > 0 and (not twins or at_least(exact, count, twins + 1, real - twins) < level)
    known = gap is not None and gap.auc >= AUC and gap.probability < level
    reasons = [
        f"{exact} of {count} sounds are exact copies of training sounds"
        + (f"; so alike are {twins} of {real} real sounds." if twins else "."),
        f"{near} of {count} are nearer to a training sound than nearly all real sounds are; by chance it "
        f"would be about {_by_chance(measures):.1f}. "
        + ("That is more than chance." if above_chance else "That may well be chance."),
    ]
    if gap:
        told = "knows its training sounds" if known else "does not clearly know its training sounds"
        reasons.append(
            f"The network {told} from held-out ones (AUC {gap.auc:.2f}, where 0.5 is none; "
            f"probability {gap.probability:.2g})."
        )
    if copied or (above_chance and near >= SHARE * count):
        return "memorised", tuple(reasons)
    return "suspicious" if above_chance or known else "passed", tuple(reasons)


def _by_chance(measures: Sequence[Measure]) -> float:
    return sum(measure.expected for measure in measures)
