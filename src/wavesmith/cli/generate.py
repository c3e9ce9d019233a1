"""`wavesmith generate`: new sounds into a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wavesmith.cli.console import note, progress, tell
from wavesmith.errors import RequestError, WavesmithError

if TYPE_CHECKING:
    from wavesmith.recipe import Recipe

_MOST_PICTURED = 256


def generate(
    label: Annotated[str | None, typer.Argument(help="What to make, such as kick; any if left out.")] = None,
    label_option: Annotated[str | None, typer.Option("--label", help="The same, as an option.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Which sounds; drawn if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("sounds"),
    model: Annotated[str, typer.Option(help="Bundled model, model folder or hub repository.")] = "drums",
    seconds: Annotated[float | None, typer.Option(help="Length of each sound.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the walk from noise to sound.")] = None,
    sampler: Annotated[str | None, typer.Option(help="How the walk is done, such as dpmpp_2m.")] = None,
    schedule: Annotated[str | None, typer.Option(help="How its steps are spaced, such as karras.")] = None,
    sigma_min: Annotated[float | None, typer.Option(help="Noise level that the walk ends at.")] = None,
    sigma_max: Annotated[float | None, typer.Option(help="Noise level that the walk starts at.")] = None,
    eta: Annotated[
        float | None,
        typer.Option(help="Share of fresh noise, 0 to 1, in samplers that take it, such as ddim."),
    ] = None,
    guidance: Annotated[float | None, typer.Option(help="How strongly the label counts; 1 is plain.")] = None,
    guidance_interval: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Noise levels at which guidance applies."),
    ] = None,
    peak: Annotated[str, typer.Option(help="Peak level in dBFS; none leaves it as it comes.")] = "-1",
    bits: Annotated[Literal["16", "24", "float"], typer.Option(help="Width of the samples.")] = "24",
    format: Annotated[Literal["wav", "flac"], typer.Option(help="Kind of file.")] = "wav",
    first: Annotated[int, typer.Option(help="Index of the first sound of the seed.")] = 0,
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda or mps.")] = "cpu",
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; the networks are small, so one is nearly the quickest.")
    ] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other sounds of these names.")
    ] = False,
    picture: Annotated[
        bool, typer.Option("--picture", help="Draw a sheet of mel spectrograms, too.")
    ] = False,
) -> None:
    """Make new sounds.

    Files are named by label, seed and index, as in kick-7-000.wav, and each carries its recipe. The same seed
    makes the same sounds; those that are there already are not made again. Ctrl-C keeps what is done.
    """
    import torch

    from wavesmith.cli.files import Destination
    from wavesmith.models import load
    from wavesmith.verbs import stream
    from wavesmith.verbs.settings import check_count

    if label and label_option and label != label_option:
        raise RequestError(f"Two labels were given, {label} and {label_option}; choose one.")
    started = time.monotonic()
    torch.set_num_threads(threads)
    seed = check_count(count, seed)
    destination = Destination(
        out, format, "float" if bits == "float" else 16 if bits == "16" else 24, overwrite
    )
    pictured: list[Recipe] = []

    def skip(recipe: Recipe) -> bool:
        if len(pictured) < _MOST_PICTURED:
            pictured.append(recipe)
        return destination.has(recipe)

    made = clipped = 0
    try:
        with progress("making sounds") as show:
            sounds = stream(
                load(model, device),
                count,
                label=label or label_option,
                seed=seed,
                first=first,
                seconds=seconds,
                sampler=sampler,
                schedule=schedule,
                steps=steps,
                sigma_min=sigma_min,
                sigma_max=sigma_max,
                eta=eta,
                guidance=guidance,
                guidance_interval=guidance_interval,
                peak_db=_peak(peak),
                progress=show,
                skip=skip,
            )
            for sound in sounds:
                assert sound.recipe
                sound.write(destination.path(sound.recipe), bits=destination.bits)
                made += 1
                clipped += peak == "none" and bits != "float" and sound.levels().peak_db > 0
    except (KeyboardInterrupt, WavesmithError) as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if made or stopped:
            note(f"Kept {_sounds(made)} in {out}; the same command with --seed {seed} makes the rest.")
        if stopped:
            raise typer.Exit(130) from None
        raise
    if picture:
        _draw([destination.path(recipe) for recipe in pictured], pictured[0], out)
    if clipped:
        verb = "was" if clipped == 1 else "were"
        note(f"{_sounds(clipped)} {verb} clipped; use --bits float or a --peak.")
    there = f", {count - made} already there" if made < count else ""
    tell(f"{_sounds(made)} made{there}, in {out} (seed {seed}, {time.monotonic() - started:.1f} s).")


def _sounds(count: int) -> str:
    return "1 sound" if count == 1 else f"{count} sounds"


def _peak(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        raise RequestError(f"A peak of '{text}' makes no sense; give dBFS such as -1, or none.") from None


def _draw(paths: list[Path], recipe: Recipe, folder: Path) -> None:
    from wavesmith.cli.files import stem
    from wavesmith.picture import sheet
    from wavesmith.sound import Sound

    name = stem(recipe)
    sheet({name: [Sound.read(path) for path in paths]}, folder / f"{name}.png")
