"""Train a model on a folder of sounds, or go on where an earlier run stopped."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning as L
import torch

from wavesmith.data import AUGMENT_FEATURES, Scan, ScannedFile, SoundDataset, scan, split
from wavesmith.errors import DataError, ModelError, RequestError
from wavesmith.families import on_meta_device
from wavesmith.families.diffusion import DiffusionConfig, DiffusionModel
from wavesmith.files import replacing
from wavesmith.models import Model, load, load_folder, measure_timbres
from wavesmith.models.model_folder import CONFIG, save_timbre
from wavesmith.networks import parameters
from wavesmith.training.callbacks import Averaging, JsonLines, ProgressBar, Speed, StopOnInterrupt
from wavesmith.training.checkpointing import Keeper
from wavesmith.training.config import TrainingRecipe, read_recipe
from wavesmith.training.defaults import choose
from wavesmith.training.demo_distance import FEWEST, Likeness
from wavesmith.training.examples import Examples
from wavesmith.training.hardware import Machine
from wavesmith.training.held_out import HeldOut
from wavesmith.training.module import DiffusionTraining
from wavesmith.training.run_folder import LAST, LOG, RECIPE, TRAINING, Run
from wavesmith.verbs import VERBS

FILES = TRAINING / "files.sha256"
_FIT_SOUNDS = 512  # sounds that transform statistics are measured on
_FRESH = ("label.weight", "augment.weight")  # what a base need not have
_UNREADABLE = (  # what files that are no checkpoints of this training lead to, in torch and in Lightning
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    UnpicklingError,
    ValueError,
)


def train(
    folder: str | Path,
    out: str | Path,
    *,
    recipe: str | Path | TrainingRecipe | None = None,
    base: str | None = None,
    licences: Sequence[str] | None = None,
    opt_out: str | Path | None = None,
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
        licences: train only on sounds under these, such as `["cc0", "cc-by"]` (see `docs/licences.md`).
        opt_out: a list of sounds, authors and sources that must not be trained on, beside `opt-out.txt` in
            the folder.
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
    out, machine = Path(out), Machine(device, devices, workers, threads, compiled)
    checkpoint = out / LAST if (out / LAST).is_file() else None
    _check_places(Path(folder), out)
    machine.prepare()
    asked = _asked(out, recipe, base, licences, training)
    if checkpoint and asked and _is_complete(checkpoint, asked, machine):
        found = scan(folder, licences=asked.data.licences, opt_out=opt_out, progress=scanning)
        _check_same_files(out, digest(usable(found, asked)))
        say(f"The training in {out} is complete; ask for more examples to go on.")
        return load_folder(out)
    base = asked.base if asked else base
    start = load(base) if base else None
    if asked:
        _check_model(asked, start)

    admitted = asked.data.licences if asked else licences
    found = scan(folder, licences=admitted, opt_out=opt_out, progress=scanning)
    settled = asked or _chosen(found, start, training, say).admitting(licences)
    files = usable(found, settled)
    sounds = digest(files)
    if checkpoint:
        _check_same_files(out, sounds)
    kept, held = split(files, settled.training.held_out, settled.training.seed)
    say(f"{len(kept)} sounds to train on, {len(held)} held out, {len(found.left_out)} files left out.")

    module, held_out, likeness = _prepared(found.folder, kept, held, settled, start, machine)
    speed = Speed()
    bars = [ProgressBar(speed)] if progress else []
    report = (lambda sentence: None) if any(bar.live for bar in bars) else say  # a bar says enough by itself
    keeper = Keeper(Run(out, settled, kept, held, start), held_out, likeness, speed, report)
    callbacks = [Averaging(), speed, keeper, StopOnInterrupt(), *bars]
    trainer = machine.trainer(settled.training, out, callbacks, [JsonLines(out / LOG), *loggers])
    say(_what_trains(module.family, trainer))
    keeper.run.write_recipe()
    _write_digest(out, sounds)
    if checkpoint:
        say(f"Going on with the training in {out}.")
    _fit(trainer, module, checkpoint)
    if keeper.gave_up:
        say(
            f"The held-out loss has not fallen for {module.seen - keeper.waiting_since} examples: done after "
            f"{module.seen} of {settled.training.examples}."
        )
    elif module.seen < settled.training.examples:
        say(f"Stopped after {module.seen} of {settled.training.examples} examples; the same command goes on.")
        interrupted()
    elif trainer.is_global_zero:
        save_timbre(out, measure_timbres(load_folder(out), found.folder, kept))
    return load_folder(out)


def _check_places(folder: Path, out: Path) -> None:
    if out.is_file():
        raise RequestError(f"{out} is a file; give a folder for the model.")
    if not (out / LAST).is_file() and (out / CONFIG).exists():
        raise RequestError(f"{out} already holds a finished model; choose another folder for the new one.")
    if out.resolve().is_relative_to(folder.resolve()):  # demos would be scanned as sounds
        raise RequestError("The model's folder lies inside the folder of sounds; choose an --out outside it.")


def _asked(
    out: Path,
    recipe: str | Path | TrainingRecipe | None,
    base: str | None,
    licences: Sequence[str] | None,
    training: dict[str, Any],
) -> TrainingRecipe | None:
    """The recipe as far as it is known before the sounds are: None if they are to decide."""
    if recipe is not None and base is not None:
        raise RequestError("A recipe and a base model exclude each other; put 'base: NAME' into the recipe.")
    if (out / LAST).is_file():
        return _resumed(out, recipe, base, licences, training)
    if recipe is not None:
        return _given(recipe).changed(**training).admitting(licences)
    read_recipe("drums").changed(**training)  # bad options are refused now, whatever the sounds will be
    return None


def _is_complete(checkpoint: Path, recipe: TrainingRecipe, machine: Machine) -> bool:
    """Whether there is nothing left to do; RequestError when there is already more than was asked for."""
    (seen, gave_up), step = _progress(checkpoint), machine.examples_per_step(recipe.training)
    end = -(-recipe.training.examples // step) * step
    if seen > end:
        raise RequestError(
            f"The training in {checkpoint.parents[1]} has already seen {seen} examples; ask for more."
        )
    return seen == end or (gave_up and recipe == read_recipe(checkpoint.parents[1] / RECIPE))


def _progress(checkpoint: Path) -> tuple[int, bool]:
    """Examples seen, and whether patience has run out."""
    try:
        state = dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        keeper = state.get("callbacks", {}).get(Keeper.__qualname__, {})
        return int(state["seen"]), bool(keeper.get("gave_up"))
    except _UNREADABLE as error:
        raise _damaged(checkpoint, error) from error


def _check_model(recipe: TrainingRecipe, base: Model | None) -> None:
    """Find out before the sounds are read whether it can be built, can make demos and fits its base.

    Raises:
        RequestError: if it cannot.
        ModelError: when the base has another network.
    """
    try:
        with on_meta_device():
            family = _build(recipe, base.labels if base else ())
    except (RuntimeError, ValueError, OverflowError) as error:
        raise RequestError(f"The recipe's model cannot be built ({error}); change the recipe.") from error
    VERBS["generate"].settle(Model("recipe", "", family))
    if base:
        _check_fit(base.family, family)


def _chosen(
    found: Scan, base: Model | None, training: dict[str, Any], say: Callable[[str], None]
) -> TrainingRecipe:
    """The recipe that suits the sounds; says why."""
    config, name = (base.family.config, base.name) if base else (None, None)
    recipe, reasons = choose(usable(found, None), config, name, **training)
    for reason in reasons:
        say(reason)
    return recipe


def _given(recipe: str | Path | TrainingRecipe) -> TrainingRecipe:
    return recipe if isinstance(recipe, TrainingRecipe) else read_recipe(recipe)


def _resumed(
    out: Path,
    recipe: str | Path | TrainingRecipe | None,
    base: str | None,
    licences: Sequence[str] | None,
    training: dict[str, Any],
) -> TrainingRecipe:
    """The recipe of the run in `out`; only when it ends may be changed half-way."""
    before = read_recipe(out / RECIPE)
    asked = (before if recipe is None else _given(recipe)).changed(**training).admitting(licences)
    length = training.get("examples") or max(asked.training.examples, before.training.examples)
    patience = asked.training.patience
    other_end = before.changed(examples=length, patience=patience)
    if asked.changed(examples=length) != other_end or base not in (None, before.base):
        raise RequestError(
            f"The training in {out} was begun with other options; only the number of examples and the "
            "patience can change half-way. Choose another folder to start anew."
        )
    return other_end


def usable(found: Scan, recipe: TrainingRecipe | None) -> list[ScannedFile]:
    """The sounds that the recipe admits, at least one; DataError if there is none."""
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


def digest(files: Sequence[ScannedFile]) -> str:
    """What tells whether a run is gone on with on the sounds that it was begun with."""
    return hashlib.sha256("\n".join(f"{f.path} {f.label} {f.sha256}" for f in files).encode()).hexdigest()


def _check_same_files(out: Path, sounds: str) -> None:
    path = out / FILES
    if path.is_file() and path.read_text(encoding="utf-8").strip() != sounds:
        raise DataError(
            f"The sounds have changed since the training in {out} began; put them back as they were, or "
            "choose another folder to start anew."
        )


def _write_digest(out: Path, sounds: str) -> None:
    with replacing(out / FILES) as temporary:
        temporary.write_text(sounds + "\n", encoding="utf-8")


def _sounds(
    folder: str, files: Sequence[ScannedFile], recipe: TrainingRecipe, labels: Sequence[str] | None = None
) -> SoundDataset:
    model = recipe.model
    return SoundDataset(
        folder, files, rate=model.rate, channels=model.channels, length=model.length, labels=labels
    )


def _prepared(
    folder: str,
    kept: Sequence[ScannedFile],
    held: Sequence[ScannedFile],
    recipe: TrainingRecipe,
    base: Model | None,
    machine: Machine,
) -> tuple[DiffusionTraining, HeldOut | None, Likeness | None]:
    """What trains, from its first example on, and what judges it and its demos."""
    sounds, seed = _sounds(folder, kept, recipe), recipe.training.seed
    family = _family(recipe, sounds, base)
    examples = Examples(sounds, recipe.model.rate, family.config.augments, recipe.training)
    module = DiffusionTraining(family, examples, recipe.training, machine.workers, machine.compiled)
    if not held:
        return module, None, None
    unheard = _sounds(folder, held, recipe, sounds.labels)
    likeness = Likeness(unheard, sounds, recipe.model.rate) if len(unheard) >= FEWEST else None
    return module, HeldOut(unheard, examples.levels, seed), likeness


def _build(recipe: TrainingRecipe, labels: Sequence[str]) -> DiffusionModel:
    return DiffusionModel(
        DiffusionConfig(labels=tuple(labels), augments=len(AUGMENT_FEATURES), **dict(recipe.model))
    )


def _family(recipe: TrainingRecipe, sounds: SoundDataset, base: Model | None) -> DiffusionModel:
    """A new network, or the base's with fresh labels where its own differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        family = _build(recipe, sounds.labels)
    if base is None:
        step = -(-len(sounds) // _FIT_SOUNDS)
        family.transform.fit(torch.stack([sounds[i].wave for i in range(0, len(sounds), step)]))
    else:
        _copy(base.family, family)
    return family


def _check_fit(source: DiffusionModel, target: DiffusionModel) -> None:
    """Refuse a base of another network; labels and augmentations may differ."""
    theirs = source.state_dict()
    for name, tensor in target.state_dict().items():
        same = name in theirs and theirs[name].shape == tensor.shape
        if not same and not name.endswith(_FRESH):
            raise ModelError(
                f"The base model has another network than the recipe ({name} differs); "
                "leave the recipe out to use the base's own."
            )


def _copy(source: DiffusionModel, target: DiffusionModel) -> None:
    """Copy the weights; labels that both know keep what was learned of them, new ones start fresh.

    So do augmentations, which have no effect at first, where the source was not told of any.
    """
    theirs, ours = source.state_dict(), target.state_dict()
    shared = sorted(set(source.config.labels) & set(target.config.labels))
    for name in theirs.keys() & ours.keys():
        if name.endswith("label.weight"):
            for label in shared:
                column = theirs[name][:, source.config.labels.index(label)]
                ours[name][:, target.config.labels.index(label)] = column
        elif theirs[name].shape == ours[name].shape:
            ours[name].copy_(theirs[name])


def _what_trains(family: DiffusionModel, trainer: L.Trainer) -> str:
    precision = str(trainer.precision).split("-")[0]
    return (
        f"{parameters(family) / 1e6:.1f} million parameters, on {trainer.num_devices} x "
        f"{trainer.strategy.root_device.type}, precision {precision}."
    )


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
        except _UNREADABLE as error:
            if checkpoint is None or module.started:
                raise
            raise _damaged(checkpoint, error) from error


def _damaged(checkpoint: Path, error: Exception) -> ModelError:
    return ModelError(
        f"The checkpoint {checkpoint} is damaged or of another training ({type(error).__name__}); "
        "choose another folder to start anew."
    )
