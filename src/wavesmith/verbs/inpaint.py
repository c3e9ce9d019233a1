"""Parts of a sound made anew so that they fit what stays, and sounds made longer the same way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.constraints import constrained, held
from wavesmith.verbs.settings import Settings, check_seconds, check_share
from wavesmith.verbs.source_adapter import SourceAdapter, worked
from wavesmith.verbs.vary import beginning
from wavesmith.verbs.verb import Given, Progress, Task, Verb
from wavesmith.verbs.walk import denoiser_of, descend, noise_of
from wavesmith.verbs.windows import crossfade, holding

Regions = Sequence[tuple[float, float]]

_SEAM_SECONDS = 0.005
_GRAIN_SECONDS = 0.05  # beside a region: what is mirrored into it, again and again
_BRIDGE_SECONDS = 0.5  # longest region whose surroundings say what is in it
_BRIDGE_AMOUNT = 0.5  # how far what is new may differ from that; noise about as loud as the sound itself


class InpaintSettings(Settings):
    """What `inpaint` can be asked for.

    Attributes:
        regions: parts to make anew, (start, end) in seconds.
        amount: 1 makes them wholly anew, less stays nearer to what is there, 0 leaves it. For 1, and
            unless `label`, `avoid` or `guide` is asked for, a region of up to half a second goes on with what
            stands on both sides of it.
    """

    regions: tuple[tuple[float, float], ...]
    amount: float = 1.0

    def check(self, model: Model) -> None:
        """Refuse regions that are none, too."""
        super().check(model)
        check_share("amount", self.amount)
        if not self.regions:
            raise RequestError("No region was given to make anew; give one, such as 0.2 to 0.5 seconds.")
        ends = 0.0
        for start, end in sorted(self.regions):
            if not 0 <= start < end < math.inf:
                raise RequestError(
                    f"A region from {start:g} to {end:g} seconds makes no sense; "
                    "it must begin at 0 or later, and end after that."
                )
            if start < ends:
                raise RequestError(f"Two regions overlap at {start:g} seconds; make them one.")
            ends = end


class ExtendSettings(Settings):
    """What `extend` can be asked for.

    Attributes:
        before: seconds to add at the beginning.
        after: seconds to add at the end.
    """

    before: float = 0.0
    after: float = 0.0

    def check(self, model: Model) -> None:
        """Refuse to add nothing, or for ever, too."""
        super().check(model)
        if not (0 <= self.before < math.inf and 0 <= self.after < math.inf):
            raise RequestError("A sound cannot be extended by less than 0 seconds; give 0 or more.")
        if self.before + self.after == 0:
            raise RequestError("Nothing is to be added; say how many seconds before or after.")
        check_seconds(self.before + self.after)


def inpaint(
    model: Model,
    sound: Given,
    regions: Regions,
    n: int = 1,
    *,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make parts of a sound anew; everything else stays as it is, sample for sample.

    Args:
        model: what `load` returned.
        sound: of any rate, length and number of channels, or the file it is in.
        regions: (start, end) in seconds, one or several.
        n: how many different results.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `amount` (1 for wholly new, less for nearer to what is there), and the fields of `Settings`.

    Returns:
        Sounds in the form of the source (of more than two channels the first two), each with its recipe.

    Raises:
        RequestError: when a region lies outside the sound, or the model cannot follow the request.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        INPAINT.stream(
            model, sound, n=n, seed=seed, first=first, progress=progress, regions=regions, **choices
        )
    )


def extend(
    model: Model,
    sound: Given,
    n: int = 1,
    *,
    before: float = 0.0,
    after: float = 0.0,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make a sound longer: seconds `before` that lead to it, and `after` that it leads to.

    The other arguments, what is returned and raised are as for `inpaint`.
    """
    return list(
        EXTEND.stream(
            model,
            sound,
            n=n,
            seed=seed,
            first=first,
            progress=progress,
            before=before,
            after=after,
            **choices,
        )
    )


def renewed(task: Task[Any], source: Sound, new: Tensor, index: int, amount: float = 1.0) -> Sound:
    """The source with the frames where `new` `[frames]` is true made anew, wholly or by an amount below 1.

    What is new is no louder than full scale, or than the source if that is louder.
    """
    bench, family = SourceAdapter(source, task.model), task.model.family
    kept = bench.kept(0, source.frames)
    if amount == 0:
        return Sound.from_tensor(kept, source.rate)
    share = _risen(new, source.rate)

    def process(start: int, stop: int, known: Tensor | None) -> Tensor:
        wave = bench.take(start, stop)
        length = wave.shape[-1]
        held_share = 1 - _at_rate(share[start:stop], length, bench)
        if known is not None:
            wave, held_share = _with_beginning(wave, held_share.to(wave), known)
        if bool((held_share == 1).all()) or (amount < 1 and not wave.any()):
            return wave
        fitting = constrained(
            denoiser_of(task.model, task.settings, 1, length), family, length, held(wave, held_share.to(wave))
        )
        noise = noise_of(task.model, task.seed, [(index, start)], length)
        x, sigmas = beginning(family.transform.encode(wave[None]), amount, task.settings, noise())
        features = descend(fitting, task.settings, x, sigmas, noise)
        return family.transform.decode(features, length)[0].float()

    made = torch.cat([done for done, _ in worked(bench, process)], dim=-1)
    made *= bench.gain_to(float((share * made).abs().max()), None)
    return Sound.from_tensor(torch.where(share > 0, kept + share * (made - kept), kept), source.rate)


def _risen(new: Tensor, rate: int) -> Tensor:
    """Shares `[frames]` of what is new: 0 outside, rising over 5 ms inside the edges of what is true."""
    places = torch.arange(len(new))
    before = torch.where(new, -len(new) * 2, places).cummax(0).values
    after = torch.where(new, len(new) * 3, places).flip(0).cummin(0).values.flip(0)
    inside = torch.minimum(places - before, after - places) / max(1.0, _SEAM_SECONDS * rate)
    return 0.5 - 0.5 * torch.cos(math.pi * inside.clamp(max=1))


def _at_rate(share: Tensor, length: int, bench: SourceAdapter) -> Tensor:
    """Shares of a part of the source for `length` samples of the model; beyond it, as at its last frame."""
    places = (torch.arange(length) * (bench.audio.rate / bench.model.rate)).long()
    return share[places.clamp(max=len(share) - 1)]


def _with_beginning(wave: Tensor, share: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Let a window begin with what is made of it already."""
    overlap = min(known.shape[-1], wave.shape[-1])
    wave = torch.cat([known[:, :overlap], wave[:, overlap:]], dim=-1)
    return wave, torch.maximum(share, holding(overlap, wave.shape[-1], wave))


@torch.inference_mode()
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
    if amount == 1 and not (settings.label or settings.avoid or settings.guide):
        bridge = _bridged(source, spans)
        source, amount = (source, amount) if bridge is None else (bridge, _BRIDGE_AMOUNT)
    for index in indices:
        made = renewed(task, source, new, index, amount)
        yield made if task.settings.peak_db is None else made.normalise(task.settings.peak_db)


def _bridged(source: Sound, spans: Sequence[tuple[int, int]]) -> Sound | None:
    """The source with what stands on either side of each span of frames mirrored into it and crossfaded.

    A walk that starts from there under noise (Meng et al. 2022, SDEdit, arXiv:2108.01073) knows the level and
    the pitch around. One from noise alone has settled the span long before the noise lets it hear what is
    around (Lugmayr et al. 2022, RePaint, arXiv:2201.09865, section 4.2). None when a span has sound on one
    side only, when it is too long to be told from its sides, or when these are silent.
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
    """The source with so many frames added; its first or last 5 ms are made anew with them, as a seam."""
    seam = min(round(_SEAM_SECONDS * source.rate), source.frames // 4)
    longer = Sound(np.pad(source.samples, ((0, 0), (before, after))), source.rate)
    new = torch.zeros(longer.frames, dtype=torch.bool)
    new[: before and before + seam] = True
    new[longer.frames - (after and after + seam) :] = True
    return renewed(task, longer, new, index)


@torch.inference_mode()
def _extend(task: Task[ExtendSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    before, after = (round(s * source.rate) for s in (task.settings.before, task.settings.after))
    for index in indices:
        made = extended(task, source, before, after, index)
        yield made if task.settings.peak_db is None else made.normalise(task.settings.peak_db)


INPAINT = Verb("inpaint", InpaintSettings, _inpaint, sources=1)
EXTEND = Verb("extend", ExtendSettings, _extend, sources=1)
