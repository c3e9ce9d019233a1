"""Tables of timbres of models: the reference of percentiles in guides."""

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
"""Sounds that are measured; more hardly change percentiles."""


def measure_timbres(
    model: Model,
    folder: str | Path,
    files: Sequence[ScannedFile],
    progress: Callable[[int, int], None] | None = None,
) -> TimbreTable:
    """Measure the timbres of sounds in the model's format.

    Args:
        model: its rate, channels and length are those of the measured sounds.
        folder: folder of the files.
        files: sound files; of more than 2000, every second, third, ... is measured.
        progress: called with (sounds measured, sounds in total).
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
        sounds: a folder of sounds, ideally the model's training sounds; sub-folders are labels.
        scanning: called with (files scanned, files in total).
        progress: called with (sounds measured, sounds in total).

    Raises:
        ModelError: when there is no model folder, or it is damaged.
        DataError: when the folder has no usable sound.
        WavesmithError: when the model folder cannot be written.
    """
    if not (Path(model) / CONFIG).is_file():
        raise ModelError(f"{model} is no model folder; give the path of the folder that gets the table.")
    loaded = load_folder(model)
    files = scan(sounds, progress=scanning).files
    if not files:
        raise DataError(f"There is no usable sound in {sounds}; 'wavesmith scan' shows why.")
    table = measure_timbres(loaded, sounds, files, progress)
    save_timbre(model, table)
    return table
