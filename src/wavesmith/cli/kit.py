"""`wavesmith kit`: a kit that samplers play."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wavesmith.cli.console import in_words, progress, tell
from wavesmith.cli.options import ModelOptions, WalkOptions, expanded
from wavesmith.errors import RequestError, unknown

if TYPE_CHECKING:
    from wavesmith.sound import Sound


@expanded
def kit(
    *,
    pieces: Annotated[
        str | None,
        typer.Option(
            help="How many of each label: kick=4,snare=4,hihat=6,percussion=8, or sound=8 without labels."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the kit.")] = Path("kit"),
    name: Annotated[str, typer.Option(help="Name of the kit.")] = "wavesmith kit",
    seed: Annotated[int | None, typer.Option(help="Which sounds; drawn if left out.")] = None,
    layers: Annotated[int, typer.Option(help="Sounds for different velocities.")] = 2,
    turns: Annotated[int, typer.Option(help="Sounds that take turns on one key.")] = 2,
    amount: Annotated[float, typer.Option(help="How far those differ, 0 to 1.")] = 0.15,
    bpm: Annotated[float, typer.Option(help="Tempo of the bar that is played to try it.")] = 110.0,
    formats: Annotated[str, typer.Option(help="Of sfz, decentsampler, hydrogen and h2drumkit.")] = (
        "sfz,decentsampler,hydrogen"
    ),
    bits: Annotated[Literal["16", "24", "float"], typer.Option(help="Width of the samples.")] = "24",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another kit there.")] = False,
    walk: WalkOptions,
    models: ModelOptions,
) -> None:
    """Make a playable kit: samples, SFZ, DecentSampler and Hydrogen files, a picture, and a bar to try it."""
    from wavesmith.cli.files import width
    from wavesmith.export import FORMATS, bar, check_place, read_sfz, render, write_kit, write_midi
    from wavesmith.picture import sheet
    from wavesmith.verbs.kit import make_kit

    started = time.monotonic()
    counts, bit_width = _pieces(pieces) if pieces is not None else None, width(bits)
    kinds = [kind.strip() for kind in formats.split(",") if kind.strip()]
    if unwanted := set(kinds) - set(FORMATS):
        raise RequestError(unknown("kit format", min(unwanted), FORMATS))
    if not 4 <= bpm <= 1000:
        raise RequestError(f"A tempo of {bpm:g} beats per minute makes no sense; choose 4 to 1000.")
    if not overwrite:  # whether a kit that is there is this one is known once it is made
        check_place(out)
    model = models.load()
    with progress("making sounds") as show:
        made = make_kit(
            model,
            counts,
            name=name,
            layers=layers,
            turns=turns,
            amount=amount,
            seed=seed,
            progress=show,
            **walk.asked(),
        )
    files = write_kit(made, out, formats=kinds, bits=bit_width, overwrite=overwrite)
    rows: dict[str, list[Sound]] = {}
    for piece in made.pieces:
        rows.setdefault(piece.name, []).append(piece.layers[-1].sounds[0])
    sheet(rows, out / "kit.png", title=name)
    hits = bar(made, bpm=bpm, bars=2)
    write_midi(hits, out / "bar.mid", bpm=bpm)
    if "sfz" in kinds:
        instrument = read_sfz(next(file for file in files if file.suffix == ".sfz"))
        render(instrument, hits).normalise(-1).write(out / "bar.wav", bits=16)
    seconds = time.monotonic() - started
    tell(
        f"{in_words(len(made.pieces), 'piece')}, {in_words(made.sounds, 'sound')}, in {out} "
        f"(seed {made.about['seed']}, {seconds:.1f} s)."
    )
    if not model.labels:
        tell(f"{model.name} knows no labels: all pieces are called '{made.pieces[0].name}'.")


def _pieces(text: str) -> dict[str, int]:
    counts = {}
    for part in text.split(","):
        label, _, count = part.partition("=")
        try:
            counts[label.strip()] = int(count)
        except ValueError:
            raise RequestError(
                f"The pieces '{text}' cannot be read; write them like kick=4,snare=4."
            ) from None
    return counts
