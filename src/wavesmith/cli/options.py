"""Options that several commands share."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import typer

from wavesmith.errors import RequestError

LICENCES = Annotated[
    str | None, typer.Option(metavar="LIST", help="Use only sounds under these licences, as cc0,cc-by.")
]
OPT_OUT = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A list of authors, paths and hashes to leave out.")
]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
Rate = Annotated[
    int | None, typer.Option(help="Samples per second, for another tool's checkpoint that does not say.")
]
Length = Annotated[
    int | None, typer.Option(help="Samples of its sounds, for another tool's checkpoint that does not say.")
]
WeightsChoice = Annotated[
    Literal["ema", "online"] | None,
    typer.Option(help="Averaged (ema) or latest (online) weights, of a checkpoint that has both."),
]


@dataclass(frozen=True)
class FileOptions:
    """Options for the files that are written."""

    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("sounds")
    bits: Annotated[Literal["16", "24", "float"], typer.Option(help="Bits of each sample.")] = "24"
    format: Annotated[Literal["wav", "flac"], typer.Option(help="Format of the files.")] = "wav"
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other sounds of these names.")] = (
        False
    )
    picture: Annotated[bool, typer.Option("--picture", help="Also draw a sheet of mel spectrograms.")] = False


@dataclass(frozen=True)
class ModelOptions:
    """Options for the model and the machine."""

    model: Annotated[
        str, typer.Option(help="Bundled model, model folder, another tool's checkpoint, or hub repository.")
    ] = "drums"
    rate: Rate = None
    length: Length = None
    weights: WeightsChoice = None
    device: Annotated[str, typer.Option(help="Device to compute on: cpu, cuda or mps.")] = "cpu"
    threads: Threads = 1

    def load(self) -> Any:
        """Set the threads and load the model."""
        import torch

        from wavesmith.models import load

        torch.set_num_threads(self.threads)
        return load(self.model, self.device, rate=self.rate, length=self.length, weights=self.weights)


G = TypeVar("G")


def options_of(group: type) -> list[inspect.Parameter]:
    """Return the fields of one of the classes above as parameters of a command."""
    kinds = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kinds[field.name]
        )
        for field in fields(group)
    ]


def taken(group: type[G], given: dict[str, Any]) -> G:
    """Take the values of one of the classes above out of a command's arguments."""
    return group(**{field.name: given.pop(field.name) for field in fields(group)})  # type: ignore[arg-type]


def names(text: str | None) -> tuple[str, ...] | None:
    """Split a list such as `cc0,cc-by`; raise RequestError if it is empty."""
    if text is None:
        return None
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise RequestError("The list of licences is empty; give one such as cc0,cc-by or leave it out.")
    return found
