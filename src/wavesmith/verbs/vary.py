"""Variations of a sound: the walk starts from it, or from the noise that would make it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.diffusion import Denoiser
from wavesmith.diffusion.noise import Index
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.verbs.constraints import constrained, held
from wavesmith.verbs.latent import ascend, both_ways, come_back, own_level, slerp
from wavesmith.verbs.postprocess import begins_with_step, risen, without_dc
from wavesmith.verbs.settings import Settings, check_share
from wavesmith.verbs.source_adapter import SourceAdapter, worked
from wavesmith.verbs.verb import Given, Progress, Task, Verb, batches
from wavesmith.verbs.walk import denoiser_of, descend, levels, noise_of
from wavesmith.verbs.windows import holding

LEAST, MOST = 0.03, 25.0  # noise, relative to a sound's own level, that changes hardly a thing, nearly all


class VarySettings(Settings):
    """What `vary` can be asked for.

    Attributes:
        amount: 0 gives the sound itself, 1 a new sound, and steps between are heard as even.
        method: `noise` starts from the sound under noise; `inversion` from the noise that would make the
            sound, mixed with fresh noise: without guidance, and it takes several times as long.
    """

    amount: float = 0.4
    method: Literal["noise", "inversion"] = "noise"

    def check(self, model: Model) -> None:
        """Refuse amounts that are no share, too."""
        super().check(model)
        check_share("amount", self.amount)


V = TypeVar("V", bound=VarySettings)


def vary(
    model: Model,
    sound: Given,
    n: int = 1,
    *,
    amount: float = 0.4,
    seed: int | None = None,
    first: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> list[Sound]:
    """Make `n` variations of a sound.

    Args:
        model: what `load` returned.
        sound: of any rate, length and number of channels, or the file it is in.
        n: how many.
        amount: 0 gives the sound itself, 1 a new sound.
        seed: see `generate`.
        first: see `generate`.
        progress: see `generate`.
        choices: `method` (`noise` or `inversion`), `label` (what the variations should become), and the
            other fields of `Settings`.

    Returns:
        Sounds at the rate and channels (of more than two the first two) of the source, each with its recipe.

    Raises:
        RequestError: for a request that this model cannot follow.
        AudioError: when the source is empty, silent or cannot be read.
    """
    return list(
        VARY.stream(model, sound, n=n, amount=amount, seed=seed, first=first, progress=progress, **choices)
    )


def level(amount: float, z: Tensor, settings: Settings) -> float:
    """The noise level to start from for an amount: even in the logarithm of sigma.

    Args:
        amount: 0 to 1.
        z: features `[..., F, T]` of the sound, whose level noise is measured against.
        settings: whose walk it is part of.
    """
    own = own_level(z)
    high = min(settings.sigma_max, MOST * own)
    low = min(LEAST * own, 0.5 * high)
    return float(low * (high / low) ** amount)


def varied(
    model: Model,
    settings: VarySettings,
    wave: Tensor,
    seed: int,
    indices: Sequence[Index],
    known: Tensor | None = None,
) -> Tensor:
    """Variations `[B, C, N]` of a wave `[C, N]`, unfinished.

    `known` `[C, V]` is what each begins with; it is held on to over its first half.
    """
    length, transform = wave.shape[-1], model.family.transform
    noise = noise_of(model, seed, indices, length)
    denoiser = denoiser_of(model, settings, len(indices), length)
    if known is not None:
        denoiser = going_on(denoiser, model, known, length)
    z = transform.encode(wave[None])
    eps = noise()
    if settings.method == "inversion" and settings.amount < 1:
        sigmas = both_ways(settings, z)
        plain = denoiser_of(model, settings.without_label(), len(indices), length)
        latent = ascend(plain, z.expand_as(eps), sigmas, eps)
        features = come_back(denoiser, slerp(latent, noise(), settings.amount**2), sigmas)
    else:
        x, sigmas = beginning(z, settings.amount, settings, eps)
        features = descend(denoiser, settings, x, sigmas, noise)
    return transform.decode(features, length).float()


def beginning(z: Tensor, amount: float, settings: Settings, eps: Tensor) -> tuple[Tensor, Tensor]:
    """Where the walk to something that differs from features `z` by an amount starts, and its noise levels.

    For the amount 1 nothing of `z` is left.
    """
    sigmas = levels(settings, level(amount, z, settings) if amount < 1 else None)
    noise = float(sigmas[0]) * eps
    return (z + noise if amount < 1 else noise), sigmas


def going_on(denoiser: Denoiser, model: Model, known: Tensor, length: int) -> Denoiser:
    """A denoiser of sounds that begin with `known` `[C, V]`."""
    overlap = min(known.shape[-1], length)
    wave = F.pad(known[:, :overlap], (0, length - overlap))
    return constrained(denoiser, model.family, length, held(wave, holding(overlap, length, wave)))


@torch.inference_mode()
def _make(task: Task[VarySettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    bench = SourceAdapter(source, task.model)
    if task.settings.amount == 0:
        same = bench.levelled(bench.kept(0, source.frames), task.settings.peak_db)
        yield from (same for _ in indices)
    elif len(bench.windows()) == 1:
        wave = bench.take(0, max(source.frames, bench.native))
        for chosen in batches(task.model, indices):
            for made in varied(task.model, task.settings, wave, task.seed, chosen):
                yield bench.ended(made, [source], task.settings.peak_db)
    else:
        for index in indices:
            wave = torch.cat([done for done, _ in windowed(task, bench, index)], dim=-1)
            yield bench.levelled(wave, task.settings.peak_db)


def windowed(
    task: Task[V],
    bench: SourceAdapter,
    index: int,
    first: int = 0,
    made: Tensor | None = None,
    shape: Callable[[Tensor, Tensor], Tensor] = lambda wave, piece: wave,
) -> Iterator[tuple[Tensor, Tensor]]:
    """A sound varied window after window (see `blocks`); `shape` gets each with its source.

    It has no DC, and begins in silence where its source does.
    """

    def process(start: int, stop: int, known: Tensor | None) -> Tensor:
        piece = bench.take(start, stop)
        if not piece.any():
            return piece
        wave = varied(task.model, task.settings, piece, task.seed, [(index, start)], known)[0]
        wave = without_dc(shape(wave, piece), task.model.rate)
        stepped = start == 0 and begins_with_step(wave) and not begins_with_step(piece)
        return risen(wave, task.model.rate) if stepped else wave

    return worked(bench, process, first, made)


VARY = Verb("vary", VarySettings, _make, sources=1)
