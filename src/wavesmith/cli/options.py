"""Options that several commands share, written down once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from wavesmith.errors import RequestError

LICENCES = Annotated[
    str | None, typer.Option(metavar="LIST", help="Use only sounds under these licences, as cc0,cc-by.")
]
OPT_OUT = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A list of authors, paths and hashes to leave out.")
]
METHOD = Annotated[str, typer.Option(help="noise, or inversion, which keeps more and takes longer.")]

Threads = Annotated[
    int, typer.Option(min=1, help="CPU threads; the networks are small, so one is nearly the quickest.")
]
Rate = Annotated[
    int | None, typer.Option(help="Samples per second of another tool's checkpoint that does not say so.")
]
Length = Annotated[int | None, typer.Option(help="Samples of its sounds, likewise.")]
WeightsChoice = Annotated[
    Literal["ema", "online"] | None,
    typer.Option(help="Average of its weights or the latest, where it has both."),
]


@dataclass(frozen=True)
class WalkOptions:
    """How the walk goes: fields of `verbs.Settings` that every verb has."""

    label: Annotated[str | None, typer.Option(help="What it should be, or a mix: kick=0.7,snare=0.3.")] = None
    avoid: Annotated[str | None, typer.Option("--not", help="A label that it should not be.")] = None
    steps: Annotated[int | None, typer.Option(help="Steps of the walk from noise to sound.")] = None
    sampler: Annotated[str | None, typer.Option(help="How the walk is done, such as dpmpp_2m.")] = None
    schedule: Annotated[str | None, typer.Option(help="How its steps are spaced, such as karras.")] = None
    sigma_min: Annotated[float | None, typer.Option(help="Noise level that the walk ends at.")] = None
    sigma_max: Annotated[float | None, typer.Option(help="Noise level that the walk starts at.")] = None
    eta: Annotated[
        float | None,
        typer.Option(help="Share of fresh noise, 0 to 1, in samplers that take it, such as ddim."),
    ] = None
    guidance: Annotated[float | None, typer.Option(help="How strongly the label counts; 1 is plain.")] = None
    guidance_interval: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Noise levels at which guidance applies."),
    ] = None
    timbre: Annotated[
        str | None, typer.Option(help="Percentiles of the training sounds, as brightness=80,attack=20.")
    ] = None
    guide: Annotated[Path | None, typer.Option(help="YAML file of what steers the walk.")] = None
    peak: Annotated[str | None, typer.Option(help="Peak level in dBFS; none leaves it as it comes.")] = None

    def asked(self) -> dict[str, Any]:
        """Arguments for a verb; what was not given is left out."""
        from wavesmith.verbs import parse_label
        from wavesmith.verbs.guides import read_guides

        guides = list(read_guides(self.guide)) if self.guide else []
        guides += read_guides(_timbres(self.timbre)) if self.timbre else []
        asked = {
            "label": self.label and parse_label(self.label),
            "avoid": self.avoid and parse_label(self.avoid),
            "steps": self.steps,
            "sampler": self.sampler,
            "schedule": self.schedule,
            "sigma_min": self.sigma_min,
            "sigma_max": self.sigma_max,
            "eta": self.eta,
            "guidance": self.guidance,
            "guidance_interval": self.guidance_interval,
            "guide": guides or None,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return given if self.peak is None else given | {"peak_db": _peak(self.peak)}


@dataclass(frozen=True)
class FileOptions:
    """What becomes of the sounds."""

    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("sounds")
    bits: Annotated[Literal["16", "24", "float"], typer.Option(help="Width of the samples.")] = "24"
    format: Annotated[Literal["wav", "flac"], typer.Option(help="Kind of file.")] = "wav"
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other sounds of these names.")] = (
        False
    )
    picture: Annotated[bool, typer.Option("--picture", help="Draw a sheet of mel spectrograms, too.")] = False


@dataclass(frozen=True)
class ModelOptions:
    """What computes."""

    model: Annotated[
        str, typer.Option(help="Bundled model, model folder, another tool's checkpoint, or hub repository.")
    ] = "drums"
    rate: Rate = None
    length: Length = None
    weights: WeightsChoice = None
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda or mps.")] = "cpu"
    threads: Threads = 1

    def load(self) -> Any:
        """The model, with the threads set."""
        import torch

        from wavesmith.models import load

        torch.set_num_threads(self.threads)
        return load(self.model, self.device, rate=self.rate, length=self.length, weights=self.weights)


@dataclass(frozen=True)
class CountOptions:
    """Which sounds, and how many."""

    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds.")] = 1
    seed: Annotated[int | None, typer.Option(help="Which sounds; drawn if left out.")] = None
    first: Annotated[int, typer.Option(help="Index of the first sound of the seed.")] = 0


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose arguments of the classes above are options of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = groups.get(parameter.name)
        if group is None:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        kinds = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=kinds[field.name],
            )
            for field in fields(group)
        ]

    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    signature = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return run


def _peak(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        raise RequestError(f"A peak of '{text}' makes no sense; give dBFS such as -1, or none.") from None


def _timbres(text: str) -> list[dict[str, Any]]:
    guides = []
    for part in text.split(","):
        name, _, percentile = part.partition("=")
        try:
            guides.append({"timbre": name.strip(), "percentile": float(percentile)})
        except ValueError:
            raise RequestError(
                f"The timbres '{text}' cannot be read; write them like brightness=80,attack=20."
            ) from None
    return guides


def names(text: str | None) -> tuple[str, ...] | None:
    """The parts of a list such as `cc0,cc-by`; RequestError if there are none."""
    if text is None:
        return None
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise RequestError("The list of licences is empty; give one such as cc0,cc-by or leave it out.")
    return found
