"""Inpainting: parts of a sound are replaced so that they fit the rest; extension works the same way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.families import Edits, Family
from wavesmith.models import Model
from wavesmith.sound import Sound, SoundLike
from wavesmith.verbs.constraints import held
from wavesmith.verbs.settings import LONGEST_SECONDS, LabelledSettings
from wavesmith.verbs.source_adapter import SourceAdapter, processed
from wavesmith.verbs.verb import Progress, Task, Verb
from wavesmith.verbs.windows import crossfade, holding

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wavesmith.verb_index import ExtendChoices, InpaintChoices


def _check_regions(regions: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    ends = 0.0
    for start, end in sorted(regions):
        if not 0 <= start < end:
            raise ValueError(
                f"{start:g} to {end:g} is no region; it begins at 0 or later and ends after that"
            )
        if start < ends:
            raise ValueError(f"two regions overlap at {start:g} seconds; make them one")
        ends = end
    return regions


Regions = Annotated[tuple[tuple[float, float], ...], AfterValidator(_check_regions)]

_SEAM_SECONDS = 0.005
_GRAIN_SECONDS = 0.05  # beside a region: is mirrored into it, repeatedly
_BRIDGE_SECONDS = 0.5  # longest region that is filled from its surroundings
_BRIDGE_AMOUNT = 0.5  # amount of change from that; its noise is about as loud as the sound


class InpaintSettings(LabelledSettings):
    """Settings of `inpaint`."""

    regions: Regions = Field(
        min_length=1, max_length=64, description="Parts to replace, each from start to end in seconds."
    )
    amount: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="1 replaces the regions entirely, less stays nearer to the source. With 1, and unless "
        "a label or guide is given, a region of up to half a second continues its surroundings.",
    )


class ExtendSettings(LabelledSettings):
    """Settings of `extend`."""

    before: float = Field(
        default=0.0, ge=0, le=LONGEST_SECONDS, description="Seconds to add at the beginning."
    )
    after: float = Field(default=0.0, ge=0, le=LONGEST_SECONDS, description="Seconds to add at the end.")

    def check(self, model: Model) -> None:
        """Raise RequestError also for no length to add, or too much."""
        super().check(model)
        if self.before + self.after == 0:
            raise RequestError("Nothing is to be added; give seconds before or after.")
        if self.before + self.after > LONGEST_SECONDS:
            raise RequestError(f"before and after are too long together; add {LONGEST_SECONDS:g} at most.")
        if self.before and not isinstance(model.family, Edits):
            raise RequestError("This model can only add at the end; leave before out.")


def inpaint(
    model: Model,
    sound: SoundLike,
    regions: Sequence[tuple[float, float]],
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[InpaintChoices],
) -> list[Sound]:
    """Replace parts of a sound; everything else stays as it is, sample for sample.

    Args:
        model: what `load` returned.
        sound: a `Sound`, a path or `(array, rate)`, of any rate, length and number of channels.
        regions: (start, end) in seconds, one or several.
        count: how many different results.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `amount`, `label` and the other settings listed in docs/inpaint.md.

    Returns:
        Sounds in the form of the source (of more than two channels the first two), each with its recipe.

    Raises:
        RequestError: when a region lies outside the sound, or the model cannot follow the request.
        AudioError: when the source is empty, silent or cannot be read.
    """
    request: dict[str, Any] = {"count": count, "seed": seed, "first": first, "progress": progress}
    return list(INPAINT.stream(model, sound, regions=regions, **request, **choices))


def extend(
    model: Model,
    sound: SoundLike,
    count: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Unpack[ExtendChoices],
) -> list[Sound]:
    """Make a sound longer: add seconds `before` and `after` it.

    Other arguments, results and errors are as for `inpaint`.
    """
    request: dict[str, Any] = {"count": count, "seed": seed, "first": first, "progress": progress}
    return list(EXTEND.stream(model, sound, **request, **choices))


def regenerated(task: Task[Any], source: Sound, new: Tensor, index: int, amount: float = 1.0) -> Sound:
    """Return the source with the frames where `new` `[frames]` is true replaced, entirely or by an amount.

    New frames are no louder than full scale, or than the source if that is louder.
    """
    adapter = SourceAdapter(source, task.model)
    kept = adapter.kept(0, source.frames)
    if amount == 0:
        return Sound.from_tensor(kept, source.rate)
    share, condition = _faded(new, source.rate), task.condition()

    def process(start: int, stop: int, known: Tensor | None) -> Tensor:
        wave = adapter.take(start, stop)
        held_share = 1 - _at_rate(share[start:stop], wave.shape[-1], adapter)
        if known is not None:
            wave, held_share = _with_beginning(wave, held_share.to(wave), known)
        if bool((held_share == 1).all()) or (amount < 1 and not wave.any()):
            return wave
        keep, noise = held(wave, held_share.to(wave)), task.noise([(index, start)])
        edited: Tensor = task.family.edit(wave, amount, condition, task.sampling, noise, keep)
        return edited[0]

    made = torch.cat([done for done, _ in processed(adapter, process)], dim=-1)
    made *= adapter.gain_to(float((share * made).abs().max()), None)
    return Sound.from_tensor(torch.where(share > 0, kept + share * (made - kept), kept), source.rate)


def _faded(new: Tensor, rate: int) -> Tensor:
    """Return shares `[frames]` of new sound: 0 where `new` is false, rising over 5 ms inside its regions."""
    frames = torch.arange(len(new))
    before = torch.where(new, -len(new) * 2, frames).cummax(0).values
    after = torch.where(new, len(new) * 3, frames).flip(0).cummin(0).values.flip(0)
    inside = torch.minimum(frames - before, after - frames) / max(1.0, _SEAM_SECONDS * rate)
    return 0.5 - 0.5 * torch.cos(math.pi * inside.clamp(max=1))


def _at_rate(share: Tensor, length: int, adapter: SourceAdapter) -> Tensor:
    """Resample shares of a part of the source to `length` samples of the model; repeat the last beyond it."""
    frames = (torch.arange(length) * (adapter.audio.rate / adapter.model.rate)).long()
    return share[frames.clamp(max=len(share) - 1)]


def _with_beginning(wave: Tensor, share: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Put the known beginning into a window."""
    overlap = min(known.shape[-1], wave.shape[-1])
    wave = torch.cat([known[:, :overlap], wave[:, overlap:]], dim=-1)
    return wave, torch.maximum(share, holding(overlap, wave.shape[-1], wave))


def _inpaint(task: Task[InpaintSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    new, spans = torch.zeros(source.frames, dtype=torch.bool), []
    for start, end in sorted(task.settings.regions):
        first, last = round(start * source.rate), round(end * source.rate)
        if last > source.frames:
            raise RequestError(
                f"The region from {start:g} to {end:g} seconds is not inside the sound, "
                f"which lasts {source.seconds:.3f} seconds; choose another."
            )
        new[first:last] = True
        spans += [(first, last)] if first < last else []
    if not spans:
        raise RequestError("The regions are shorter than one sample; make them longer.")
    settings, amount = task.settings, task.settings.amount
    conditioned = settings.label or settings.guide or getattr(task.sampling, "avoid", None)
    if amount == 1 and not conditioned:
        bridge = _bridged(source, spans)
        source, amount = (source, amount) if bridge is None else (bridge, _BRIDGE_AMOUNT)
    for index in indices:
        made = regenerated(task, source, new, index, amount)
        yield made if task.settings.peak_db is None else made.normalise(task.settings.peak_db)


def _bridged(source: Sound, spans: Sequence[tuple[int, int]]) -> Sound | None:
    """Return the source with both sides of each span of frames mirrored into the span and crossfaded.

    Sampling that starts from there under noise (Meng et al. 2022, SDEdit, arXiv:2108.01073) keeps the level
    and pitch of the surroundings. Sampling from pure noise decides on the span while the surroundings are
    still hidden in noise (Lugmayr et al. 2022, RePaint, arXiv:2201.09865, section 4.2). Return None when a
    span has sound on one side only, is too long to be filled from its sides, or when these are silent.
    """
    samples = source.samples.copy()
    edges = [0, *(edge for span in spans for edge in span), source.frames]
    for k, (first, last) in enumerate(spans):
        frames = last - first
        beside = (first - edges[2 * k]) // 2, (edges[2 * k + 3] - last) // 2
        if not min(beside) or frames > _BRIDGE_SECONDS * source.rate:
            return None
        left, right = (min(round(_GRAIN_SECONDS * source.rate), side) for side in beside)
        before = np.pad(samples[:, first - left : first], ((0, 0), (0, frames)), "symmetric")[:, left:]
        after = np.pad(samples[:, last : last + right], ((0, 0), (frames, 0)), "symmetric")[:, :frames]
        samples[:, first:last] = crossfade(torch.from_numpy(before), torch.from_numpy(after)).numpy()
    return Sound(samples, source.rate) if samples.any() else None


def extended(task: Task[Any], source: Sound, before: int, after: int, index: int) -> Sound:
    """Return the source with frames added; its first or last 5 ms are replaced with them, as a seam."""
    seam = min(round(_SEAM_SECONDS * source.rate), source.frames // 4)
    longer = Sound(np.pad(source.samples, ((0, 0), (before, after))), source.rate)
    new = torch.zeros(longer.frames, dtype=torch.bool)
    new[: before and before + seam] = True
    new[longer.frames - (after and after + seam) :] = True
    return regenerated(task, longer, new, index)


def _extend(task: Task[ExtendSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    before, after = (round(s * source.rate) for s in (task.settings.before, task.settings.after))
    for index in indices:
        if isinstance(task.family, Edits):
            made = extended(task, source, before, after, index)
        else:
            made = _continued(task, source, after, index)
        yield made if task.settings.peak_db is None else made.normalise(task.settings.peak_db)


def _continued(task: Task[ExtendSettings], source: Sound, after: int, index: int) -> Sound:
    """Return the source followed by the continuation of an autoregressive family."""
    adapter = SourceAdapter(source, task.model)
    wave, length = adapter.take(0, source.frames), adapter.length(after)
    (new,) = task.family.continue_(wave, length, task.condition(), task.sampling, task.noise([index]))
    wave = torch.cat([adapter.kept(0, source.frames), adapter.outward(new, after)], dim=-1)
    return adapter.levelled(wave, None)


def _extending(family: Family, requested: Mapping[str, Any]) -> str:
    return "edit" if "edit" in family.OPERATIONS else "continue_"


INPAINT = Verb(
    "inpaint",
    "Replace parts of a sound so that they fit; the rest stays as it is, sample for sample.",
    InpaintSettings,
    _inpaint,
    ("edit",),
    sources=(1,),
)
EXTEND = Verb(
    "extend",
    "Make a sound longer at its end or its beginning.",
    ExtendSettings,
    _extend,
    ("edit", "continue_"),
    _extending,
    sources=(1,),
)
