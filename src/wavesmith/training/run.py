"""Train a model on a folder of sounds, or go on where an earlier run stopped."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from wavesmith.data import AUGMENT_FEATURES, Scan, ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import DiffusionConfig, DiffusionModel
from wavesmith.files import replacing
from wavesmith.models import Model, load, load_folder
from wavesmith.training.artifact import LAST, LOG, RECIPE, TRAINING, Run
from wavesmith.training.callbacks import Averaging, JsonLines, Keeper, ProgressBar, StopOnInterrupt
from wavesmith.training.choose import choose
from wavesmith.training.config import TrainingRecipe, read_recipe
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
    loggers: Sequence[Any] = (),
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
        loggers: Lightning loggers (TensorBoard, W&B, ...) beside the log file that is always written.
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
    found = scan(folder, progress=scanning)
    settled = _resumed(out, recipe, base, training) if resuming else None
    settled = settled or _settled(found, recipe, base, training, out, say)
    files = _usable(found, settled)
    _same_files(out, files, check=resuming)
    kept, held = split(files, settled.training.held_out, settled.training.seed)
    say(f"{len(kept)} sounds to train on, {len(held)} held out, {len(found.left_out)} files left out.")
    if threads:
        torch.set_num_threads(threads)

    start = load(settled.base) if settled.base else None
    sounds = _sounds(found.folder, kept, settled)
    family = _family(settled, sounds, start)
    run = Run(out, settled, kept, (start.name, start.card) if start else None)
    run.write_recipe()
    examples = Examples(sounds, settled.model.rate, family.config.augments, settled.training)
    module = DiffusionTraining(family, examples, settled.training, workers)
    watch = None
    if held:
        watch = HeldOut(_sounds(found.folder, held, settled, sounds.labels), examples.levels, settled.training.seed)
    callbacks: list[L.Callback] = [Averaging(), Keeper(run, watch), StopOnInterrupt()]
    if progress:
        callbacks.append(ProgressBar())
    trainer = _trainer(settled, device, devices, callbacks, [JsonLines(out / LOG), *loggers], out)
    if resuming:
        say(f"Going on with the training in {out}.")
    _fit(trainer, module, out / LAST if resuming else None)
    if module.seen < settled.training.examples:
        say(f"Stopped after {module.seen} of {settled.training.examples} examples; the same command goes on.")
    return load_folder(out)


def _settled(
    found: Scan, recipe: Any, base: str | None, training: dict[str, Any], out: Path, say: Callable[[str], None]
) -> TrainingRecipe:
    """The recipe of a new run: given, read, or chosen."""
    if (out / "config.json").exists():
        raise RequestError(f"{out} already holds a finished model; choose another folder for the new one.")
    if recipe is not None and base is not None:
        raise RequestError("A recipe and a base model exclude each other; put 'base: NAME' into the recipe.")
    if not found.files:
        raise DataError(
            f"None of the {len(found.left_out)} audio files in {found.folder} can be used "
            f"({found.left_out[0].path}: {found.left_out[0].reason}); 'wavesmith scan' tells more."
        )
    if isinstance(recipe, TrainingRecipe):
        return recipe.changed(**training)
    if recipe is not None:
        return read_recipe(recipe).changed(**training)
    chosen, reasons = choose(found.files, load(base).family.config if base else None, base)
    for reason in reasons:
        say(reason)
    return chosen.changed(**training)


def _resumed(out: Path, recipe: Any, base: str | None, training: dict[str, Any]) -> TrainingRecipe:
    """The recipe of the run in `out`; only its length may be changed half-way."""
    before = read_recipe(out / RECIPE)
    asked = before.changed(**training)
    longer = before.changed(examples=asked.training.examples)
    given = None
    if recipe is not None:
        given = (recipe if isinstance(recipe, TrainingRecipe) else read_recipe(recipe)).changed(**training)
    if asked != longer or given not in (None, longer) or base not in (None, before.base):
        raise RequestError(
            f"The training in {out} was begun with other options; only the number of examples can change "
            "half-way. Choose another folder to start anew."
        )
    return longer


def _usable(found: Scan, recipe: TrainingRecipe) -> list[ScannedFile]:
    basis = recipe.data.basis
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


def _copy(source: nn.Module, target: nn.Module) -> None:
    """Copy what fits; only label embeddings may differ."""
    theirs, ours = source.state_dict(), target.state_dict()
    fits = {name: tensor for name, tensor in theirs.items() if name in ours and ours[name].shape == tensor.shape}
    strangers = [name for name in ours if name not in fits and "label" not in name]
    if strangers:
        raise ModelError(
            f"The base model has another network than the recipe ({strangers[0]} differs); "
            "leave the recipe out to use the base's own."
        )
    target.load_state_dict(ours | fits)


def _trainer(
    recipe: TrainingRecipe,
    device: str,
    devices: int,
    callbacks: list[L.Callback],
    loggers: list[Any],
    out: Path,
) -> L.Trainer:
    config = recipe.training
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    accelerator = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}.get(device)
    if accelerator is None:
        raise RequestError(f"There is no device called '{device}'; choose auto, cpu, cuda or mps.")
    bf16 = device in ("auto", "cuda") and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    precision = {"auto": "bf16-mixed" if bf16 else "32-true", "32": "32-true", "bf16": "bf16-mixed"}
    world = devices
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=devices,
            precision=precision.get(config.precision, "16-mixed"),  # type: ignore[arg-type]
            max_steps=-(-config.examples // (config.batch * config.accumulate * world)),
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
    except (RuntimeError, ValueError) as error:
        raise RequestError(f"Cannot train on {devices} x {device} here ({error}); use cpu.") from error


def _fit(trainer: L.Trainer, module: DiffusionTraining, checkpoint: Path | None) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
        except FloatingPointError as error:
            raise ModelError(
                f"Training went astray: {error}; start anew with a lower learning rate, or go on from the "
                "last checkpoint, which is whole."
            ) from error
        except (EOFError, KeyError, OSError, RuntimeError) as error:
            if checkpoint is None or trainer.global_step:
                raise
            raise ModelError(
                f"The checkpoint {checkpoint} is damaged ({type(error).__name__}); delete the folder to start anew."
            ) from error
