"""`wavesmith inspect`: what is in a sound file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from wavesmith.cli.console import complain, show, tell
from wavesmith.errors import AudioError


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Sound files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of tables.")] = False,
) -> None:
    """Show format, level, faults and recipe of sound files, and what they tell samplers."""
    reports = []
    for file in files:
        try:
            reports.append(_report(file))
        except AudioError as error:
            complain(error)
    if as_json:
        tell(json.dumps(reports, indent=2))
    else:
        for report in reports:
            show(report["file"], _rows(report))
    if len(reports) < len(files):
        raise typer.Exit(2)


def _report(path: Path) -> dict[str, Any]:
    """Plain values; a level of silence is None."""
    import soundfile

    from wavesmith.sound import Sound

    sound, info = Sound.read(path), soundfile.info(path)
    return {
        "file": str(path),
        "format": f"{info.format}, {info.subtype_info}",
        "rate": sound.rate,
        "channels": sound.channels,
        "frames": sound.frames,
        "seconds": sound.seconds,
        **_plain(sound.levels()),
        "sampler": tags._asdict() if (tags := Sound.read_instrument(path)) else None,
        "recipe": _plain(sound.recipe) if sound.recipe else None,
    }


def _plain(values: BaseModel) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(values.model_dump_json())  # infinities, unknown to JSON, become None
    return plain


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    recipe = report["recipe"]
    rows = [
        ("format", report["format"]),
        ("rate", f"{report['rate']} Hz"),
        ("channels", report["channels"]),
        ("duration", f"{report['seconds']:.3f} s ({report['frames']} frames)"),
        ("peak", _level(report["peak_db"])),
        ("level (rms)", _level(report["rms_db"])),
        ("constant offset (DC)", _level(report["dc_db"])),
        ("clipped samples", report["clipped"]),
        ("attack", f"{1000 * report['attack_seconds']:.1f} ms"),
        ("silence at the end", f"{report['silence_seconds']:.3f} s"),
        ("level of the last 50 ms", _level(report["tail_db"])),
    ]
    rows += _sampler_rows(report["sampler"])
    if recipe is None:
        return [*rows, ("recipe", "none")]
    settings = ", ".join(f"{name} {value}" for name, value in recipe["settings"].items() if value is not None)
    return [
        *rows,
        (
            "made by",
            f"{recipe['verb']} with {recipe['model']} {recipe['model_hash']}, wavesmith {recipe['version']}",
        ),
        ("seed and index", f"{recipe['seed']}, {recipe['index']}"),
        ("settings", settings),
        *(("made from", _source(source)) for source in recipe["sources"]),
    ]


def _sampler_rows(sampler: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What the file tells samplers."""
    if sampler is None:
        return []
    rows = [("key for samplers", sampler["note"])]
    if sampler["loop"]:
        first, end = sampler["loop"]
        rows.append(("loop", f"frames {first} to {end - 1}"))
    if sampler["velocities"]:
        rows.append(("velocities", "{} to {}".format(*sampler["velocities"])))
    if sampler["cues"]:
        rows.append(("markers", "at frames " + ", ".join(map(str, sampler["cues"]))))
    return rows


def _source(source: dict[str, Any]) -> str:
    """Where a source was, and what it was made by and from in turn."""
    text = source["path"] or "a sound that was in memory"
    if recipe := source["recipe"]:
        text += f" (made by {recipe['verb']} with {recipe['model']}, seed {recipe['seed']}, {recipe['index']}"
        text += "".join(f", from {_source(inner)}" for inner in recipe["sources"]) + ")"
    return text


def _level(decibels: float | None) -> str:
    return "silent" if decibels is None else f"{decibels:.1f} dBFS"
