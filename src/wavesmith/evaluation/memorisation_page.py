"""The report's pages on memorisation and on the origin of the training sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from wavesmith.data import terms
from wavesmith.evaluation.memorisation import (
    AUC,
    COPY_CORRELATION,
    COPY_DB,
    LEVEL,
    SHARE,
    Match,
    Measure,
    MemorisationReport,
    Sounds,
)
from wavesmith.evaluation.page import Html, badge, details, heading, listed, pairs, table, text
from wavesmith.evaluation.page import section as page_section
from wavesmith.models import Provenance
from wavesmith.sound import Sound

SHOWN, MOST_SHOWN = 6, 24
_UNITS = {"mel": "mel, dB", "waveform": "waveform, 1 - correlation", "embedding": "embedding"}
_BADGES: dict[str, Literal["good", "warn", "bad", "plain"]] = {
    "passed": "good",
    "suspicious": "warn",
    "memorised": "bad",
}


def section(report: MemorisationReport, generated: Sounds, training: Sounds) -> Html:
    """The verdict, what it rests on, and the nearest pairs to look at and listen to."""
    copies = [match for match in report.matches if match.kind != "new"]
    shown = copies[:MOST_SHOWN] if len(copies) > SHOWN else report.matches[:SHOWN]
    return page_section(
        "Has it memorised its training sounds?",
        badge(report.verdict, _BADGES[report.verdict]),
        listed(report.reasons),
        heading("How near to training sounds"),
        table(
            (
                "distance",
                "generated",
                "held-out",
                "among training sounds",
                "ratio",
                "near below",
                "near",
                "by chance",
                "p",
            ),
            [_row(measure) for measure in report.measures],
        ),
        heading("Copies" if copies else "The nearest, none of which is a copy"),
        pairs([_pair(match, generated, training) for match in shown]),
        *_membership(report),
        details("How the verdict is reached", *map(text, _explained(report))),
        lead=f"{len(report.matches)} generated sounds were each compared with {report.training} training "
        f"sounds, at any shift, gain and polarity, and {report.yardstick} real sounds in the same way.",
    )


def provenance_section(provenance: Provenance) -> Html:
    """What the model was trained on, by whom and under which licences."""
    sources = provenance.all_sources()
    rows = [
        (
            source.title or source.source or "-",
            source.author or "not stated",
            terms(source.licence).name,
            source.basis or "not stated",
            source.sounds,
        )
        for source in sources
    ]
    return page_section(
        "What it was trained on",
        details(
            f"{len(rows)} origins",
            table(("source", "author", "licence", "basis", "sounds"), rows, numeric=False),
        ),
        lead=f"{sum(source.sounds for source in sources)} sounds; 'wavesmith credits' says what is owed.",
    )


def _row(measure: Measure) -> Sequence[object]:
    return (
        _UNITS[measure.name],
        f"{measure.generated:.3g}",
        "-" if measure.held_out is None else f"{measure.held_out:.3g}",
        f"{measure.among:.3g}",
        f"{measure.ratio:.2f}",
        f"{measure.threshold:.3g}",
        measure.near,
        f"{measure.expected:.1f}",
        f"{measure.probability:.2g}",
    )


def _pair(match: Match, generated: Sounds, training: Sounds) -> tuple[str, Sound, str, Sound, str]:
    made = {file.path: index for index, file in enumerate(generated.files)}[match.sound]
    known = {file.path: index for index, file in enumerate(training.files)}[match.nearest]
    caption = (
        f"{match.kind}: {match.decibels:.2f} dB apart, {match.ratio:.2f} of what is usual; waveforms agree "
        f"by {match.correlation:.2f} when moved by {1000 * match.shift_seconds:.1f} ms"
    )
    return match.sound, generated.sound(made), match.nearest, training.sound(known), caption


def _membership(report: MemorisationReport) -> list[Html]:
    gap = report.membership
    if gap is None:
        return []
    return [
        heading("Does the network know its training sounds?"),
        text(
            f"Of {gap.training} training sounds and {gap.held_out} held-out ones, a training sound is "
            f"denoised better than a held-out one in {100 * gap.auc:.0f} of 100 pairs; 50 is chance. Errors "
            "are relative to an oracle that knows the size of every feature but not its sign."
        ),
        table(
            ("noise level", "training, dB", "held-out, dB"),
            [
                (f"{level.sigma:.2f}", f"{level.training:.2f}", f"{level.held_out:.2f}")
                for level in gap.levels
            ],
        ),
    ]


def _explained(report: MemorisationReport) -> list[str]:
    mel = report.measures[0]
    lines = [
        f"An exact copy is within {COPY_DB:g} dB of a training sound (root mean square difference of "
        f"log-mel pictures), and its waveform correlates by {COPY_CORRELATION:g} or more. One is enough for "
        "the verdict 'memorised'.",
        f"A near copy is nearer to a training sound than all but {100 * mel.false_alarm:.2g} in 100 real "
        "sounds are: held-out sounds to the training set, training sounds to each other. So an innocent "
        "sound is called one that often by each of the three distances. The verdict is 'memorised' if "
        f"{100 * SHARE:g} in 100 are near copies, and that is more than chance.",
        "The verdict is 'suspicious' if near copies are more than chance, or the AUC is "
        f"{AUC:g} or more and no chance.",
        f"More than chance means a probability below {100 * LEVEL:g} %, divided by the number of tests: an "
        f"innocent model is accused by chance in less than {100 * LEVEL:g} of 100 reports.",
    ]
    if report.leaked:
        lines.append(f"{len(report.leaked)} held-out sounds are copies of training sounds and do not count.")
    return lines
