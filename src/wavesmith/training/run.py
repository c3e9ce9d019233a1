"""Train a model on a folder of sounds, or go on where an earlier run stopped."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_fabric import Fabric

from wavesmith.data import AUGMENT_FEATURES, Scan, ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import Batch, Family
from wavesmith.fitting import Trainer, TrainingDiverged, fit
from wavesmith.models import Model, load, load_folder, measure_timbres
from wavesmith.models.model_folder import save_timbre
from wavesmith.networks import parameters
from wavesmith.training.building import build_family, check_model
from wavesmith.training.config import RunConfig, TrainingConfig, changed, load_config
from wavesmith.training.defaults import default_config
from wavesmith.training.demo_distance import FEWEST_SOUNDS, DemoDistance
from wavesmith.training.examples import Examples
from wavesmith.training.hardware import Hardware
from wavesmith.training.monitor import Monitor
from wavesmith.training.progress import Log, MetricLogger, ProgressBar
from wavesmith.training.run_folder import LOG, ModelWriter, RunFolder
from wavesmith.training.validation import HeldOut

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.training.config import TrainingOptions


def train(
    folder: str | Path,
    out: str | Path,
    *,
    config: str | Path | RunConfig | None = None,
    base: str | None = None,
    licences: Sequence[str] | None = None,
    opt_out: str | Path | None = None,
    report: Callable[[str], None] = lambda sentence: None,
    progress: bool = False,
    scanning: Callable[[int, int], None] | None = None,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    workers: int = 0,
    threads: int | None = None,
    compiled: bool = False,
    loggers: Sequence[MetricLogger] = (),
    on_interrupt: Callable[[], None] = lambda: None,
    **training: Unpack[TrainingOptions],
) -> Model:
    """Train on `folder` into the model folder `out`; if a training was begun there, go on with it.

    Args:
        folder: sounds; sub-folders are labels (see `wavesmith.data`).
        out: where the model, its log, demos and checkpoints go. The model in it can be used at any time.
        config: name or file of a configuration; by default one is chosen by the sounds, and reported.
        base: name or folder of a model to start from (fine-tuning); not together with `config`.
        licences: train only on sounds under these, such as `["cc0", "cc-by"]` (see `docs/licences.md`).
        opt_out: a list of sounds, authors and sources that must not be trained on, beside `opt-out.txt` in
            the folder.
        report: called with a sentence at every stage.
        progress: show a progress bar.
        scanning: called with (files read, files in all).
        device, devices, nodes, workers, threads, compiled: see `Hardware`.
        loggers: loggers of Lightning Fabric (TensorBoard, W&B) beside the log file that is always written.
        on_interrupt: called at the end if a signal has ended training early; everything is saved by then.
        training: values of `TrainingConfig`, such as `examples=20_000`.

    Returns:
        The model as it is when training ends or is interrupted.

    Raises:
        DataError: when there is nothing to train on.
        RequestError: when configuration or options cannot be used.
        ModelError: when a checkpoint is damaged or training diverges.
        WavesmithError: when `out` cannot be written.
    """
    run = RunFolder(Path(out))
    hardware = Hardware.checked(
        device=device, devices=devices, nodes=nodes, workers=workers, threads=threads, compiled=compiled
    )
    run.check(Path(folder))
    requested = _requested(run, config, base, licences, training)
    checkpoint = run.load_checkpoint() if run.has_checkpoint else None
    complete = bool(checkpoint and requested and _is_complete(run, checkpoint, requested, hardware))
    base = requested.base if requested else base
    start = load(base) if base and not complete else None
    if requested and not complete:
        check_model(requested, start)

    admitted = requested.data.licences if requested else licences
    found = scan(folder, licences=admitted, opt_out=opt_out, progress=scanning)
    settled = requested or _chosen(found, start, training, report).with_licences(licences)
    files = usable(found, settled)
    if checkpoint:
        run.check_sounds(files)
    if complete:
        report(f"The training in {out} is complete; ask for more examples to go on.")
        return load_folder(run.path)

    plan = _Plan(run, settled, hardware, found, files, start, checkpoint)
    with hardware.limited_threads(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning_fabric")
        _execute(plan, report, progress, loggers, on_interrupt)
    return load_folder(run.path)


@dataclass(frozen=True)
class _Plan:
    """Everything that a training needs once it is decided.

    Attributes:
        run: where it goes.
        config: of model and training.
        hardware: what computes.
        found: the scan of the sounds.
        files: those of them that are used.
        base: model to start from.
        checkpoint: state to go on from.
    """

    run: RunFolder
    config: RunConfig
    hardware: Hardware
    found: Scan
    files: Sequence[ScannedFile]
    base: Model | None
    checkpoint: Mapping[str, Any] | None


def _execute(
    plan: _Plan,
    report: Callable[[str], None],
    progress: bool,
    loggers: Sequence[MetricLogger],
    on_interrupt: Callable[[], None],
) -> None:
    """Train as planned, until the end or an interruption."""
    run, config, settings = plan.run, plan.config, plan.config.training
    kept, held = split(plan.files, settings.held_out, settings.seed)
    left_out = len(plan.found.left_out)
    report(f"{len(kept)} sounds to train on, {len(held)} held out, {left_out} files left out.")
    sounds = _sounds(plan.found, kept, config)
    family = build_family(config, sounds, plan.base)
    if plan.hardware.compiled:
        family.compile()
    objectives = family.objectives(config.objective, settings.seed)

    fabric = plan.hardware.fabric(settings, len(objectives))
    fabric.launch()  # from here on, every device has a process of its own
    leads = fabric.is_global_zero
    if leads:
        run.begin(config, plan.files)
    else:
        report, progress = _silent, False
    report(_size(family, fabric))

    trainer = Trainer(fabric, family, objectives, settings)
    bar = ProgressBar(settings.examples) if progress else None
    held_out, demo_distance = _held_out(plan, held, sounds) if held and leads else (None, None)
    monitor = Monitor(
        trainer,
        settings,
        ModelWriter(run, family, kept, held, plan.base),
        held_out,
        demo_distance,
        Log(run.path / LOG, loggers),
        _silent if bar and bar.live else report,  # a bar says enough by itself
        bar,
    )
    if checkpoint := plan.checkpoint:
        report(f"Going on with the training in {run.path}.")
        run.reading(lambda: trainer.restore(checkpoint))
        run.reading(lambda: monitor.restore(checkpoint["monitor"]))

    examples = Examples(sounds, config.model.rate, family.config.augments, settings)
    batches = examples.batches(trainer.seen, fabric.global_rank, fabric.world_size, plan.hardware.workers)
    with bar or nullcontext():
        _fit(trainer, batches, monitor)
    if outcome := _outcome(trainer, monitor):
        report(outcome)
    if leads and trainer.seen >= settings.examples:
        save_timbre(run.path, measure_timbres(load_folder(run.path), plan.found.folder, kept))
    elif leads and not monitor.gave_up:
        on_interrupt()
    fabric.barrier()


def _fit(trainer: Trainer, batches: Iterator[Batch], monitor: Monitor) -> None:
    monitor.begin()
    try:
        fit(trainer, batches, monitor.after_step)
        monitor.finish()
    except TrainingDiverged as error:
        raise ModelError(
            f"Training diverged: {error}; start anew with a lower learning rate, or go on from the last "
            "checkpoint, which is whole."
        ) from error


def _outcome(trainer: Trainer, monitor: Monitor) -> str | None:
    """Return a sentence about how training ended; None if it is complete."""
    seen, total = trainer.seen, trainer.config.examples
    if monitor.gave_up:
        waited = seen - monitor.waiting_since
        return f"The held-out loss has not fallen for {waited} examples: done after {seen} of {total}."
    if seen < total:
        return f"Stopped after {seen} of {total} examples; the same command goes on."
    return None


def _silent(sentence: str) -> None:
    """Report nothing."""


def _requested(
    run: RunFolder,
    config: str | Path | RunConfig | None,
    base: str | None,
    licences: Sequence[str] | None,
    training: Mapping[str, Any],
) -> RunConfig | None:
    """Return the configuration as far as it is known before the sounds are: None if they are to decide."""
    if config is not None and base is not None:
        raise RequestError(
            "A configuration and a base model exclude each other; put 'base: NAME' into the configuration."
        )
    if run.has_checkpoint:
        return _resumed(run, config, base, licences, training)
    if config is not None:
        return _loaded(config).with_training(**training).with_licences(licences)
    changed(TrainingConfig(), training)  # bad options are refused now, whatever the sounds will be
    return None


def _loaded(config: str | Path | RunConfig) -> RunConfig:
    return config if isinstance(config, RunConfig) else load_config(config)


def _resumed(
    run: RunFolder,
    config: str | Path | RunConfig | None,
    base: str | None,
    licences: Sequence[str] | None,
    training: Mapping[str, Any],
) -> RunConfig:
    """Return the configuration of the training that was begun; only when it ends may be changed half-way."""
    before = run.load_config()
    requested = before if config is None else _loaded(config)
    requested = requested.with_training(**training).with_licences(licences)
    length = training.get("examples") or max(requested.training.examples, before.training.examples)
    resumed = before.with_training(examples=length, patience=requested.training.patience)
    if requested.with_training(examples=length) != resumed or base not in (None, before.base):
        raise RequestError(
            f"The training in {run.path} was begun with other options; only the number of examples and the "
            "patience can change half-way. Choose another folder to start anew."
        )
    return resumed


def _is_complete(
    run: RunFolder, checkpoint: Mapping[str, Any], config: RunConfig, hardware: Hardware
) -> bool:
    """Whether nothing is left to do; RequestError when fewer examples are requested than have been seen."""
    seen, step = run.reading(lambda: int(checkpoint["seen"])), hardware.examples_per_step(config.training)
    end = math.ceil(config.training.examples / step) * step
    if seen > end:
        raise RequestError(f"The training in {run.path} has already seen {seen} examples; ask for more.")
    gave_up = run.reading(lambda: bool(checkpoint["monitor"]["gave_up"]))
    return seen == end or (gave_up and config == run.load_config())


def _chosen(
    found: Scan, base: Model | None, training: Mapping[str, Any], report: Callable[[str], None]
) -> RunConfig:
    """Return the configuration that suits the sounds, and report the reasons."""
    model, name = (base.family.config, base.name) if base else (None, None)
    config, reasons = default_config(usable(found, None), model, name, **training)
    for reason in reasons:
        report(reason)
    return config


def usable(found: Scan, config: RunConfig | None) -> list[ScannedFile]:
    """Return the sounds that a configuration admits, at least one.

    Raises:
        DataError: when there is none.
    """
    if not found.files:
        raise DataError(
            f"None of the {len(found.left_out)} audio files in {found.folder} can be used "
            f"({found.left_out[0].path}: {found.left_out[0].reason}); 'wavesmith scan' tells more."
        )
    basis = config.data.basis if config else None
    files = [file for file in found.files if basis is None or file.licence_basis == basis]
    if not files:
        raise DataError(f"No sound in {found.folder} has the licence basis '{basis}'; check its manifest.")
    return files


def _sounds(
    found: Scan, files: Sequence[ScannedFile], config: RunConfig, labels: Sequence[str] | None = None
) -> SoundDataset:
    model = config.model
    return SoundDataset(
        found.folder, files, rate=model.rate, channels=model.channels, length=model.length, labels=labels
    )


def _held_out(
    plan: _Plan, files: Sequence[ScannedFile], training: SoundDataset
) -> tuple[HeldOut, DemoDistance | None]:
    """Return what measures the model and its demos on held-out sounds."""
    config = plan.config
    sounds = _sounds(plan.found, files, config, training.labels)
    held_out = HeldOut(sounds, len(AUGMENT_FEATURES), config.objective, config.training.seed)
    enough = len(sounds) >= FEWEST_SOUNDS
    return held_out, DemoDistance(sounds, training, config.model.rate) if enough else None


def _size(family: Family, fabric: Fabric) -> str:
    precision = str(fabric.strategy.precision.precision).split("-")[0]
    return (
        f"{parameters(family) / 1e6:.1f} million parameters, on {fabric.world_size} x "
        f"{fabric.device.type}, precision {precision}."
    )
