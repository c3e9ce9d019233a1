"""Tables of a report for terminals and model cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wavesmith.evaluation.bootstrap import Estimate
from wavesmith.evaluation.comparison import Distances
from wavesmith.evaluation.labels import LabelAccuracy
from wavesmith.evaluation.memorisation_report import card_rows
from wavesmith.evaluation.report import Report
from wavesmith.measures import MEASURES_BY_NAME

Row = tuple[str, ...]


def number(estimate: Estimate | None) -> str:
    """Return a value with its interval."""
    if estimate is None:
        return "-"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def share(estimate: Estimate | None) -> str:
    """Return a share in percent with its interval."""
    if estimate is None:
        return "-"
    low, high = 100 * max(0.0, estimate.low), 100 * min(1.0, estimate.high)
    return f"{100 * estimate.value:.1f} % ({low:.0f} to {high:.0f})"


_DISTANCES: Sequence[tuple[str, Callable[[Distances], str]]] = (
    ("kernel audio distance", lambda one: number(one.kernel)),
    ("Frechet audio distance, unbiased", lambda one: number(one.frechet)),
    ("precision", lambda one: share(one.precision)),
    ("recall", lambda one: share(one.recall)),
    ("density", lambda one: number(one.density)),
    ("coverage", lambda one: share(one.coverage)),
    ("expected coverage", lambda one: f"{100 * one.ideal_coverage:.1f} %"),
)


def rows(reports: Sequence[Report]) -> list[Row]:
    """Return the main figures: name, a column per report, and one for held-out real sounds."""
    first = reports[0]
    found = [*(report.distances.generated for report in reports), first.distances.held_out]
    listed: list[Row] = [
        (name, *("-" if one is None else show(one) for one in found)) for name, show in _DISTANCES
    ]
    listed += _measured(reports)
    if any(report.labels for report in reports):
        sides = [report.labels.generated if report.labels else None for report in reports]
        sides.append(first.labels.held_out if first.labels else None)
        listed.append(("label accuracy", *(share(one.overall) if one else "-" for one in sides)))
        labels = dict.fromkeys(label for one in sides if one for label in one.labels)
        listed += [
            (f"label accuracy, {label}", *(_of_label(one, label) for one in sides)) for label in labels
        ]
    listed.append(
        ("without a fault", *(share(report.faults.generated.faults["faultless"]) for report in reports), "-")
    )
    if any(report.memorisation for report in reports):
        verdicts = [report.memorisation.verdict if report.memorisation else "-" for report in reports]
        listed.append(("memorisation", *verdicts, "-"))
    return listed


_SHOWN_MEASURES = ("partials_6", "noise_flatness", "bursts", "decay_250", "decay_2k", "attack")


def _measured(reports: Sequence[Report]) -> list[Row]:
    """Return the distance on measures, and the medians of some that matter for drums."""
    first = reports[0].measures
    if not first or not all(report.measures for report in reports):
        return []
    sides = [report.measures for report in reports if report.measures]
    found = [*(side.generated for side in sides), first.held_out]
    rows: list[Row] = [
        ("distance on measures", *("-" if one is None else number(one.kernel) for one in found))
    ]
    for name in _SHOWN_MEASURES:
        if all(name in side.overall for side in sides):
            medians = [side.overall[name].generated.median for side in sides]
            about = MEASURES_BY_NAME[name]
            real = first.overall[name].reference.median
            words = f"{about.description}{f', {about.unit}' if about.unit else ''}: median"
            rows.append((words, *map(_short, medians), f"{_short(real)} (all real)"))
    return rows


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def card_table(report: Report) -> str:
    """Return the Markdown of a model card: figures, method, and the command that reproduces them."""
    lines = [
        f"{report.model.sounds} generated sounds and {report.held_out} held-out real ones, "
        f"compared with {report.reference.sounds} real sounds. Distances are in the embedding "
        f"`{report.distances.embedding}`; intervals of 95 % in brackets.",
        "",
        "| measure | generated | held-out real |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows([report])),
    ]
    if report.memorisation:
        lines += ["", "| memorisation | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in card_rows(report.memorisation)]
    return "\n".join([*lines, "", "```text", report.command, "```"]) + "\n"


def _of_label(accuracy: LabelAccuracy | None, label: str) -> str:
    return share(accuracy.labels.get(label)) if accuracy else "-"
