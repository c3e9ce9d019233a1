"""Does a network know its training sounds from others? The gap that membership inference lives on.

What is measured is the denoising error at fixed noise levels with fixed noise. Integrated over the levels,
the mean squared error of denoising is the negative log-likelihood of a diffusion model up to a constant
(Kong, Brekelmans and Ver Steeg 2023, "Information-theoretic diffusion", arXiv:2302.03792; Kingma and Gao
2023, arXiv:2303.00848), and it is what the sharpest attacks on diffusion models use (Carlini et al. 2023,
"Extracting training data from diffusion models", arXiv:2301.13188; Matsumoto et al. 2023, arXiv:2302.03262).
The two other candidates are unsound here: the likelihood by the probability flow needs the trace of the
network's Jacobian all the way up and is infinite where a sound is digitally silent; the norm of the inverted
noise hardly depends on whether the sound was known, for inversion keeps it near the root of the number of
features either way.

Sounds differ in how hard they are to denoise, far more than training makes a difference. So each error is
divided by that of an oracle on the same sound at the same level: one that knows the size of every feature,
but not its sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.families import Scores

FEWEST_SOURCES = 4
_DRAWS = 4000


class Level(BaseModel):
    """Errors at one noise level, relative to the oracle's, in dB: medians over the sounds."""

    model_config = ConfigDict(frozen=True)

    sigma: float
    training: float
    held_out: float


class Membership(BaseModel):
    """How much better a network knows training sounds than held-out ones.

    Attributes:
        training, held_out: how many sounds were measured.
        gap_db: median error of held-out sounds minus that of training sounds, mean over the levels.
        auc: chance that of a training sound and a held-out sound the training sound has the lower error;
            0.5: nobody can tell them apart by it.
        probability: chance of such a gap, were training and held-out sources drawn by lot, as they were, for
            a network that has seen neither: by permutation of whole sources (Good 2005).
        levels: the errors level by level.
    """

    model_config = ConfigDict(frozen=True)

    training: int
    held_out: int
    gap_db: float
    auc: float
    probability: float
    levels: tuple[Level, ...]


class Known(BaseModel):
    """A sound as the network meets it: `wave` `[C, N]`, weights of its label `[L]`, and its source."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    wave: Tensor
    label: Tensor
    group: str


def membership(
    family: Scores,
    training: Sequence[Known],
    held_out: Sequence[Known],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Membership:
    """Measure the gap between sounds of one preparation.

    Raises:
        RequestError: when either set has fewer than 4 sources.
    """
    for name, sounds in (("training", training), ("held-out", held_out)):
        if (sources := len({sound.group for sound in sounds})) < FEWEST_SOURCES:
            raise RequestError(
                f"The {name} sounds are of {sources} source(s); comparing needs at least {FEWEST_SOURCES}."
            )
    both = [*training, *held_out]
    sigmas = family.error_levels(sound.wave for sound in training)
    errors = torch.stack(
        [
            _told(progress, i, len(both), family.errors(sound.wave, sound.label, sigmas, seed, i))
            for i, sound in enumerate(both)
        ]
    )
    known, unknown = errors[: len(training)], errors[len(training) :]
    medians = known.median(0).values, unknown.median(0).values
    scores = errors.mean(1)
    return Membership(
        training=len(training),
        held_out=len(held_out),
        gap_db=float((medians[1] - medians[0]).mean()),
        auc=_auc(scores[: len(training)], scores[len(training) :]),
        probability=_by_permutation(scores, [sound.group for sound in both], len(training), seed),
        levels=tuple(
            Level(sigma=sigma, training=a, held_out=b)
            for sigma, a, b in zip(sigmas.tolist(), *(m.tolist() for m in medians), strict=True)
        ),
    )


def spread(groups: Sequence[Hashable], most: int) -> list[int]:
    """Indices of up to `most` items that come from as many groups as can be, evenly, in a fixed order."""
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    rounds = sorted(
        (place / len(indices), indices[0], index)  # long groups are picked from evenly, not from their front
        for indices in members.values()
        for place, index in enumerate(indices)
    )
    return [index for _, _, index in rounds[:most]]


def _auc(known: Tensor, unknown: Tensor) -> float:
    below = (known[:, None] < unknown).double() + 0.5 * (known[:, None] == unknown).double()
    return float(below.mean())


def _by_permutation(scores: Tensor, groups: Sequence[str], known: int, seed: int) -> float:
    """Share of ways to draw the sources (with the drawn one) that give as large a gap."""
    names = sorted({(group, index < known) for index, group in enumerate(groups)})
    means = torch.stack(
        [
            scores[[i for i, other in enumerate(groups) if (other, i < known) == (group, member)]].mean()
            for group, member in names
        ]
    ).double()
    members = sum(member for _, member in names)
    drawn = means[[member for _, member in names]].mean() - means[[not member for _, member in names]].mean()
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(_DRAWS, len(means), generator=generator).argsort(1)
    shuffled = means[order]
    gaps = shuffled[:, :members].mean(1) - shuffled[:, members:].mean(1)
    return float(((gaps <= drawn + 1e-12).sum() + 1) / (_DRAWS + 1))


def _told(progress: Callable[[int, int], None], index: int, total: int, errors: Tensor) -> Tensor:
    progress(index + 1, total)
    return errors
