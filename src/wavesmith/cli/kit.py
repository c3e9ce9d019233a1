"""`wavesmith kit`: a kit that samplers play."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wavesmith.cli.commands import command_of
from wavesmith.cli.console import in_words, progress, tell
from wavesmith.cli.files import width
from wavesmith.cli.options import ModelOptions, options_of, taken
from wavesmith.cli.setting_options import requested, setting_options
from wavesmith.cli.summaries import KIT as SUMMARY
from wavesmith.errors import RequestError, unknown
from wavesmith.export import FORMATS, bar, check_place, read_sfz, render, write_kit, write_midi
from wavesmith.picture import sheet
from wavesmith.sound import Sound
from wavesmith.verbs import VERBS, make_kit
from wavesmith.verbs.options import fields_of

_FORMATS = "sfz,decentsampler,hydrogen"
_LABELS = "kick=4,snare=4,hihat=6,percussion=8, or sound=8 without labels"


@dataclass(frozen=True)
class KitOptions:
    """Options of the kit itself."""

    pieces: Annotated[str | None, typer.Option(help=f"Number of sounds of each label: {_LABELS}.")] = None
    out: Annotated[Path, typer.Option(help="Folder for the kit.")] = Path("kit")
    name: Annotated[str, typer.Option(help="Name of the kit.")] = "wavesmith kit"
    seed: Annotated[
        int | None, typer.Option(help="Number that decides everything random (drawn if left out).")
    ] = None
    layers: Annotated[int, typer.Option(help="Sounds for different velocities.")] = 2
    turns: Annotated[int, typer.Option(help="Sounds that take turns on one key.")] = 2
    amount: Annotated[float, typer.Option(help="Distance between these sounds, 0 to 1.")] = 0.15
    bpm: Annotated[float, typer.Option(help="Tempo of the bar that is rendered as an example.")] = 110.0
    formats: Annotated[str, typer.Option(help="Of sfz, decentsampler, hydrogen and h2drumkit.")] = _FORMATS
    bits: Annotated[Literal["16", "24", "float"], typer.Option(help="Bits of each sample.")] = "24"
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another kit there.")] = False


def build() -> Any:
    """Return the command, with the settings of its sounds as options."""
    parameters = [*options_of(KitOptions), *setting_options(_fields()), *options_of(ModelOptions)]
    return command_of("kit", SUMMARY, parameters, _run)


def _fields() -> dict[str, Any]:
    """Return the settings of `generate` and `vary` that a kit leaves open."""
    fields = {**fields_of(VERBS["generate"]), **fields_of(VERBS["vary"])}
    return {name: field for name, field in fields.items() if name not in ("label", "amount")}


def _run(**given: Any) -> None:
    kit, models = taken(KitOptions, given), taken(ModelOptions, given)
    started = time.monotonic()
    counts, bit_width = _pieces(kit.pieces) if kit.pieces is not None else None, width(kit.bits)
    kinds = [kind.strip() for kind in kit.formats.split(",") if kind.strip()]
    if unwanted := set(kinds) - set(FORMATS):
        raise RequestError(unknown("kit format", min(unwanted), FORMATS))
    if not 4 <= kit.bpm <= 1000:
        raise RequestError(f"A tempo of {kit.bpm:g} beats per minute makes no sense; choose 4 to 1000.")
    if not kit.overwrite:  # whether an existing kit is the same is known once it is made
        check_place(kit.out)
    model = models.load()
    with progress("making sounds") as show:
        made = make_kit(
            model,
            counts,
            name=kit.name,
            layers=kit.layers,
            turns=kit.turns,
            amount=kit.amount,
            seed=kit.seed,
            progress=show,
            **requested(_fields(), given),
        )
    files = write_kit(made, kit.out, formats=kinds, bits=bit_width, overwrite=kit.overwrite)
    rows: dict[str, list[Sound]] = {}
    for piece in made.pieces:
        rows.setdefault(piece.name, []).append(piece.layers[-1].sounds[0])
    sheet(rows, kit.out / "kit.png", title=kit.name)
    hits = bar(made, bpm=kit.bpm, bars=2)
    write_midi(hits, kit.out / "bar.mid", bpm=kit.bpm)
    if "sfz" in kinds:
        instrument = read_sfz(next(file for file in files if file.suffix == ".sfz"))
        render(instrument, hits).normalise(-1).write(kit.out / "bar.wav", bits=16)
    seconds = time.monotonic() - started
    tell(
        f"{in_words(len(made.pieces), 'piece')}, {in_words(made.sounds, 'sound')}, in {kit.out} "
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
