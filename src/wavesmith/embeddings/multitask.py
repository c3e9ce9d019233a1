"""Training of the embedding `multires` on several tasks: label, kit, pitch, damage and identity of a sound.

Every sound comes in several versions: original, perturbed (a later start, a tilt, a little noise) and
damaged. Five losses are added: cross-entropy of labels, of kits, of pitches in semitones and of the kind of
damage (none is one of them), and NT-Xent (Chen et al. 2020, eq. 1) between the original and the perturbed
version, by which copies of a sound stay near it. The heads that the losses need are discarded afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wavesmith.classifiers.fitting import LabelledWaves, fit_examples, one_rise_and_fall, random_stream
from wavesmith.embeddings.multires import Multires, MultiresConfig
from wavesmith.embeddings.training import NO_LABEL, contrast
from wavesmith.errors import DataError
from wavesmith.families import Batch, Objective

LOWEST_NOTE, NOTES = 21, 88
"""Pitch classes: semitones from the lowest A of a piano."""

_LATEST = 0.01  # seconds by which a changed version begins later, at most
_TILT = 2.0  # dB per octave, at most
_NOISE_DB = (-85.0, -58.0)  # re the peak
_KITS_WEIGHT, _PITCH_WEIGHT, _DAMAGE_WEIGHT, _AGAIN_WEIGHT = 0.3, 0.3, 1.0, 1.0
_SMOOTHING = 0.1
_PROJECTION = 64
_PEAK_RATE, _DECAY = 2e-3, 0.05
_CHUNK = 16
_PITCH_WIDTH = 0.7  # semitones: deviation of the target

Damage = Callable[[Tensor, float, int], Tensor]
"""Function of waves `[B, 1, N]`, a strength from 0 (just audible) to 1, and a seed."""


class MultitaskExamples(NamedTuple):
    """Training examples.

    `waves` `[N, 1, frames]`; `labels` and `kits` int64 `[N]`, -1 for none; `notes` float `[N]`, MIDI, NaN for
    none; `weights` `[N]`, proportional to how often each is drawn.
    """

    waves: Tensor
    labels: Tensor
    kits: Tensor
    notes: Tensor
    weights: Tensor


class Versions(NamedTuple):
    """Spectra `short` and `long` `[N, V, ...]` of sounds, and the `kinds` of damage `[N, V]`, 0 for none.

    Version 0 is the original, version 1 is perturbed.
    """

    short: Tensor
    long: Tensor
    kinds: Tensor


@torch.no_grad()
def make_versions(
    embedding: Multires,
    waves: Tensor,
    damages: Sequence[Damage],
    *,
    damaged: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Versions:
    """Make all versions of waves `[N, 1, frames]`: original, perturbed, and `damaged` damaged ones."""
    random = np.random.default_rng(seed)
    shorts, longs = [], []
    kinds = torch.zeros(len(waves), 2 + damaged, dtype=torch.long)
    for start in range(0, len(waves), _CHUNK):
        part = waves[start : start + _CHUNK]
        versions = [part, perturb(part, embedding.rate, random)]
        for version in range(damaged):
            kind, strength, number = (
                int(random.integers(len(damages))),
                random.uniform(),
                random.integers(1 << 31),
            )
            versions.append(damages[kind](part, float(strength), int(number)))
            kinds[start : start + _CHUNK, 2 + version] = kind + 1
        spectra = [embedding.spectra(one[:, 0]) for one in versions]
        shorts.append(torch.stack([one[0] for one in spectra], dim=1).half())
        longs.append(torch.stack([one[1] for one in spectra], dim=1).half())
        if progress:
            progress(min(start + _CHUNK, len(waves)), len(waves))
    return Versions(torch.cat(shorts), torch.cat(longs), kinds)


def perturb(waves: Tensor, rate: int, random: np.random.Generator) -> Tensor:
    """Delay waves `[B, 1, N]` by up to 10 ms, tilt them by up to 2 dB per octave, add a little noise."""
    length = waves.shape[-1]
    later = int(random.integers(round(_LATEST * rate) + 1))
    moved = F.pad(waves, (later, 0))[..., :length]
    octaves = (torch.linspace(0, rate / 2, length // 2 + 1).clamp_min(20) / 1000).log2()
    tilt = torch.from_numpy(random.uniform(-_TILT, _TILT, (len(waves), 1, 1)).astype(np.float32))
    tilted = torch.fft.irfft(torch.fft.rfft(moved) * 10 ** (tilt * octaves / 20), length)
    level = torch.from_numpy(random.uniform(*_NOISE_DB, (len(waves), 1, 1)).astype(np.float32))
    noise = torch.from_numpy(random.standard_normal(waves.shape).astype(np.float32))
    louder: Tensor = tilted + tilted.abs().amax(dim=-1, keepdim=True) * 10 ** (level / 20) * noise
    return louder


def train_multires(
    sounds: MultitaskExamples,
    damages: Sequence[Damage],
    config: MultiresConfig | None = None,
    *,
    steps: int = 2000,
    batch: int = 48,
    damaged: int = 3,
    seed: int = 0,
    bf16: bool = False,
    progress: Callable[[str, int, int, dict[str, float]], None] | None = None,
) -> Multires:
    """Train the embedding; the same arguments make the same one.

    AdamW with a warm-up and a linear fall of the learning rate. All versions are computed once, before. (The
    bundled weights were trained under one cycle of the learning rate, Smith and Topin 2019.)

    Args:
        sounds: hold sources out to test on.
        damages: kinds of damage to recognise; hold some out to test on.
        config: sizes; the rate is that of the waves.
        steps: optimiser steps.
        batch: sounds per step, no sound twice; each comes original, perturbed and damaged.
        damaged: damaged versions of each sound.
        seed: of everything random.
        bf16: compute in bfloat16 where that does no harm.
        progress: called with (stage, done, in all, losses).

    Raises:
        DataError: when there are fewer sounds than a batch needs.
    """
    if int((sounds.weights > 0).sum()) < batch:
        raise DataError(f"This embedding needs {batch} sounds at least to be trained on; give more.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding = Multires(config or MultiresConfig()).train()
        heads = _Heads(
            embedding.dimensions, int(sounds.labels.max()) + 1, int(sounds.kits.max()) + 1, len(damages) + 1
        )
    versions = make_versions(
        embedding,
        sounds.waves,
        damages,
        damaged=damaged,
        seed=seed,
        progress=(lambda done, total: progress("versions", done, total, {})) if progress else None,
    )
    terms: dict[str, float] = {}

    def loss(batch: Batch) -> Tensor:
        """Return the sum of all losses of sounds whose numbers stand in place of their waves."""
        pick = batch.wave.flatten().long()
        hurt = torch.randint(2, 2 + damaged, (len(pick),), generator=random_stream(seed, batch))
        zeros = torch.zeros_like(pick)
        rows, columns = pick.repeat(3), torch.cat([zeros, zeros + 1, hurt])
        short, long = versions.short[rows, columns].float(), versions.long[rows, columns].float()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            vectors = embedding.project(short, long)
        losses = heads(vectors.float(), sounds, pick, versions.kinds[rows, columns])
        terms.update({name: value.item() for name, value in losses.items()})
        return torch.stack(list(losses.values())).sum().expand(len(pick))

    def report(done: int, total: int, value: float) -> None:
        if progress:
            progress("training", done, total, {"loss": value, **terms})

    fitting = one_rise_and_fall(steps, batch, seed, learning_rate=_PEAK_RATE, weight_decay=_DECAY, rise=10)
    module = nn.ModuleList([embedding, heads])
    numbers = torch.arange(len(sounds.waves)).float()[:, None, None]
    drawn = LabelledWaves(numbers, torch.zeros(len(numbers), 0), sounds.weights)
    objective = Objective("loss", list(module.parameters()), loss)
    fit_examples(module, objective, drawn, fitting, replacement=False, progress=report)
    return _calibrated(embedding.eval(), versions).requires_grad_(False)


class _Heads(nn.Module):
    """Layers on top of the embedding that its losses need."""

    def __init__(self, dimensions: int, labels: int, kits: int, kinds: int) -> None:
        super().__init__()
        self.label, self.kit = nn.Linear(dimensions, max(labels, 1)), nn.Linear(dimensions, max(kits, 1))
        self.note, self.kind = nn.Linear(dimensions, NOTES), nn.Linear(dimensions, kinds)
        self.projection = nn.Sequential(
            nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, _PROJECTION)
        )

    def forward(
        self, vectors: Tensor, sounds: MultitaskExamples, pick: Tensor, kinds: Tensor
    ) -> dict[str, Tensor]:
        """Return weighted losses of vectors `[3 B, D]`: originals, then perturbed, then damaged versions."""
        good = vectors[: 2 * len(pick)]
        twice = pick.repeat(2)
        label = F.cross_entropy(
            self.label(vectors),
            sounds.labels[pick.repeat(3)],
            ignore_index=NO_LABEL,
            label_smoothing=_SMOOTHING,
        )
        kit = F.cross_entropy(
            self.kit(good), sounds.kits[twice], ignore_index=NO_LABEL, label_smoothing=_SMOOTHING
        )
        notes = sounds.notes[twice]
        pitched = ~notes.isnan()
        note = (
            F.cross_entropy(self.note(good[pitched]), _targets(notes[pitched])) if pitched.any() else 0 * kit
        )
        kind = F.cross_entropy(self.kind(vectors), kinds)
        again = contrast(*self.projection(good).chunk(2)).mean()
        return {
            "label": torch.nan_to_num(label),
            "kit": _KITS_WEIGHT * torch.nan_to_num(kit),
            "pitch": _PITCH_WEIGHT * torch.nan_to_num(note),
            "damage": _DAMAGE_WEIGHT * kind,
            "again": _AGAIN_WEIGHT * again,
        }


def _targets(notes: Tensor) -> Tensor:
    """Return a bell over the semitones around each note, `[B, NOTES]`; notes are clamped to the range."""
    places = torch.arange(NOTES) + LOWEST_NOTE
    within = notes.clamp(LOWEST_NOTE, LOWEST_NOTE + NOTES - 1)[:, None]
    return torch.softmax(-0.5 * ((places - within) / _PITCH_WIDTH).square(), dim=1)


@torch.no_grad()
def _calibrated(embedding: Multires, versions: Versions) -> Multires:
    """Give every dimension mean 0 and variance 1 over the originals."""
    last = embedding.out[-1]
    assert isinstance(last, nn.BatchNorm1d)
    last.reset_running_stats()  # to mean 0 and variance 1, so that vectors pass unchanged but for eps
    parts = zip(*(torch.split(one[:, 0], 64) for one in (versions.short, versions.long)), strict=True)
    vectors = torch.cat([embedding.project(short.float(), long.float()) for short, long in parts])
    scale = math.sqrt(1 + last.eps)
    last.running_mean, last.running_var = scale * vectors.mean(dim=0), scale**2 * vectors.var(dim=0)
    return embedding
