"""Tests whether a model reproduces its training sounds, with a verdict.

Three questions: is a generated sound a copy of a training sound? Are more of them near to one than real
sounds are near to each other? Does the network distinguish its training sounds from others (`membership`)?
The comparison of three sets is that of Meehan, Chaudhuri and Dasgupta 2020, "A non-parametric test to detect
data-copying", arXiv:2004.05675. Thresholds are order statistics here, so that the false-alarm rate is known
for any distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from wavesmith.errors import RequestError
from wavesmith.evaluation.membership import Membership, membership_of
from wavesmith.evaluation.memorisation_report import (
    DISTANCES,
    Distance,
    DistanceTest,
    Kind,
    Match,
    MemorisationReport,
    Verdict,
)
from wavesmith.evaluation.order_statistics import at_least, threshold
from wavesmith.evaluation.sound_set import SoundSet, spread_over_groups
from wavesmith.evaluation.training_search import Query, TrainingMatch, TrainingSearch, comparer_for
from wavesmith.models import Model

FEWEST = 20
FALSE_ALARM = 0.01
LEVEL = 0.01
SHARE = 0.1
AUC = 0.8
MOST_REAL = 300

Progress = Callable[[str, int, int], None]


def examine(
    generated: SoundSet,
    training: SoundSet,
    held_out: SoundSet | None = None,
    *,
    model: Model | None = None,
    progress: Progress | None = None,
) -> MemorisationReport:
    """Compare generated sounds with the training sounds, and real sounds in the same way.

    A sound is an *exact copy* when its log-mel spectrogram is within 0.5 dB of a training sound's and the
    waveforms correlate by 0.95 or more, at any shift, gain and polarity. It is a *near copy* when it is
    nearer to a training sound, by mel, waveform or embedding, than all but 1 in 300 real sounds (or but the
    nearest one, if they are fewer). Real sounds are the held-out ones, compared with the training set, and
    training sounds, compared with each other: takes of one drum are among these, so a further take is no
    near copy.

    The verdict is `memorised` if there is an exact copy (more of them than chance, where takes of the
    training set are as similar), or if a tenth of the sounds are near copies and that is more than chance;
    `suspicious` if near copies are more than chance, or the network distinguishes its training sounds (AUC
    0.8 or more, and not by chance); else `passed`. "More than chance" is at the level of 1 %, divided by the
    number of tests.

    Args:
        generated: sounds of the model; some hundreds find a copy that is one of a hundred sounds.
        training: the sounds that it was trained on.
        held_out: real sounds of other sources that it was not trained on.
        model: the model itself, for the membership test.
        progress: called with (stage, done, in all).

    Raises:
        RequestError: when there is no generated sound, or fewer than 20 real sounds to compare with.
    """
    if not generated.files:
        raise RequestError("There is no generated sound to examine; generate some first.")
    among = spread_over_groups([file.group for file in training.files], MOST_REAL)
    unseen = spread_over_groups([file.group for file in held_out.files], MOST_REAL) if held_out else []
    if len(among) + len(unseen) < FEWEST or len(training.files) < 2:
        raise RequestError(
            f"{len(among) + len(unseen)} real sounds are too few for a threshold; give at least {FEWEST}."
        )
    search = TrainingSearch(training, comparer_for(generated), progress or (lambda *stage: None))
    hits, real, new = search.find(
        [
            Query("generated sounds", generated, range(len(generated.files))),
            Query("training sounds", training, among, within_training=True),
            Query("held-out sounds", held_out or training, unseen),
        ]
    )
    leaked = [hit for hit in new if hit.is_copy]
    new = [hit for hit in new if not hit.is_copy]
    real = [hit for hit in real if not hit.is_same_recording]
    tests = [_test(name, hits, real, new) for name in DISTANCES]
    matches = [_match(hit, generated, training, tests) for hit in hits]
    gap = membership_of(model, training, held_out, progress) if model and held_out else None
    real_copies = sum(hit.is_copy for hit in real)
    verdict, reasons = _verdict(matches, tests, real_copies, gap)
    return MemorisationReport(
        verdict=verdict,
        reasons=reasons,
        training=len(training.files),
        held_out=len(held_out.files) if held_out else 0,
        real_sounds=len(real) + len(new),
        real_copies=real_copies,
        exact=sum(match.kind == "exact copy" for match in matches),
        near=sum(match.kind == "near copy" for match in matches),
        tests=tuple(tests),
        matches=tuple(sorted(matches, key=lambda match: (match.kind != "exact copy", match.decibels))),
        membership=gap,
        leaked=tuple(
            (held_out.files[hit.sound].path, training.files[hit.training_sound].path)
            for hit in leaked
            if held_out
        ),
    )


def _test(
    name: Distance,
    generated: Sequence[TrainingMatch],
    training: Sequence[TrainingMatch],
    held_out: Sequence[TrainingMatch],
) -> DistanceTest:
    own, among, new = ([hit.distances[name] for hit in hits] for hits in (generated, training, held_out))
    limit = threshold(among + new, FALSE_ALARM / len(DISTANCES))
    near = sum(distance < limit.value for distance in own)
    return DistanceTest(
        name=name,
        generated=median(own),
        held_out=median(new) if new else None,
        training=median(among) if among else math.nan,
        threshold=limit.value,
        false_alarm=limit.false_alarm,
        near=near,
        expected=len(own) * limit.false_alarm,
        probability=limit.probability(near, len(own)),
        real_distances=tuple(round(distance, 4) for distance in sorted(among + new)),
        distances=tuple(round(distance, 4) for distance in own),
    )


def _match(
    hit: TrainingMatch, generated: SoundSet, training: SoundSet, tests: Sequence[DistanceTest]
) -> Match:
    near = any(hit.distances[test.name] < test.threshold for test in tests)
    kind: Kind = "exact copy" if hit.is_copy else "near copy" if near else "new"
    usual_db = tests[0].generated / max(tests[0].ratio, 1e-9)
    return Match(
        sound=generated.files[hit.sound].path,
        nearest=training.files[hit.training_sound].path,
        kind=kind,
        **hit.comparison._asdict(),
        embedding=hit.distances["embedding"],
        ratio=hit.comparison.decibels / max(usual_db, 1e-9),
    )


def _verdict(
    matches: Sequence[Match], tests: Sequence[DistanceTest], real_copies: int, gap: Membership | None
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons."""
    count, real = len(matches), len(tests[0].real_distances)
    exact = sum(match.kind == "exact copy" for match in matches)
    near = sum(match.kind != "new" for match in matches)
    level = LEVEL / (len(tests) + (gap is not None))
    above_chance = min(test.probability for test in tests) < level
    copied = exact > 0 and (
        not real_copies or at_least(exact, count, real_copies + 1, real - real_copies) < level
    )
    distinguished = gap is not None and gap.auc >= AUC and gap.probability < level
    reasons = [
        f"{exact} of {count} sounds are exact copies of training sounds"
        + (f"; as similar to each other are {real_copies} of {real} real sounds." if real_copies else "."),
        f"{near} of {count} are nearer to a training sound than nearly all real sounds; expected by chance: "
        f"{sum(test.expected for test in tests):.1f}. "
        + ("That is more than chance." if above_chance else "That is not significant."),
    ]
    if gap:
        verb = "distinguishes" if distinguished else "does not clearly distinguish"
        reasons.append(
            f"The network {verb} its training sounds from held-out ones (AUC {gap.auc:.2f}, where 0.5 is "
            f"chance; p = {gap.probability:.2g})."
        )
    if copied or (above_chance and near >= SHARE * count):
        return "memorised", tuple(reasons)
    return "suspicious" if above_chance or distinguished else "passed", tuple(reasons)
