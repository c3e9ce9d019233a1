"""`wavesmith scan`: what is in a folder of sounds, and what training would leave out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavesmith.cli.console import note, progress, show, tell
from wavesmith.cli.options import LICENCES, OPT_OUT, names
from wavesmith.errors import DataError

if TYPE_CHECKING:
    from wavesmith.data import Scan


def scan(
    folder: Annotated[Path, typer.Argument(help="A folder of sounds; its sub-folders are labels.")],
    licences: LICENCES = None,
    opt_out: OPT_OUT = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the JSON to a file, too.")] = None,
) -> None:
    """Look at every file of a folder: what is usable, what is left out and why."""
    from wavesmith.data import scan
    from wavesmith.files import replacing

    with progress("reading files") as bar:
        found = scan(folder, licences=names(licences), opt_out=opt_out, progress=bar)
    text = found.model_dump_json(indent=2)
    if out:
        with replacing(out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        note(f"The report is in {out}.")
    if as_json:
        tell(text)
    else:
        _print(found)
    if not found.files:
        raise DataError(f"None of the {len(found.left_out)} audio files in {folder} can be used.")


def _print(found: Scan) -> None:
    seconds = sum(file.seconds for file in found.files)
    tell(f"{len(found.files)} usable sounds in {found.folder}, {seconds:.1f} s in all")
    show(
        "\nBy label",
        [
            (s.label or "(none)", s.files, *(f"{t:.2f}" for t in (s.shortest, s.median, s.longest, s.total)))
            for s in found.labels
        ],
        ("label", "files", "shortest s", "median s", "longest s", "total s"),
    )
    show(
        "\nFormats",
        [(f"{rate} Hz", count) for rate, count in found.rates.items()]
        + [(f"{channels} channel(s)", count) for channels, count in found.channels.items()],
        ("kind", "files"),
    )
    show(
        "\nBy licence",
        [
            (group.licence or "not stated", group.basis or "not stated", group.files, len(group.credits))
            for group in found.licences
        ],
        ("licence", "basis", "files", "people to credit"),
    )
    _list("Left out", [f"{path}: {reason}" for path, reason in found.left_out])
    _list("The same sound more than once", [", ".join(same) for same in found.duplicates])
    _list("Changed since the manifest was written", found.changed)
    _list("Quiet (below -40 dBFS: matching levels raises their noise)", found.quiet)
    _list("In the manifest but not there", found.missing)


def _list(title: str, lines: list[str] | tuple[str, ...]) -> None:
    if lines:
        tell("\n".join([f"\n{title}: {len(lines)}", *(f"  {line}" for line in lines)]))
