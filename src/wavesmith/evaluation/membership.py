"""Membership test: whether a network's errors distinguish its training sounds from others.

It measures the denoising error at fixed noise levels with fixed noise. Integrated over the levels,
the mean squared error of denoising is the negative log-likelihood of a diffusion model up to a constant
(Kong, Brekelmans and Ver Steeg 2023, "Information-theoretic diffusion", arXiv:2302.03792; Kingma and Gao
2023, arXiv:2303.00848), and it is what the sharpest attacks on diffusion models use (Carlini et al. 2023,
"Extracting training data from diffusion models", arXiv:2301.13188; Matsumoto et al. 2023, arXiv:2302.03262).
Two alternatives do not work here: the likelihood by the probability flow needs the trace of the network's
Jacobian and is infinite where a sound is digitally silent; the norm of the inverted noise hardly depends on
membership, because inversion keeps it near the root of the number of features.

Sounds differ in difficulty far more than by membership. So each error is divided by that of an oracle on the
same sound at the same level, which is given the magnitude of every feature, but not its sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.data import Entry, SoundDataset
from wavesmith.errors import RequestError
from wavesmith.evaluation.sound_set import SoundSet, spread_over_groups
from wavesmith.families import Scores
from wavesmith.models import Model

FEWEST_SOURCES = 4
_DRAWS = 4000
_MOST_SOUNDS = 40


class LevelErrors(BaseModel):
    """Median errors at one noise level, relative to the oracle's, in dB."""

    model_config = ConfigDict(frozen=True)

    sigma: float
    training: float
    held_out: float


class Membership(BaseModel):
    """Difference of a network's errors between training sounds and held-out ones.

    Attributes:
        training, held_out: number of sounds.
        gap_db: median error of held-out sounds minus that of training sounds, mean over the levels.
        auc: probability that a training sound has a lower error than a held-out sound; 0.5: no difference.
        probability: of such a gap for a network that was trained on neither, by permutation of whole sources
            (Good 2005).
        levels: errors at each noise level.
    """

    model_config = ConfigDict(frozen=True)

    training: int
    held_out: int
    gap_db: float
    auc: float
    probability: float
    levels: tuple[LevelErrors, ...]


class Example(BaseModel):
    """Sound in the form of training: `wave` `[C, N]`, label weights `[L]`, and its source `group`."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    wave: Tensor
    label: Tensor
    group: str


def membership(
    family: Scores,
    training: Sequence[Example],
    held_out: Sequence[Example],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Membership:
    """Measure the difference between training and held-out sounds.

    Raises:
        RequestError: when either set has fewer than 4 sources.
    """
    for name, sounds in (("training", training), ("held-out", held_out)):
        if (sources := len({sound.group for sound in sounds})) < FEWEST_SOURCES:
            raise RequestError(
                f"The {name} sounds have too few sources ({sources}); a comparison needs {FEWEST_SOURCES}."
            )
    both = [*training, *held_out]
    sigmas = family.error_levels(sound.wave for sound in training)
    errors = torch.empty(len(both), len(sigmas))
    for index, sound in enumerate(both):
        errors[index] = family.errors(sound.wave, sound.label, sigmas, seed, index)
        progress(index + 1, len(both))
    own, others = errors[: len(training)], errors[len(training) :]
    medians = own.median(0).values, others.median(0).values
    scores = errors.mean(1)
    return Membership(
        training=len(training),
        held_out=len(held_out),
        gap_db=float((medians[1] - medians[0]).mean()),
        auc=_auc(scores[: len(training)], scores[len(training) :]),
        probability=_by_permutation(scores, [sound.group for sound in both], len(training), seed),
        levels=tuple(
            LevelErrors(sigma=sigma, training=a, held_out=b)
            for sigma, a, b in zip(sigmas.tolist(), *(m.tolist() for m in medians), strict=True)
        ),
    )


def membership_of(
    model: Model, training: SoundSet, held_out: SoundSet, progress: Callable[[str, int, int], None] | None
) -> Membership | None:
    """Measure a model's membership gap; None for too few sources, or a family without errors to measure."""
    family = model.family
    if not isinstance(family, Scores):
        return None
    if min(len({file.group for file in sounds.files}) for sounds in (training, held_out)) < FEWEST_SOURCES:
        return None
    report = progress or (lambda *stage: None)
    return membership(
        family,
        _examples(model, training),
        _examples(model, held_out),
        progress=lambda done, total: report("denoising real sounds", done, total),
    )


def _examples(model: Model, sounds: SoundSet) -> list[Example]:
    """Prepare some of the sounds, of as many sources as possible, as training does."""
    files = [
        sounds.files[index]
        for index in spread_over_groups([file.group for file in sounds.files], _MOST_SOUNDS)
    ]
    config = model.family.config
    labels = [file.label if file.label in config.labels else None for file in files]
    prepared = SoundDataset(
        sounds.root,
        [Entry(path=file.path, label=label) for file, label in zip(files, labels, strict=True)],
        rate=config.rate,
        channels=config.channels,
        length=config.length,
        labels=config.labels,
    )
    return [
        Example(wave=prepared[i].wave, label=model.family.label_weights(label), group=file.group)
        for i, (file, label) in enumerate(zip(files, labels, strict=True))
    ]


def _auc(own: Tensor, others: Tensor) -> float:
    below = (own[:, None] < others).double() + 0.5 * (own[:, None] == others).double()
    return float(below.mean())


def _by_permutation(scores: Tensor, groups: Sequence[str], members: int, seed: int) -> float:
    """Return the share of random divisions of the sources (and the actual one) with as large a gap."""
    names = sorted({(group, index < members) for index, group in enumerate(groups)})
    means = torch.stack(
        [
            scores[[i for i, other in enumerate(groups) if (other, i < members) == (group, member)]].mean()
            for group, member in names
        ]
    ).double()
    count = sum(member for _, member in names)
    actual = means[[member for _, member in names]].mean() - means[[not member for _, member in names]].mean()
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(_DRAWS, len(means), generator=generator).argsort(1)
    shuffled = means[order]
    gaps = shuffled[:, :count].mean(1) - shuffled[:, count:].mean(1)
    return float(((gaps <= actual + 1e-12).sum() + 1) / (_DRAWS + 1))
