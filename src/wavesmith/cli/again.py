"""`wavesmith again`: a sound made once more from the recipe that it carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavesmith.cli.console import tell
from wavesmith.cli.options import Threads
from wavesmith.errors import RequestError

if TYPE_CHECKING:
    from wavesmith.sound import Sound


def again(
    file: Annotated[Path, typer.Argument(help="A file that wavesmith wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The new file; FILE with -again in its name if left out.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the model is, if not where it was.")] = None,
    source: Annotated[
        list[Path] | None, typer.Option(help="A sound that it was made from, if not where it was.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another sound of that name.")
    ] = False,
    threads: Threads = 1,
) -> None:
    """Make a sound again from its recipe.

    Says whether the new file is the old one, sample for sample; the exit code is 1 if it is not.
    """
    import torch

    from wavesmith.cli.files import bits_of, holds, write
    from wavesmith.models import load
    from wavesmith.sound import Sound
    from wavesmith.verbs import again

    torch.set_num_threads(threads)
    before = Sound.read(file)
    out = out or file.with_stem(f"{file.stem}-again")
    if out.exists() and (out.samefile(file) or not (overwrite or holds(out, before.recipe))):
        raise RequestError(f"{out} is already there; choose another file with --out, or use --overwrite.")
    made = again(file, model=load(model) if model else None, sources=source or ())
    write(made, out, bits_of(file))
    difference = _difference(before, Sound.read(out))
    tell(f"{out} is {difference or 'identical to'} {file}{'' if difference else ', sample for sample'}.")
    if difference:
        raise typer.Exit(1)


def _difference(before: Sound, after: Sound) -> str:
    """Words for what differs; empty if nothing does."""
    import numpy as np

    if (before.rate, before.samples.shape) != (after.rate, after.samples.shape):
        return "of another length, rate or number of channels than"
    apart = np.abs(before.samples - after.samples)
    if not apart.any():
        return ""
    most = 20 * np.log10(apart.max())
    return f"different in {np.count_nonzero(apart)} samples, by {most:.0f} dBFS at most, from"
