"""Train a model on a folder of sounds, or go on where an earlier run stopped."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric import Fabric

from wavesmith.data import AUGMENT_FEATURES, Scan, ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import Batch, Family, FamilyConfig, build, on_meta_device
from wavesmith.fitting import Trainer, TrainingDiverged, fit
from wavesmith.models import Model, load, load_folder, measure_timbres
from wavesmith.models.model_folder import save_timbre
from wavesmith.networks import parameters
from wavesmith.training.config import RunConfig, TrainingConfig, changed, load_config
from wavesmith.training.defaults import default_config
from wavesmith.training.demo_distance import FEWEST_SOUNDS, DemoDistance
from wavesmith.training.examples import Examples
from wavesmith.training.hardware import Hardware
from wavesmith.training.monitor import Monitor
from wavesmith.training.progress import Log, MetricLogger, ProgressBar
from wavesmith.training.run_folder import LOG, ModelWriter, RunFolder
from wavesmith.training.validation import HeldOut
from wavesmith.verbs import VERBS

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.training.config import TrainingOptions

_FIT_SOUNDS = 512  # sounds that a model's statistics are measured on
_BY_LABEL, _BY_AUGMENT = "label.weight", "augment.weight"  # tensors with a column for each label or feature


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
        _check_model(requested, start)

    admitted = requested.data.licences if requested else licences
    found = scan(folder, licences=admitted, opt_out=opt_out, progress=scanning)
    settled = requested or _chosen(found, start, training, report).with_licences(licences)
    files = usable(found, settled)
    if checkpoint:
        run.check_sounds(files)
    if complete:
        report(f"The training in {out} is complete; ask for more examples to go on.")
        return load_folder(run.path)

    with hardware.limited_threads(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning_fabric")
        settings = settled.training
        kept, held = split(files, settings.held_out, settings.seed)
        report(f"{len(kept)} sounds to train on, {len(held)} held out, {len(found.left_out)} files left out.")
        sounds = _sounds(found, kept, settled)
        family = _family(settled, sounds, start)
        if compiled:
            family.compile()
        objectives = family.objectives(settled.objective, settings.seed)
        fabric = hardware.fabric(settings, len(objectives))
        fabric.launch()  # from here on, every device has a process of its own
        leads = fabric.is_global_zero
        if leads:
            run.begin(settled, files)
        else:
            report, progress = _silent, False
        report(_size(family, fabric))
        if checkpoint:
            report(f"Going on with the training in {out}.")

        trainer = Trainer(fabric, family, objectives, settings)
        bar = ProgressBar(settings.examples) if progress else None
        monitor = Monitor(
            trainer,
            ModelWriter(run, family, kept, held, start),
            *(_held_out(found, held, settled, sounds) if held and leads else (None, None)),
            Log(run.path / LOG, loggers),
            _silent if bar and bar.live else report,  # a bar says enough by itself
            bar,
        )
        if checkpoint:
            run.reading(lambda: trainer.restore(checkpoint))
            run.reading(lambda: monitor.restore(checkpoint["monitor"]))
        examples = Examples(sounds, settled.model.rate, family.config.augments, settings)
        batches = examples.batches(trainer.seen, fabric.global_rank, fabric.world_size, workers)
        monitor.begin()
        with bar or nullcontext():
            _fit(trainer, batches, monitor)
        fabric.barrier()

    if monitor.gave_up:
        report(
            f"The held-out loss has not fallen for {trainer.seen - monitor.waiting_since} examples: done "
            f"after {trainer.seen} of {settings.examples}."
        )
    elif trainer.seen < settings.examples:
        report(f"Stopped after {trainer.seen} of {settings.examples} examples; the same command goes on.")
        if leads:
            on_interrupt()
    elif leads:
        save_timbre(run.path, measure_timbres(load_folder(run.path), found.folder, kept))
    return load_folder(run.path)


def _fit(trainer: Trainer, batches: Iterator[Batch], monitor: Monitor) -> None:
    try:
        fit(trainer, batches, monitor.after_step)
        monitor.finish()
    except TrainingDiverged as error:
        raise ModelError(
            f"Training diverged: {error}; start anew with a lower learning rate, or go on from the last "
            "checkpoint, which is whole."
        ) from error


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


def _check_model(config: RunConfig, base: Model | None) -> None:
    """Check, before the sounds are read, that the model can be built, can make demos and fits its base.

    Raises:
        RequestError: if it cannot be built or sampled.
        ModelError: when the base has another network.
    """
    try:
        with on_meta_device():
            family = build(_with_data(config.model, base.labels if base else ()))
    except (RuntimeError, ValueError, OverflowError) as error:
        raise RequestError(
            f"The configured model cannot be built ({error}); change the configuration."
        ) from error
    VERBS["generate"].settle(Model("configured", "", family))
    if base:
        _check_base(base.family, family)


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
    found: Scan, files: Sequence[ScannedFile], config: RunConfig, training: SoundDataset
) -> tuple[HeldOut, DemoDistance | None]:
    """Return what measures the model and its demos on held-out sounds."""
    sounds = _sounds(found, files, config, training.labels)
    held_out = HeldOut(sounds, len(AUGMENT_FEATURES), config.objective, config.training.seed)
    enough = len(sounds) >= FEWEST_SOUNDS
    return held_out, DemoDistance(sounds, training, config.model.rate) if enough else None


def _family(config: RunConfig, sounds: SoundDataset, base: Model | None) -> Family:
    """Return the model as it is before the first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        family = build(_with_data(config.model, sounds.labels)).train()
    if base is None:
        step = math.ceil(len(sounds) / _FIT_SOUNDS)
        family.fit(torch.stack([sounds[index].wave for index in range(0, len(sounds), step)]))
    else:
        _copy_weights(base.family, family)
    return family


def _with_data(model: FamilyConfig, labels: Sequence[str]) -> FamilyConfig:
    """Return a model's configuration with what follows from the data."""
    return model.model_copy(update={"labels": tuple(labels), "augments": len(AUGMENT_FEATURES)})


def _check_base(source: Family, target: Family) -> None:
    """Refuse a base of another network; labels and augmentations may differ."""
    theirs = source.state_dict()
    for name, tensor in target.state_dict().items():
        same = name in theirs and theirs[name].shape == tensor.shape
        if not same and not name.endswith((_BY_LABEL, _BY_AUGMENT)):
            raise ModelError(
                f"The base model has another network than the configuration ({name} differs); "
                "leave the configuration out to use the base's own."
            )


def _copy_weights(source: Family, target: Family) -> None:
    """Copy weights; labels that both models have keep theirs, new ones start fresh.

    So do augmentation features, which have no effect at first, if the source was not conditioned on them.
    """
    theirs, ours = source.state_dict(), target.state_dict()
    shared = sorted(set(source.config.labels) & set(target.config.labels))
    for name in theirs.keys() & ours.keys():
        if name.endswith(_BY_LABEL):
            for label in shared:
                column = theirs[name][:, source.config.labels.index(label)]
                ours[name][:, target.config.labels.index(label)] = column
        elif theirs[name].shape == ours[name].shape:
            ours[name].copy_(theirs[name])


def _size(family: Family, fabric: Fabric) -> str:
    precision = str(fabric.strategy.precision.precision).split("-")[0]
    return (
        f"{parameters(family) / 1e6:.1f} million parameters, on {fabric.world_size} x "
        f"{fabric.device.type}, precision {precision}."
    )
