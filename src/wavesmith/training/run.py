"""Train a model on a folder of sounds, or go on where an earlier run stopped."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from wavesmith.data import AUGMENT_FEATURES, Scan, ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, ModelError, RequestError, unknown
from wavesmith.families import DiffusionConfig, DiffusionModel
from wavesmith.files import replacing
from wavesmith.models import Model, load, load_folder
from wavesmith.models.folder import CONFIG
from wavesmith.training.artifact import LAST, LOG, RECIPE, TRAINING, Run
from wavesmith.training.callbacks import Averaging, JsonLines, Keeper, ProgressBar, StopOnInterrupt
from wavesmith.training.choose import choose
from wavesmith.training.config import TrainingConfig, TrainingRecipe, read_recipe
from wavesmith.training.examples import Examples
from wavesmith.training.held_out import HeldOut
from wavesmith.training.module import DiffusionTraining

FILES = TRAINING / "files.sha256"
_FIT_SOUNDS = 512  # sounds that transform statistics are measured on


def train(
    folder: str | Path,
    out: str | Path,
    *,
    recipe: str | Path | TrainingRecipe | None = None,
    base: str | None = None,
    say: Callable[[str], None] = lambda sentence: None,
    progress: bool = False,
    scanning: Callable[[int, int], None] | None = None,
    device: str = "auto",
    devices: int = 1,
    workers: int = 0,
    threads: int | None = None,
    compiled: bool = False,
    loggers: Sequence[Any] = (),
    interrupted: Callable[[], None] = lambda: None,
    **training: Any,
) -> Model:
    """Train on `folder` into the model folder `out`; if training was under way there, go on.

    Args:
        folder: sounds; sub-folders are labels (see `wavesmith.data`).
        out: where the model, its log, demos and checkpoints go. The model in it can be used at any time.
        recipe: name or file of a recipe; None chooses by the sounds, and says what it chose.
        base: name or folder of a model to start from (fine-tuning); not together with `recipe`.
        say: told in a sentence what is going on.
        progress: show a progress bar.
        scanning: called with (files looked at, files in all).
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: how many of them.
        workers: processes that prepare sounds; 0 does it between steps.
        threads: CPU threads to compute with; None leaves torch's choice.
        compiled: make steps quicker with `torch.compile`, which needs a C++ compiler and a minute first.
        loggers: Lightning loggers (TensorBoard, W&B, ...) beside the log file that is always written.
        interrupted: called at the end if Ctrl-C has brought it early; everything is kept by then.
        training: values of `TrainingConfig` to change, such as `examples=20_000`.

    Returns:
        The model as it is when training ends or is interrupted.

    Raises:
        DataError: when there is nothing to train on.
        RequestError: when recipe or options make no sense.
        ModelError: when a checkpoint is damaged or training diverges.
        WavesmithError: when `out` cannot be written.
    """
    out = Path(out)
    resuming = (out / LAST).is_file()
    if not resuming and (out / CONFIG).exists():
        raise RequestError(f"{out} already holds a finished model; choose another folder for the new one.")
    if recipe is not None and base is not None:
        raise RequestError("A recipe and a base model exclude each other; put 'base: NAME' into the recipe.")
    for name, count, least in (("devices", devices, 1), ("workers", workers, 0), ("threads", threads, 1)):
        if count is not None and count < least:
            raise RequestError(f"{name} cannot be {count}; choose {least} or more.")
    found = scan(folder, progress=scanning)
    if resuming:
        settled = _resumed(out, recipe, base, training)
    else:
        settled = _settled(found, recipe, base, training, say)
    files = _usable(found, settled)
    kept, held = split(files, settled.training.held_out, settled.training.seed)
    say(f"{len(kept)} sounds to train on, {len(held)} held out, {len(found.left_out)} files left out.")
    if threads is not None:
        torch.set_num_threads(threads)

    start = load(settled.base) if settled.base else None
    sounds = _sounds(found.folder, kept, settled)
    family = _family(settled, sounds, start)
    examples = Examples(sounds, settled.model.rate, family.config.augments, settled.training)
    module = DiffusionTraining(family, examples, settled.training, workers, compiled)
    watch = None
    if held:
        held_sounds = _sounds(found.folder, held, settled, sounds.labels)
        watch = HeldOut(held_sounds, examples.levels, settled.training.seed)
    run = Run(out, settled, kept, (start.name, start.card) if start else None)
    callbacks: list[L.Callback] = [Averaging(), Keeper(run, watch), StopOnInterrupt()]
    if progress:
        callbacks.append(ProgressBar())
    trainer = _trainer(settled.training, device, devices, callbacks, [JsonLines(out / LOG), *loggers], out)
    _same_files(out, files, check=resuming)
    run.write_recipe()
    if resuming:
        say(f"Going on with the training in {out}.")
    _fit(trainer, module, out / LAST if resuming else None)
    if module.seen < settled.training.examples:
        say(f"Stopped after {module.seen} of {settled.training.examples} examples; the same command goes on.")
        interrupted()
    return load_folder(out)


def _settled(
    found: Scan,
    recipe: str | Path | TrainingRecipe | None,
    base: str | None,
    training: dict[str, Any],
    say: Callable[[str], None],
) -> TrainingRecipe:
    """The recipe of a new run: given, read, or chosen."""
    if recipe is not None:
        return _given(recipe).changed(**training)
    start = load(base).family.config if base else None
    chosen, reasons = choose(_usable(found, None), start, base, training.get("examples"))
    for reason in reasons:
        say(reason)
    return chosen.changed(**training)


def _given(recipe: str | Path | TrainingRecipe) -> TrainingRecipe:
    return recipe if isinstance(recipe, TrainingRecipe) else read_recipe(recipe)


def _resumed(
    out: Path, recipe: str | Path | TrainingRecipe | None, base: str | None, training: dict[str, Any]
) -> TrainingRecipe:
    """The recipe of the run in `out`; only its length may be changed half-way."""
    before = read_recipe(out / RECIPE)
    asked = (before if recipe is None else _given(recipe)).changed(**training)
    length = training.get("examples") or max(asked.training.examples, before.training.examples)
    longer = before.changed(examples=length)
    if asked.changed(examples=length) != longer or base not in (None, before.base):
        raise RequestError(
            f"The training in {out} was begun with other options; only the number of examples can change "
            "half-way. Choose another folder to start anew."
        )
    return longer


def _usable(found: Scan, recipe: TrainingRecipe | None) -> list[ScannedFile]:
    """The sounds that the recipe admits; at least one."""
    if not found.files:
        raise DataError(
            f"None of the {len(found.left_out)} audio files in {found.folder} can be used "
            f"({found.left_out[0].path}: {found.left_out[0].reason}); 'wavesmith scan' tells more."
        )
    basis = recipe.data.basis if recipe else None
    files = [file for file in found.files if basis is None or file.licence_basis == basis]
    if not files:
        raise DataError(f"No sound in {found.folder} has the licence basis '{basis}'; check its manifest.")
    return files


def _same_files(out: Path, files: Sequence[ScannedFile], check: bool) -> None:
    """Remember which sounds a run is trained on, and refuse to go on with others."""
    digest = hashlib.sha256("\n".join(f"{f.path} {f.label} {f.sha256}" for f in files).encode()).hexdigest()
    path = out / FILES
    if check and path.is_file() and path.read_text(encoding="utf-8").strip() != digest:
        raise DataError(
            f"The sounds have changed since the training in {out} began; put them back as they were, or "
            "choose another folder to start anew."
        )
    with replacing(path) as temporary:
        temporary.write_text(digest + "\n", encoding="utf-8")


def _sounds(
    folder: str, files: Sequence[ScannedFile], recipe: TrainingRecipe, labels: Sequence[str] | None = None
) -> SoundDataset:
    model = recipe.model
    return SoundDataset(
        folder, files, rate=model.rate, channels=model.channels, length=model.length, labels=labels
    )


def _family(recipe: TrainingRecipe, sounds: SoundDataset, base: Model | None) -> DiffusionModel:
    """A new network, or the base's with fresh labels where its own differ."""
    config = DiffusionConfig(
        labels=tuple(sounds.labels), augments=len(AUGMENT_FEATURES), **dict(recipe.model)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        family = DiffusionModel(config)
    if base is None:
        step = -(-len(sounds) // _FIT_SOUNDS)
        family.transform.fit(torch.stack([sounds[i].wave for i in range(0, len(sounds), step)]))
    else:
        _copy(base.family, family)
    return family


def _copy(source: DiffusionModel, target: DiffusionModel) -> None:
    """Copy the weights; labels that both know keep what was learned of them, new ones start fresh.

    So do augmentations, which have no effect at first, where the source was not told of any.
    """
    theirs, ours = source.state_dict(), target.state_dict()
    shared = sorted(set(source.config.labels) & set(target.config.labels))
    for name, tensor in ours.items():
        if name.endswith("label.weight") and name in theirs:
            for label in shared:
                column = theirs[name][:, source.config.labels.index(label)]
                tensor[:, target.config.labels.index(label)] = column
        elif name in theirs and theirs[name].shape == tensor.shape:
            tensor.copy_(theirs[name])
        elif not name.endswith(("label.weight", "augment.weight")):
            raise ModelError(
                f"The base model has another network than the recipe ({name} differs); "
                "leave the recipe out to use the base's own."
            )


def _trainer(
    config: TrainingConfig,
    device: str,
    devices: int,
    callbacks: list[L.Callback],
    loggers: list[Any],
    out: Path,
) -> L.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    accelerators = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}
    if device not in accelerators:
        raise RequestError(unknown("device", device, accelerators))
    bf16 = device in ("auto", "cuda") and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    precisions: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    precisions["auto"] = precisions["bf16" if bf16 else "32"]
    try:
        return L.Trainer(
            accelerator=accelerators[device],
            devices=devices,
            precision=precisions[config.precision],
            max_steps=-(-config.examples // (config.batch * config.accumulate * devices)),
            max_epochs=-1,
            accumulate_grad_batches=config.accumulate,
            gradient_clip_val=config.clip,
            callbacks=callbacks,
            logger=loggers,
            log_every_n_steps=10,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=out,
            use_distributed_sampler=False,
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise RequestError(f"Cannot train on {devices} x {device} here ({error}); use cpu.") from error


def _fit(trainer: L.Trainer, module: DiffusionTraining, checkpoint: Path | None) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as error:  # what Lightning makes of a Ctrl-C that it catches itself
            raise KeyboardInterrupt from error
        except FloatingPointError as error:
            raise ModelError(
                f"Training went astray: {error}; start anew with a lower learning rate, or go on from the "
                "last checkpoint, which is whole."
            ) from error
        except (EOFError, KeyError, OSError, RuntimeError, UnpicklingError) as error:
            if checkpoint is None or trainer.global_step:
                raise
            raise ModelError(
                f"The checkpoint {checkpoint} is damaged or of another training ({type(error).__name__}); "
                "choose another folder to start anew."
            ) from error
