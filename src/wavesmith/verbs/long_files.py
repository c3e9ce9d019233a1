"""Verbs from file to file, window after window, in memory that does not grow with the length of the sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from wavesmith.audio_file import Bits, check_target
from wavesmith.data.audible import check_audible
from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.recipe import Recipe, Source
from wavesmith.streaming import AudioFile, ResumableWriter
from wavesmith.verbs.source_adapter import SourceAdapter
from wavesmith.verbs.verb import Progress, Task, Verb


class MadeFile(NamedTuple):
    """A written file: its recipe, which the file carries as well, and the peak before clipping."""

    recipe: Recipe
    peak: float


@torch.inference_mode()
def make_file(
    verb: Verb[Any],
    model: Model,
    source: str | Path | AudioFile,
    out: str | Path,
    *,
    index: int = 0,
    seed: int | None = None,
    bits: Bits = 24,
    progress: Progress | None = None,
    **requested: Any,
) -> MadeFile:
    """Make one sound of a verb that has `blocks`, such as `RESTYLE`, from file to file.

    After an interruption the same call resumes. The file has the samples that the verb makes in memory.

    Args:
        verb: a verb with `blocks`.
        model: what `load` returned.
        source: a sound file of any rate, length and number of channels; an `AudioFile`, which remembers its
            hash and peak, if several sounds are made of it.
        out: the file to write, ending in .wav or .flac.
        index: number of the sound among those of the seed.
        seed: see `generate`; needed to resume an interrupted run.
        bits: see `Sound.write`.
        progress: called with (windows done, windows in all).
        requested: settings of the verb.

    Raises:
        RequestError: for a request that this model cannot follow, or a verb without `blocks`.
        AudioError: when the source is empty, silent or cannot be read.
        WavesmithError: when `out` cannot be written.
    """
    if verb.blocks is None:
        raise RequestError(f"{verb.name} cannot work on parts of a file; use it in memory.")
    out, audio = Path(out), _opened(source)
    check_target(out, bits)
    task, adapter = _task(verb, model, audio, seed, requested), SourceAdapter(audio, model)
    recipe, total = verb.recipe(task, index), len(adapter.windows())
    writer = ResumableWriter(out, recipe, audio.rate, adapter.channels)
    made = None if writer.pending is None else torch.from_numpy(writer.pending)
    for done, rest in verb.blocks(task, adapter, index, writer.parts, made):
        writer.add(done.numpy(), rest.numpy())
        if progress:
            progress(writer.parts, total)
    gain = adapter.gain_to(writer.peak, task.settings.peak_db)
    writer.finish(gain, bits)
    return MadeFile(recipe, gain * writer.peak)


def file_recipe(
    verb: Verb[Any],
    model: Model,
    source: str | Path | AudioFile,
    *,
    index: int = 0,
    seed: int | None = None,
    **requested: Any,
) -> Recipe:
    """Return the recipe of the file that `make_file` would write; nothing is made."""
    return verb.recipe(_task(verb, model, _opened(source), seed, requested), index)


def _opened(source: str | Path | AudioFile) -> AudioFile:
    return source if isinstance(source, AudioFile) else AudioFile(source)


def _task(
    verb: Verb[Any], model: Model, audio: AudioFile, seed: int | None, requested: dict[str, Any]
) -> Task[Any]:
    settings, sampling = verb.settle(model, 1, **requested)
    check_audible(audio, str(audio.path))
    origin = Source(path=str(audio.path), sha256=audio.sha256, recipe=audio.recipe)
    return Task(model, settings, sampling, verb.check_seed(seed), (), (origin,))
