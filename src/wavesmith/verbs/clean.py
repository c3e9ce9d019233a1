"""Noise taken off a recording: its own noise is where the walk starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wavesmith.diffusion import Denoiser, schedule
from wavesmith.errors import RequestError
from wavesmith.models import Model
from wavesmith.sound import Sound
from wavesmith.transforms import SpectralConfig, Transform
from wavesmith.verbs.latent import FLOOR, own_level
from wavesmith.verbs.settings import Settings
from wavesmith.verbs.source_adapter import SourceAdapter, worked
from wavesmith.verbs.verb import Given, Progress, Task, Verb
from wavesmith.verbs.walk import denoiser_of, noise_of

_QUIET_SHARE = 0.15  # of the moments, taken for noise alone
_MOMENT_SECONDS = 0.0116
_MOST_WINDOWS = 64  # of a long sound are listened to for its noise
_STEPS = 24
_MOST_NOISE = 2.5  # times its level; noise is rarely louder, so what is taken off never is


class CleanSettings(Settings):
    """What `clean` can be asked for.

    Attributes:
        strength: how loud its noise is taken to be, as a multiple of what is measured; 0 leaves it alone.
    """

    strength: float = 1.0

    def check(self, model: Model) -> None:
        """Refuse strengths that make no sense, too."""
        super().check(model)
        if not 0 <= self.strength <= 10:
            raise RequestError(f"A strength of {self.strength:g} makes no sense; choose 0 to 10, such as 1.")


def clean(
    model: Model,
    sound: Given,
    *,
    strength: float = 1.0,
    seed: int = 0,
    progress: Progress | None = None,
    **choices: Any,
) -> Sound:
    """Take the noise off a recording.

    The noise of each band is measured where the sound is quietest. The sound is then taken for one that is
    on its way down the walk, each band at the level of its own noise. What the model would change beyond
    what noise can have done (two and a half times its level) stays as it was.

    Args:
        model: what `load` returned; it should know sounds of this kind.
        sound: of any rate, length and number of channels, or the file it is in.
        strength: more than 1 takes more off, less than 1 leaves more.
        seed: of the noise that brings all bands to one level.
        progress: see `generate`.
        choices: fields of `Settings`, such as `label`.

    Returns:
        A sound in the form of the source (of more than two channels the first two), with its recipe.

    Raises:
        RequestError: for a request that makes no sense.
        AudioError: when the source is empty, silent or cannot be read.
    """
    choices |= {"strength": strength}
    (cleaned,) = CLEAN.stream(model, sound, seed=seed, progress=progress, **choices)
    return cleaned


def noise_floor(bench: SourceAdapter, transform: Transform) -> Tensor:
    """The level of a sound's noise `[F, 1]` in every band of a transform: its rms where it is quietest."""
    windows = bench.windows()
    every = -(-len(windows) // _MOST_WINDOWS)
    spans = [windows.span(k) for k in range(0, len(windows), every)]
    frames = torch.cat([transform.encode(bench.take(*span)[None])[0] for span in spans], dim=1)
    moment = min(max(1, round(_MOMENT_SECONDS * bench.model.rate / transform.hop)), frames.shape[1])
    power = F.avg_pool1d(frames.square()[None], moment)[0]
    loudness = power.mean(0)
    order = loudness.argsort()[int((loudness == 0).sum()) :]  # digital silence has no noise to learn from
    if not len(order):
        return frames.new_zeros(len(frames), 1)
    return power[:, order[: max(1, round(_QUIET_SHARE * len(order)))]].mean(1, keepdim=True).sqrt()


@torch.inference_mode()
def _make(task: Task[CleanSettings], indices: Sequence[int]) -> Iterator[Sound]:
    (source,) = task.sources
    model, settings = task.model, task.settings
    bench = SourceAdapter(source, model)
    if settings.strength == 0:
        same = bench.levelled(bench.kept(0, source.frames), settings.peak_db)
        yield from (same for _ in indices)
        return
    transform = model.family.transform
    hop = max(8, 2 * round(_MOMENT_SECONDS * model.rate / 2))
    plain = SpectralConfig(hop=hop, power=1.0).build(model.channels).to(model.device)
    floor = settings.strength * noise_floor(bench, transform)
    most = _MOST_NOISE * settings.strength * noise_floor(bench, plain)
    for index in indices:

        def process(start: int, stop: int, known: Tensor | None, index: int = index) -> Tensor:
            wave = bench.take(start, stop)
            length = wave.shape[-1]
            eps = noise_of(model, task.seed, [(index, start)], length)()
            z = _denoised(
                denoiser_of(model, settings, 1, length), transform.encode(wave[None]), floor, eps, settings
            )
            heard, cleaned = plain.encode(wave[None]), plain.encode(transform.decode(z, length).float())
            taken = (cleaned - heard).clamp(-most, most)
            return plain.decode(heard + taken, length)[0]

        wave = torch.cat([done for done, _ in worked(bench, process)], dim=-1)
        yield bench.levelled(wave, settings.peak_db)


def _denoised(denoiser: Denoiser, z: Tensor, floor: Tensor, eps: Tensor, settings: Settings) -> Tensor:
    """Features without noise whose level `floor` `[F, 1]` differs from band to band.

    While the walk is above a band's own level, the band is what was heard and as much noise as is missing;
    from there on it follows the walk (Kawar et al. 2022, arXiv:2201.11793, without their fresh noise).
    """
    top = min(float(floor.max()), settings.sigma_max)
    low = max(FLOOR * own_level(z), 1e-3 * top)
    if top <= 0:
        return z
    sigmas = schedule("karras", max(_STEPS, settings.steps), min(low, 0.5 * top), top).tolist()
    x = z
    for sigma, following in pairwise(sigmas):
        missing = (sigma**2 - floor.square()).clamp(min=0).sqrt()
        x = torch.where(floor < sigma, z + missing * eps, x)
        denoised = denoiser(x, x.new_full((len(x),), sigma))
        x = torch.lerp(denoised, x, following / sigma)
    return x


CLEAN = Verb("clean", CleanSettings, _make, sources=1)
