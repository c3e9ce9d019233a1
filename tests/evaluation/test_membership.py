"""Analytic denoisers: one knows its training sounds by heart, the other only what all sounds are like."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.membership import LEVELS, Known, membership, spread


class Raw(torch.nn.Module):
    """Features are the wave itself."""

    def encode(self, waves: Tensor) -> Tensor:
        return waves


class Family(torch.nn.Module):
    """As much of a diffusion family as the gap needs, around a denoiser that is a formula."""

    def __init__(self, by_heart: Tensor | None) -> None:
        super().__init__()
        self.transform = Raw()
        self.config = SimpleNamespace(labels=())
        self.anything = torch.nn.Parameter(torch.zeros(1))
        self.by_heart = by_heart

    def denoiser(self, x: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        if self.by_heart is None:  # the best linear one for sounds of unit power
            return x / (1 + sigma[:, None, None] ** 2)
        # The best one for the empirical distribution of the training sounds is a softmax over them.
        apart = (x[:, None] - self.by_heart).square().sum(dim=(2, 3)) / (2 * sigma[:, None] ** 2)
        return torch.einsum("bn,ncl->bcl", (-apart).softmax(dim=1), self.by_heart)


def known(seed: int, count: int = 24) -> list[Known]:
    """Sounds of unit power, three of each source."""
    waves = torch.randn(count, 1, 64, generator=torch.Generator().manual_seed(seed))
    return [Known(wave=w, label=torch.zeros(0), group=f"{seed}/{k // 3}") for k, w in enumerate(waves)]


def test_a_network_that_knows_its_sounds_by_heart_is_told() -> None:
    training, held_out = known(0), known(1)
    found = membership(Family(torch.stack([one.wave for one in training])), training, held_out)
    assert found.auc > 0.99
    assert found.gap_db > 5
    assert found.probability < 0.01
    assert len(found.levels) == LEVELS
    assert all(level.training < level.held_out for level in found.levels)


def test_one_that_knows_no_sound_in_particular_is_not() -> None:
    found = membership(Family(None), known(0), known(1))
    assert 0.3 < found.auc < 0.7
    assert abs(found.gap_db) < 0.5
    assert found.probability > 0.05


def test_the_same_noise_gives_the_same_numbers() -> None:
    assert membership(Family(None), known(0), known(1)) == membership(Family(None), known(0), known(1))


def test_a_whole_source_counts_once() -> None:
    """One strange source of many sounds, held out, is no proof, whatever it does to the AUC."""
    training, held_out = known(0), known(1)
    strange = [Known(wave=2 * one.wave, label=one.label, group="strange") for one in known(2)]
    found = membership(Family(None), training, [*held_out[:9], *strange])
    assert found.probability > 0.02


def test_too_few_sources_are_refused() -> None:
    with pytest.raises(RequestError, match="held-out sounds are of 3 source"):
        membership(Family(None), known(0), known(1, 9))


def test_a_spread_takes_every_source_before_it_takes_one_twice() -> None:
    groups = [*"aaaaaaaa", "b", "c", "c"]
    assert {groups[index] for index in spread(groups, 3)} == {"a", "b", "c"}
    assert sorted(spread(groups, 99)) == list(range(11))
    assert spread(groups, 4) == spread(groups, 99)[:4]
