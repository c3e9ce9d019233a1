"""A report as a page: what was found, to be read, looked at and listened to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wavesmith.errors import AudioError
from wavesmith.evaluation import plots
from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.measure_page import measure_section
from wavesmith.evaluation.memorisation_page import provenance_section
from wavesmith.evaluation.memorisation_page import section as memorisation_section
from wavesmith.evaluation.page import (
    Html,
    details,
    document,
    figure,
    heading,
    listed,
    markup,
    playable,
    section,
    sheet,
    spectrogram,
    table,
    text,
    tiles,
)
from wavesmith.evaluation.report import Report
from wavesmith.evaluation.spectra import BANDS_HZ, SLOTS, Contrast
from wavesmith.files import replacing

if TYPE_CHECKING:
    from wavesmith.evaluation.embedding_library import Library
    from wavesmith.evaluation.labels import Named
    from wavesmith.evaluation.run import Evidence

_SHOWN, _PLAYABLE = 8, 4
_MOST_LABELS = 8
_COLOURS = ("made", "other")
_HYGIENE = {
    "faultless": "no fault at all",
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
    "tail_db": "noise floor: last 50 ms, dBFS",
    "attack_seconds": "attack position, s",
    "gap_seconds": "longest gap inside, s",
}


def write_page(path: str | Path, report: Report, evidence: Sequence[Evidence]) -> None:
    """Write one self-contained HTML file; WavesmithError when that cannot be done."""
    content = page(report, evidence)
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def page(report: Report, evidence: Sequence[Evidence]) -> str:
    """The page of a report (and of the one it is compared `against`), with the sounds it was made of."""
    reports = [one.report for one in evidence]
    return document(
        f"How good is {_title(report)}?",
        _head(reports),
        _shown(reports, evidence),
        _distances(reports),
        *measure_section(reports, _names(reports)),
        *([_labels(reports)] if any(one.labels for one in reports) else []),
        _spectra(reports),
        _hygiene(reports),
        *_memorisation(evidence),
        *_provenance(reports),
        _making(reports),
    )


def percent(value: float) -> str:
    """A share as people write it."""
    return f"{100 * value:.1f} %"


def _title(report: Report) -> str:
    return Path(report.model.name).name


def _names(reports: Sequence[Report]) -> list[str]:
    names = [_title(report) for report in reports]
    return (
        [f"{name} ({'first' if not k else 'second'})" for k, name in enumerate(names)]
        if len(set(names)) < len(names)
        else names
    )


def _key(reports: Sequence[Report]) -> Html:
    generated = zip(_COLOURS, _names(reports), strict=False)
    return plots.key([("real", "real sounds"), *generated])


def _head(reports: Sequence[Report]) -> Html:
    first = reports[0]
    title = " and ".join(map(_title, reports))
    verb = "is" if len(reports) == 1 else "are"
    made = "; ".join(
        f"{report.model.sounds} sounds {'made by' if report.model.kind == 'model' else 'of'} "
        f"{_title(report)}{f' ({report.model.hash})' if report.model.hash else ''}"
        for report in reports
    )
    heard = f"{made}, beside {first.reference.sounds} real sounds of {Path(first.reference.name).name}"
    kept = f" and {first.held_out} held-out ones" if first.held_out else ""
    glances = [
        tile for report in reports for tile in _glances(report, report is not first and _title(report))
    ]
    return Html(
        f'<h1>How good {verb} {markup(title)}?</h1><p class="sub">{markup(heard + kept)}.</p>{tiles(glances)}'
    )


def _glances(report: Report, of: str | bool) -> Iterator[tuple[str, str, str]]:
    """The figures at the top of the page."""
    found, real = report.distances.generated, report.distances.real
    suffix = f", {of}" if of else ""
    if report.labels:
        heard = report.labels.real
        note = f"held-out real sounds: {percent(heard.overall.value)}" if heard else "no real yardstick"
        yield f"named as asked{suffix}", percent(report.labels.generated.overall.value), note
    yield (
        f"kernel audio distance{suffix}",
        f"{found.kernel.value:.2f}",
        f"held-out real: {real.kernel.value:.2f}" if real else "0 is perfect",
    )
    if report.measures:
        usual = report.measures.real
        yield (
            f"distance on measures{suffix}",
            f"{report.measures.generated.kernel.value:.2f}",
            f"held-out real: {usual.kernel.value:.2f}" if usual else "0 is perfect",
        )
    if found.frechet:
        note = f"held-out real: {real.frechet.value:.3g}" if real and real.frechet else "0 is perfect"
        yield f"Frechet audio distance{suffix}", f"{found.frechet.value:.3g}", note
    yield (
        f"coverage{suffix}",
        percent(found.coverage.value),
        f"{found.sounds} of the real kind: {percent(found.ideal_coverage)}",
    )
    clean = report.hygiene.reference.faults["faultless"].value
    value = report.hygiene.generated.faults["faultless"].value
    yield f"without a fault{suffix}", percent(value), f"real sounds: {percent(clean)}"
    if report.memorisation:
        near = report.memorisation.exact + report.memorisation.near
        yield (
            f"memorisation{suffix}",
            report.memorisation.verdict,
            f"{near} of {found.sounds} are copies or near",
        )


def _shown(reports: Sequence[Report], evidence: Sequence[Evidence]) -> Html:
    """Spectrograms of real and generated sounds of each label, some of which play."""
    labels: list[str | None] = [*list(reports[0].model.labels)[:_MOST_LABELS]] or [None]
    parts = []
    for label in labels:
        groups = [("real", _pictures(evidence[0].reference, label, reports[0].seconds))]
        groups += [
            (name, _pictures(one.generated, label, one.report.seconds))
            for name, one in zip(_names(reports), evidence, strict=True)
        ]
        parts += [heading(label) if label is not None else Html(""), sheet(groups)]
    return section(
        "Look and listen",
        *parts,
        lead=f"Mel spectrograms of the first {reports[0].seconds:.2f} s, evenly picked. "
        "Those with a triangle play when they are clicked.",
    )


def _pictures(library: Library, label: str | None, seconds: float) -> list[Html]:
    indices = [k for k, file in enumerate(library.files) if label is None or file.label == label]
    chosen = indices[:: max(1, len(indices) // _SHOWN)][:_SHOWN]
    top_hz = min(max((library.files[k].rate for k in chosen), default=2), 44_100) / 2
    pictures = []
    for place, index in enumerate(chosen):
        try:
            sound = library.sound(index)
        except AudioError:  # it has gone since it was measured
            continue
        name = library.files[index].path
        pictures.append(
            playable(sound, name, seconds, top_hz)
            if place < _PLAYABLE
            else spectrogram(sound, seconds, top_hz)
        )
    return pictures


def _distances(reports: Sequence[Report]) -> Html:
    first = reports[0].distances
    columns = ["", *_names(reports), "held-out real"]
    found = [report.distances.generated for report in reports]
    rows: list[list[object]] = [
        ["kernel audio distance (KAD)", *(_number(one.kernel) for one in found)],
        ["Frechet audio distance, unbiased (FAD\u221e)", *(_number(one.frechet) for one in found)],
        ["precision: generated sounds that look real", *(_share(one.precision) for one in found)],
        ["recall: real sounds within reach", *(_share(one.recall) for one in found)],
        ["density", *(_number(one.density) for one in found)],
        ["coverage: real sounds with a likeness", *(_share(one.coverage) for one in found)],
        ["coverage by as many sounds of the real kind", *(percent(one.ideal_coverage) for one in found)],
    ]
    real = first.real
    yardstick: list[object] = ["-"] * len(rows)
    if real:
        yardstick = [
            _number(real.kernel),
            _number(real.frechet),
            _share(real.precision),
            _share(real.recall),
            _number(real.density),
            _share(real.coverage),
            percent(real.ideal_coverage),
        ]
    for row, value in zip(rows, yardstick, strict=True):
        row.append(value)
    rows.append(["sounds compared", *(str(one.sounds) for one in found), str(real.sounds) if real else "-"])
    bars = [
        (name, colour, report.distances.generated.kernel)
        for name, colour, report in zip(_names(reports), _COLOURS, reports, strict=False)
    ]
    if real:
        bars.append(("held-out real", "real", real.kernel))
    parts = [
        table(columns, rows),
        figure(plots.intervals(bars), "Kernel audio distance with 95 % intervals."),
    ]
    labels = list(dict.fromkeys(label for report in reports for label in report.distances.labels))
    if labels:
        by_label = [
            [label, *(_number(report.distances.labels.get(label)) for report in reports)] for label in labels
        ]
        parts.append(details("Kernel audio distance by label", table(["", *_names(reports)], by_label)))
    return section(
        "Distances",
        *parts,
        lead=f"How far the sounds are from {found[0].reference} real ones, in the embedding "
        f"“{first.embedding}” ({first.dimensions} dimensions). Lower distances and higher shares are better; "
        "what real sounds of sources that the model has not seen reach is the yardstick. Recall and coverage "
        "grow with the number of sounds. Values compare only within one embedding and one reference.",
    )


def _labels(reports: Sequence[Report]) -> Html:
    judged = [(name, report.labels) for name, report in zip(_names(reports), reports, strict=True)]
    first = next(labels for _, labels in judged if labels)
    columns = ["", *(name for name, labels in judged if labels), "held-out real"]
    rows: list[list[object]] = []
    for label in (None, *first.classes):
        sides = [*(labels.generated for _, labels in judged if labels), first.real]
        cells = [_share(_accuracy(side, label)) for side in sides]
        rows.append(["all" if label is None else label, *cells])
    tables = [
        figure(
            plots.confusion(labels.classes, labels.generated.confusion),
            f"{name}: asked for \u2193, called \u2192",
        )
        for name, labels in judged
        if labels
    ]
    if first.real:
        tables.append(
            figure(
                plots.confusion(first.classes, first.real.confusion),
                "held-out real: label \u2193, called \u2192",
            )
        )
    trained = f", on {first.trained_on} sounds" if first.trained_on else ""
    return section(
        "Labels",
        table(columns, rows),
        Html(f'<div class="plots">{"".join(tables)}</div>'),
        lead=f"How often a judge names a sound as it was asked for. The judge ({first.judge}{trained}) never "
        "steered. What it makes of held-out real sounds says how far it can be trusted.",
    )


def _accuracy(side: Named | None, label: str | None) -> Estimate | None:
    if side is None:
        return None
    return side.overall if label is None else side.labels.get(label)


def _spectra(reports: Sequence[Report]) -> Html:
    first = reports[0].spectra
    rows: list[list[object]] = [
        ["spectra apart, dB", "", *(f"{report.spectra.overall.spectrum_db:.2f}" for report in reports)],
        ["envelopes apart, dB", "", *(f"{report.spectra.overall.envelope_db:.2f}" for report in reports)],
    ]
    if first.yardstick:
        rows[0][1] = f"{first.yardstick.spectrum_db:.2f} (held out)"
        rows[1][1] = f"{first.yardstick.envelope_db:.2f} (held out)"
    characters = [first.overall.reference, *(report.spectra.overall.generated for report in reports)]
    rows += [
        ["crest factor, dB", *(f"{one.crest_db:.1f}" for one in characters)],
        ["seconds until 60 dB below the peak", *(f"{one.decay_seconds:.3f}" for one in characters)],
        [
            "correlation of left and right",
            *("mono" if one.correlation is None else f"{one.correlation:.3f}" for one in characters),
        ],
    ]
    labels = list(first.labels)
    parts = [_plots("All sounds", [report.spectra.overall for report in reports], reports)]
    parts += (
        [
            details(
                "Each label",
                *(
                    _plots(
                        label,
                        [
                            report.spectra.labels[label]
                            for report in reports
                            if label in report.spectra.labels
                        ],
                        reports,
                    )
                    for label in labels
                ),
            )
        ]
        if len(labels) > 1
        else []
    )
    return section(
        "Spectrum, envelope and image",
        _key(reports),
        *parts,
        table(["", "real", *_names(reports)], rows),
        lead="Third-octave spectra relative to the whole sound and envelopes relative to the loudest moment: "
        "the mean over sounds, and the range of the middle 80 %. “Apart” is the rms difference of the means.",
    )


def _plots(title: str, contrasts: Sequence[Contrast], reports: Sequence[Report]) -> Html:
    real = contrasts[0].reference
    series = [plots.Series("real", real.spectrum)]
    times = [plots.Series("real", real.envelope)]
    for colour, one in zip(_COLOURS, contrasts, strict=False):
        series.append(plots.Series(colour, one.generated.spectrum))
        times.append(plots.Series(colour, one.generated.envelope))
    bands = BANDS_HZ[: max(len(one.curve.mean) for one in series)]
    low, high = math.log(bands[0]), math.log(bands[-1])
    marks = [
        ((math.log(hertz) - low) / (high - low), f"{hertz // 1000}k" if hertz >= 1000 else str(hertz))
        for hertz in (100, 1000, 10_000)
        if hertz < bands[-1]
    ]
    seconds = reports[0].spectra.seconds
    ticks = [(share, f"{share * seconds:.2g}") for share in (0.0, 0.25, 0.5, 0.75)]
    places = [(math.log(hertz) - low) / (high - low) for hertz in bands]
    slots = [(slot + 0.5) / SLOTS for slot in range(SLOTS)]
    return Html(
        f'{heading(title)}<div class="plots">'
        + figure(plots.curves(places, series, marks, "Hz"), "Spectrum")
        + figure(plots.curves(slots, times, ticks, "s"), "Envelope")
        + "</div>"
    )


def _hygiene(reports: Sequence[Report]) -> Html:
    checked = [report.hygiene.generated for report in reports] + [reports[0].hygiene.reference]
    columns = ["", *_names(reports), "real"]
    faults = [[words, *(_share(one.faults[name]) for one in checked)] for name, words in _HYGIENE.items()]
    levels: list[list[object]] = []
    for name, words in _LEVELS.items():
        spreads = [one.levels[name] for one in checked]
        levels.append(
            [words, *(f"{_plain(one.median)} ({_plain(one.low)} to {_plain(one.high)})" for one in spreads)]
        )
    return section(
        "Hygiene",
        table(columns, faults),
        heading("Median, and the range of nine sounds in ten"),
        table(columns, levels),
        lead="Faults that a listener hears at once, measured on the files as they are. Real sounds are not "
        "free of them: a closed lid cuts a tail, a flam is two hits.",
    )


def _memorisation(evidence: Sequence[Evidence]) -> Iterator[Html]:
    for one in evidence:
        if one.report.memorisation:
            if len(evidence) > 1:
                yield Html(f"<h2>{markup(_title(one.report))}</h2>")
            yield memorisation_section(one.report.memorisation, one.generated, one.reference)


def _provenance(reports: Sequence[Report]) -> Iterator[Html]:
    for report in reports:
        if report.provenance and report.provenance.all_sources():
            yield provenance_section(report.provenance)


def _making(reports: Sequence[Report]) -> Html:
    notes = [
        f"{name}: {note}" if len(reports) > 1 else note
        for name, report in zip(_names(reports), reports, strict=True)
        for note in report.notes
    ]
    return section(
        "How this was made",
        *([listed(list(dict.fromkeys(notes)))] if notes else []),
        text("To make this report again:"),
        Html(f"<pre>{markup(reports[0].command)}</pre>"),
    )


def _number(estimate: Estimate | None) -> Html:
    if estimate is None:
        return Html("too few")
    return Html(f"{_plain(estimate.value)}<small>{_plain(estimate.low)} to {_plain(estimate.high)}</small>")


def _share(estimate: Estimate | None) -> Html:
    if estimate is None:
        return Html("-")
    low, high = 100 * max(0.0, estimate.low), 100 * min(1.0, estimate.high)
    return Html(f"{percent(estimate.value)}<small>{low:.0f} to {high:.0f}</small>")


def _plain(value: float) -> str:
    """Three digits that matter; silence is -inf."""
    if math.isinf(value):
        return "silence"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
