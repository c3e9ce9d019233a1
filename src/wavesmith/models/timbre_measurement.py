"""Tables of timbres for models: what percentiles refer to when a model is steered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from torch import Tensor

from wavesmith.data import ScannedFile, SoundDataset, scan
from wavesmith.descriptors import TimbreTable, measure
from wavesmith.errors import DataError, ModelError
from wavesmith.models.model import Model
from wavesmith.models.model_folder import CONFIG, load_folder, save_timbre

_MOST = 2000
"""Sounds that are measured; more do not move percentiles."""


def measure_timbres(
    model: Model,
    folder: str | Path,
    files: Sequence[ScannedFile],
    progress: Callable[[int, int], None] | None = None,
) -> TimbreTable:
    """Measure the timbres of sounds in the form in which the model learns them.

    Args:
        model: whose rate, channels and length the sounds are brought to.
        folder: where the files are.
        files: of the sounds; out of more than 2000, so many are taken evenly.
        progress: called with (sounds measured, sounds in all).
    """
    config = model.family.config
    chosen = files[:: -(-len(files) // _MOST)]
    sounds = SoundDataset(
        folder, chosen, rate=config.rate, channels=config.channels, length=config.length, memory=0
    )

    def waves() -> Iterator[tuple[Tensor, str | None]]:
        for done, entry in enumerate(chosen, start=1):
            yield sounds[done - 1].wave, entry.label
            if progress:
                progress(done, len(chosen))

    return measure(waves(), config.rate)


def write_timbres(
    model: str | Path,
    sounds: str | Path,
    *,
    scanning: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TimbreTable:
    """Measure the timbres of a folder of sounds, and write them into a model folder as `timbre.json`.

    Args:
        model: a model folder.
        sounds: a folder of sounds, best those that the model was trained on; sub-folders are labels.
        scanning: called with (files looked at, files in all).
        progress: called with (sounds measured, sounds in all).

    Raises:
        ModelError: when there is no model folder, or it is damaged.
        DataError: when the folder has no usable sound.
        WavesmithError: when the model folder cannot be written.
    """
    if not (Path(model) / CONFIG).is_file():
        raise ModelError(f"{model} is no model folder, into which timbres could be written; give its path.")
    loaded = load_folder(model)
    files = scan(sounds, progress=scanning).files
    if not files:
        raise DataError(f"There is no usable sound in {sounds}; 'wavesmith scan' tells why.")
    table = measure_timbres(loaded, sounds, files, progress)
    save_timbre(model, table)
    return table
