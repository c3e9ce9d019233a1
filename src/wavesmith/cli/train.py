"""`wavesmith train`: a model, or a classifier, from a folder of sounds."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from wavesmith.cli.commands import command_of
from wavesmith.cli.console import note, progress, tell
from wavesmith.cli.options import LICENCES, OPT_OUT, names, options_of, taken
from wavesmith.cli.setting_options import requested, setting_options
from wavesmith.cli.summaries import TRAIN as SUMMARY
from wavesmith.errors import RequestError
from wavesmith.training import TrainingConfig, train
from wavesmith.training.hardware import Hardware
from wavesmith.verbs.options import option_name, plain_type

_HELP = (
    "The model in --out can be used at any time. Ctrl-C stops after the step under way, saves everything, "
    "and exits with code 130; the same command then goes on, to the same model that an unbroken training "
    "makes. A second Ctrl-C stops at once, and what came after the last checkpoint is lost."
)
_OF_CLASSIFIERS = {"examples", "batch", "seed", "threads"}


class Service(str, Enum):
    """Services that can show a training, beside the log file that is always written."""

    tensorboard = "tensorboard"
    wandb = "wandb"


@dataclass(frozen=True)
class TrainOptions:
    """Options besides those that derive from `TrainingConfig` and `Hardware`."""

    config: Annotated[
        str | None, typer.Option(help="Configuration by name or file; chosen by the sounds if left out.")
    ] = None
    base: Annotated[str | None, typer.Option(help="Model to start from (fine-tuning).")] = None
    licences: LICENCES = None
    opt_out: OPT_OUT = None
    log: Annotated[list[Service] | None, typer.Option(help="Service to log to as well.")] = None
    classifier: Annotated[
        bool,
        typer.Option("--classifier", help="Train a classifier of the labels, which can steer, instead."),
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors and the last line only.")] = False


def build() -> Any:
    """Return the command, with fields of `TrainingConfig` and `Hardware` as options."""
    folder = Annotated[Path, typer.Argument(help="A folder of sounds; its sub-folders are labels.")]
    out = Annotated[Path, typer.Option(help="Folder for the model, its log, demos and checkpoints.")]
    parameters = [
        inspect.Parameter("folder", inspect.Parameter.KEYWORD_ONLY, annotation=folder),
        inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, annotation=out),
        *options_of(TrainOptions),
        *setting_options(_training_fields()),
        *setting_options(Hardware.model_fields),
    ]
    return command_of("train", f"{SUMMARY}\n\n{_HELP}", parameters, _run)


def _training_fields() -> dict[str, FieldInfo]:
    """Return the numbers and choices of a training; their defaults depend on the configuration."""
    fields = {}
    for name, field in TrainingConfig.model_fields.items():
        kind = plain_type(field.annotation)
        nullable = NoneType in get_args(field.annotation)  # None would leave the configuration's value
        if not nullable and (kind in (int, float) or get_origin(kind) is Literal):
            fields[name] = copy(field)
            fields[name].default = None
    return fields


def _run(folder: Path, out: Path, **given: Any) -> None:
    options = taken(TrainOptions, given)
    training = requested(_training_fields(), given)
    hardware = requested(Hardware.model_fields, given)
    if options.classifier:
        _train_classifier(folder, out, options, training, hardware)
        return
    with progress("reading files", shown=not options.quiet) as bar:
        model = train(
            folder,
            out,
            config=options.config,
            base=options.base,
            licences=names(options.licences),
            opt_out=options.opt_out,
            loggers=[_logger(service, out) for service in dict.fromkeys(options.log or ())],
            report=(lambda sentence: None) if options.quiet else note,
            progress=not options.quiet,
            scanning=bar,
            on_interrupt=_stop,
            **hardware,
            **training,
        )
    tell(f"The model is in {out} ({model.hash}); 'wavesmith generate --model {out}' makes sounds with it.")


def _train_classifier(
    folder: Path,
    out: Path,
    options: TrainOptions,
    training: Mapping[str, Any],
    hardware: Mapping[str, Any],
) -> None:
    from wavesmith.classifiers import train_folder

    own = {name: getattr(options, name) for name in ("config", "base", "licences", "opt_out", "log")}
    for name, value in {**own, **training, **hardware}.items():
        suits = name in _OF_CLASSIFIERS or (name, value) in (("device", "auto"), ("device", "cpu"))
        if value is not None and not suits:
            raise RequestError(
                f"Classifiers are trained on the CPU, in one way; leave {option_name(name)} out."
            )
    shown = not options.quiet
    with (
        Hardware.checked(threads=hardware.get("threads")).limited_threads(),
        progress("reading files", shown) as scanning,
        progress("training", shown) as bar,
    ):
        report = train_folder(
            folder, out, scanning=scanning, progress=lambda done, total, loss: bar(done, total), **training
        )
    right = f"{report.accuracy:.0%} of the sounds it was trained on"
    if report.held_out_accuracy is not None:
        right = f"{report.held_out_accuracy:.0%} of {report.held_out} held-out sounds"
    classes = ", ".join(report.classes)
    tell(f"The classifier is in {out}; it tells {classes} apart and is right about {right}.")


def _stop() -> None:
    raise typer.Exit(130)


def _logger(service: Service, out: Path) -> Any:
    folder = out / "training"
    try:
        if service is Service.wandb:
            from wandb.integration.lightning.fabric import WandbLogger

            return WandbLogger(name=out.resolve().name, project="wavesmith", save_dir=str(folder))
        from lightning_fabric.loggers.tensorboard import TensorBoardLogger

        return TensorBoardLogger(folder, name="", version=service.value)
    except ModuleNotFoundError as error:
        extra = f"wavesmith[{service.value}]"
        raise RequestError(
            f"Logging to {service.value} needs a package; install it with: pip install '{extra}'."
        ) from error
