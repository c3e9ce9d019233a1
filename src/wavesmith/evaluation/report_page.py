"""A report as one HTML file with its plots and sounds inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wavesmith.data import terms
from wavesmith.errors import AudioError
from wavesmith.evaluation import memorisation, page_media, plots, training_search
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.measure_page import measure_plots
from wavesmith.evaluation.memorisation_report import Match, MemorisationReport
from wavesmith.evaluation.report import Report
from wavesmith.evaluation.sound_set import SoundSet
from wavesmith.evaluation.spectra import BANDS_HZ, SLOTS, SpectralDifference
from wavesmith.files import replacing
from wavesmith.measures import MEASURES
from wavesmith.recipe import VERSION
from wavesmith.sound import Sound

if TYPE_CHECKING:
    from jinja2 import Environment

    from wavesmith.evaluation.embedding_library import EmbeddingLibrary
    from wavesmith.evaluation.run import Evaluation

_PICTURES, _PLAYABLE = 8, 4
_MOST_LABELS = 8
_MATCHES, _MOST_MATCHES = 6, 24
_COLOURS = ("made", "other")
_FAULTS = {
    "faultless": "no fault",
    "quiet": "peak below -40 dBFS",
    "clipped": "clipped",
    "dc": "DC above -50 dBFS",
    "click": "begins with a click",
    "late": "attack later than 10 ms",
    "cut": "last 50 ms above -50 dBFS",
    "double_hits": "more than one hit",
}
_LEVELS = {
    "loudness_db": "loudness, LUFS",
    "peak_db": "peak, dBFS",
    "dc_db": "DC, dBFS",
    "tail_db": "level of the last 50 ms, dBFS",
    "attack_seconds": "attack position, s",
    "gap_seconds": "longest gap inside, s",
}


class Side(NamedTuple):
    """One of the evaluations of a page: its name, the class of its colour, and its data."""

    name: str
    colour: str
    report: Report
    generated: EmbeddingLibrary
    reference: EmbeddingLibrary


class Picture(NamedTuple):
    """A sound of the page's first section."""

    name: str
    sound: Sound
    playable: bool


def write_page(path: str | Path, evaluations: Sequence[Evaluation]) -> None:
    """Write the page of one or two evaluations; WavesmithError when that fails."""
    content = render(evaluations)
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def render(evaluations: Sequence[Evaluation]) -> str:
    """Return the page of one or two evaluations, the second for comparison."""
    names = _names([one.report for one in evaluations])
    sides = [
        Side(name, colour, *one) for name, colour, one in zip(names, _COLOURS, evaluations, strict=False)
    ]
    reports = [side.report for side in sides]
    labels: list[str | None] = [*list(reports[0].model.labels)[:_MOST_LABELS]] or [None]
    return (
        _environment()
        .get_template("report.html")
        .render(
            sides=sides,
            first=reports[0],
            title=" and ".join(Path(report.model.name).name for report in reports),
            pictures={label: _pictures_of(sides, label) for label in labels},
            interval_plot=_interval_plot(sides),
            **_measures(sides),
            spectra_plots=_spectra_plots(sides),
            faults=_FAULTS,
            levels=_LEVELS,
            notes=_notes(sides),
            version=VERSION,
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Return the templates with the functions that they use; all text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("wavesmith.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "digits": digits,
        "share_interval": share_interval,
        "filename": lambda name: Path(name).name,
    }
    environment.globals |= {
        "asset": lambda name: (
            resources.files("wavesmith.evaluation").joinpath("templates", name).read_text(encoding="utf-8")
        ),
        "spectrogram": page_media.spectrogram,
        "flac": page_media.flac,
        "tile": page_media.TILE,
        "confusion_plot": plots.confusion,
        "cell": plots.CELL,
        "matches_of": matches_of,
        "licence_name": lambda licence: terms(licence).name,
        "limits": {
            "auc": memorisation.AUC,
            "level": memorisation.LEVEL,
            "share": memorisation.SHARE,
            "copy_db": training_search.COPY_DB,
            "copy_correlation": training_search.COPY_CORRELATION,
        },
    }
    return environment


def percent(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f} %"


def digits(value: float) -> str:
    """Return a value with three significant digits; levels of silence are -inf."""
    if math.isinf(value):
        return "silence"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def share_interval(share: Estimate) -> tuple[int, int]:
    """Return the interval of a share in whole percent."""
    return round(100 * max(0.0, share.low)), round(100 * min(1.0, share.high))


def matches_of(
    report: MemorisationReport, generated: SoundSet, training: SoundSet
) -> list[tuple[Match, Sound, Sound]]:
    """Return copies, or else the nearest sounds, with the two sounds of each pair."""
    copies = [match for match in report.matches if match.kind != "new"]
    shown = copies[:_MOST_MATCHES] if len(copies) > _MATCHES else report.matches[:_MATCHES]
    own = {file.path: index for index, file in enumerate(generated.files)}
    real = {file.path: index for index, file in enumerate(training.files)}
    return [
        (match, generated.sound(own[match.sound]), training.sound(real[match.nearest])) for match in shown
    ]


def _names(reports: Sequence[Report]) -> list[str]:
    """Return names of the evaluated models or folders that differ."""
    names = [Path(report.model.name).name for report in reports]
    if len(set(names)) < len(names):
        return [f"{name} ({rank})" for name, rank in zip(names, ("first", "second"), strict=True)]
    return names


def _pictures_of(sides: Sequence[Side], label: str | None) -> list[tuple[str, float, list[Picture], float]]:
    """Return real and generated sounds of a label: title, seconds, sounds and highest frequency of each."""
    groups = [("real", sides[0].report, sides[0].reference)]
    groups += [(side.name, side.report, side.generated) for side in sides]
    return [
        (title, report.seconds, *_pictures(library if label is None else library.with_label(label)))
        for title, report, library in groups
    ]


def _pictures(library: EmbeddingLibrary) -> tuple[list[Picture], float]:
    """Return some evenly spaced sounds of a library and the highest frequency to show."""
    count = len(library)
    chosen = range(0, count, max(1, count // _PICTURES))[:_PICTURES]
    top_hz = min(max((library.files[k].rate for k in chosen), default=2), 44_100) / 2
    pictures = []
    for rank, index in enumerate(chosen):
        try:
            sound = library.sound(index)
        except AudioError:  # the file was removed since it was measured
            continue
        pictures.append(Picture(library.files[index].path, sound, rank < _PLAYABLE))
    return pictures, top_hz


def _interval_plot(sides: Sequence[Side]) -> plots.IntervalPlot:
    bars = [(side.name, side.colour, side.report.distances.generated.kernel) for side in sides]
    if held_out := sides[0].report.distances.held_out:
        bars.append(("held-out real", "real", held_out.kernel))
    return plots.intervals(bars)


def _measures(sides: Sequence[Side]) -> Mapping[str, Any]:
    """Return plots of measures; None where a report has none."""
    measures = [(side.colour, side.report.measures) for side in sides if side.report.measures]
    if len(measures) < len(sides):
        return {"measure_plots": None}
    bars = [
        (side.name, colour, one.generated.kernel) for side, (colour, one) in zip(sides, measures, strict=True)
    ]
    if held_out := measures[0][1].held_out:
        bars.append(("held-out real", "real", held_out.kernel))
    return {
        "measure_count": len(MEASURES),
        "measure_plots": measure_plots(measures),
        "measure_interval_plot": plots.intervals(bars),
    }


def _spectra_plots(sides: Sequence[Side]) -> Mapping[str, Any]:
    """Return plots of spectrum and envelope of all sounds (under the key "") and of each label."""
    first = sides[0].report.spectra
    return {
        label: _spectrum_and_envelope(
            [
                (side.colour, side.report.spectra.labels[label] if label else side.report.spectra.overall)
                for side in sides
                if not label or label in side.report.spectra.labels
            ],
            first.seconds,
        )
        for label in ("", *first.labels)
    }


def _spectrum_and_envelope(
    differences: Sequence[tuple[str, SpectralDifference]], seconds: float
) -> tuple[plots.CurvePlot, plots.CurvePlot]:
    real = differences[0][1].reference
    spectra = [plots.Series("real", real.spectrum)]
    spectra += [plots.Series(colour, one.generated.spectrum) for colour, one in differences]
    envelopes = [plots.Series("real", real.envelope)]
    envelopes += [plots.Series(colour, one.generated.envelope) for colour, one in differences]
    bands = BANDS_HZ[: max(len(one.curve.mean) for one in spectra)]
    low, high = math.log(bands[0]), math.log(bands[-1])

    def position(hertz: float) -> float:
        return (math.log(hertz) - low) / (high - low)

    hertz_ticks = [
        (position(hertz), f"{hertz // 1000}k" if hertz >= 1000 else str(hertz))
        for hertz in (100, 1000, 10_000)
        if hertz < bands[-1]
    ]
    second_ticks = [(share, f"{share * seconds:.2g}") for share in (0.0, 0.25, 0.5, 0.75)]
    slots = [(slot + 0.5) / SLOTS for slot in range(SLOTS)]
    return (
        plots.curves([position(hertz) for hertz in bands], spectra, hertz_ticks, "Hz"),
        plots.curves(slots, envelopes, second_ticks, "s"),
    )


def _notes(sides: Sequence[Side]) -> list[str]:
    several = len(sides) > 1
    notes = [f"{side.name}: {note}" if several else note for side in sides for note in side.report.notes]
    return list(dict.fromkeys(notes))
