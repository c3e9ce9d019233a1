"""`wavesmith train`: a model from a folder of sounds."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wavesmith.cli.console import note, progress, tell
from wavesmith.cli.options import LICENCES, OPT_OUT, names
from wavesmith.errors import RequestError


class Log(str, Enum):
    """Services that can show a training, beside the log file that is always written."""

    tensorboard = "tensorboard"
    wandb = "wandb"


def train(
    folder: Annotated[Path, typer.Argument(help="A folder of sounds; its sub-folders are labels.")],
    out: Annotated[Path, typer.Option(help="Folder for the model, its log, demos and checkpoints.")],
    config: Annotated[
        str | None, typer.Option(help="Configuration by name or file; chosen by the sounds if left out.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Model to start from (fine-tuning).")] = None,
    licences: LICENCES = None,
    opt_out: OPT_OUT = None,
    examples: Annotated[int | None, typer.Option(help="Sounds to train on in all, repeats counted.")] = None,
    batch: Annotated[int | None, typer.Option(help="Sounds in a batch on each device.")] = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Batches whose gradients make one optimizer step.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Highest learning rate of AdamW.")] = None,
    precision: Annotated[
        Literal["auto", "32", "bf16", "16"] | None, typer.Option(help="Numeric precision.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Examples without a lower held-out loss after which training stops; 0 for never."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers.")] = None,
    device: Annotated[str, typer.Option(help="Device to compute on: auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines, under torchrun or Slurm.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare sounds.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads to compute with.")] = None,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Compile the model, which needs a C++ compiler.")
    ] = False,
    log: Annotated[list[Log] | None, typer.Option(help="Service to log to as well.")] = None,
    classifier: Annotated[
        bool,
        typer.Option("--classifier", help="Train a classifier of the labels, which can steer, instead."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors and the last line only.")] = False,
) -> None:
    """Train a model, or go on with a training; with --classifier, train a classifier.

    The model in --out can be used at any time. Ctrl-C stops after the step under way, saves everything, and
    exits with code 130; the same command then goes on, to the same model that an unbroken training makes. A
    second Ctrl-C stops at once, and what came after the last checkpoint is lost.
    """
    if classifier:
        _refuse_with_classifier(
            config=config,
            base=base,
            accumulate=accumulate,
            learning_rate=learning_rate,
            precision=precision,
            device=device if device not in ("auto", "cpu") else None,
            devices=devices if devices > 1 else None,
            nodes=nodes if nodes > 1 else None,
            workers=workers or None,
            compiled=compiled or None,
            log=log,
        )
        _train_classifier(folder, out, threads, quiet, examples=examples, batch=batch, seed=seed)
        return

    from wavesmith.training import train

    changes: dict[str, Any] = {
        "examples": examples,
        "batch": batch,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "precision": precision,
        "patience": patience,
        "seed": seed,
    }
    with progress("reading files", shown=not quiet) as bar:
        model = train(
            folder,
            out,
            config=config,
            base=base,
            licences=names(licences),
            opt_out=opt_out,
            device=device,
            devices=devices,
            nodes=nodes,
            workers=workers,
            threads=threads,
            compiled=compiled,
            loggers=[_logger(service, out) for service in dict.fromkeys(log or ())],
            report=(lambda sentence: None) if quiet else note,
            progress=not quiet,
            scanning=bar,
            on_interrupt=_stop,
            **{name: value for name, value in changes.items() if value is not None},
        )
    tell(f"The model is in {out} ({model.hash}); 'wavesmith generate --model {out}' makes sounds with it.")


def _refuse_with_classifier(**given: object) -> None:
    """Refuse options that only the training of models has."""
    for name, value in given.items():
        if value is not None:
            raise RequestError(
                f"A classifier is trained in one way, on the CPU; leave --{name.replace('_', '-')} out."
            )


def _train_classifier(folder: Path, out: Path, threads: int | None, quiet: bool, **given: Any) -> None:
    from wavesmith.classifiers import train_folder
    from wavesmith.training.hardware import Hardware

    limited = Hardware(threads=threads).limited_threads()
    with (
        limited,
        progress("reading files", not quiet) as scanning,
        progress("training", not quiet) as training,
    ):
        report = train_folder(
            folder,
            out,
            scanning=scanning,
            progress=lambda done, total, loss: training(done, total),
            **{name: value for name, value in given.items() if value is not None},
        )
    right = f"{report.accuracy:.0%} of the sounds it was trained on"
    if report.held_out_accuracy is not None:
        right = f"{report.held_out_accuracy:.0%} of {report.held_out} held-out sounds"
    tell(
        f"The classifier is in {out}; it tells {', '.join(report.classes)} apart and is right about {right}."
    )


def _stop() -> None:
    raise typer.Exit(130)


def _logger(log: Log, out: Path) -> Any:
    folder = out / "training"
    try:
        if log is Log.wandb:
            from wandb.integration.lightning.fabric import WandbLogger

            return WandbLogger(name=out.resolve().name, project="wavesmith", save_dir=str(folder))
        from lightning_fabric.loggers.tensorboard import TensorBoardLogger

        return TensorBoardLogger(folder, name="", version=log.value)
    except ModuleNotFoundError as error:
        raise RequestError(
            f"Logging to {log.value} needs a package; install it with: pip install 'wavesmith[{log.value}]'."
        ) from error
