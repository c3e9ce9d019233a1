"""Analytic denoisers: one has memorised its training sounds, the other knows their distribution only."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from wavesmith.errors import RequestError
from wavesmith.evaluation.membership import Example, membership
from wavesmith.evaluation.sound_set import spread_over_groups
from wavesmith.families.diffusion import scoring


class Raw(torch.nn.Module):
    """Features are the wave itself."""

    def encode(self, waves: Tensor) -> Tensor:
        return waves


class Family(torch.nn.Module):
    """Family that scores sounds by a denoiser in closed form."""

    def __init__(self, memorised: Tensor | None) -> None:
        super().__init__()
        self.transform = Raw()
        self.config = SimpleNamespace(labels=())
        self.device = torch.device("cpu")
        self.memorised = memorised

    def error_levels(self, waves: Iterable[Tensor]) -> Tensor:
        return scoring.error_levels(self, waves)

    def errors(self, wave: Tensor, label: Tensor, levels: Tensor, seed: int, index: int) -> Tensor:
        return scoring.errors(self, wave, label, levels, seed, index)

    def denoiser(self, x: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        if self.memorised is None:  # the best linear one for sounds of unit power
            return x / (1 + sigma[:, None, None] ** 2)
        # The best one for the empirical distribution of the training sounds is a softmax over them.
        apart = (x[:, None] - self.memorised).square().sum(dim=(2, 3)) / (2 * sigma[:, None] ** 2)
        return torch.einsum("bn,ncl->bcl", (-apart).softmax(dim=1), self.memorised)


def examples(seed: int, count: int = 24) -> list[Example]:
    """Sounds of unit power, three of each source."""
    waves = torch.randn(count, 1, 64, generator=torch.Generator().manual_seed(seed))
    return [Example(wave=w, label=torch.zeros(0), group=f"{seed}/{k // 3}") for k, w in enumerate(waves)]


def test_a_network_that_has_memorised_its_sounds_is_detected() -> None:
    training, held_out = examples(0), examples(1)
    found = membership(Family(torch.stack([one.wave for one in training])), training, held_out)
    assert found.auc > 0.99
    assert found.gap_db > 5
    assert found.probability < 0.01
    assert len(found.levels) > 1
    assert all(level.training < level.held_out for level in found.levels)


def test_a_network_without_memory_is_not_detected() -> None:
    found = membership(Family(None), examples(0), examples(1))
    assert 0.3 < found.auc < 0.7
    assert abs(found.gap_db) < 0.5
    assert found.probability > 0.05


def test_results_are_reproducible() -> None:
    assert membership(Family(None), examples(0), examples(1)) == membership(
        Family(None), examples(0), examples(1)
    )


def test_a_whole_source_counts_once() -> None:
    """One unusual held-out source of many sounds is not significant, whatever its AUC."""
    training, held_out = examples(0), examples(1)
    strange = [Example(wave=2 * one.wave, label=one.label, group="strange") for one in examples(2)]
    found = membership(Family(None), training, [*held_out[:9], *strange])
    assert found.probability > 0.02


def test_too_few_sources_are_refused() -> None:
    with pytest.raises(RequestError, match="held-out"):
        membership(Family(None), examples(0), examples(1, 9))


def test_every_group_comes_once_before_any_comes_twice() -> None:
    groups = [*"aaaaaaaa", "b", "c", "c"]
    assert {groups[index] for index in spread_over_groups(groups, 3)} == {"a", "b", "c"}
    assert sorted(spread_over_groups(groups, 99)) == list(range(11))
    assert spread_over_groups(groups, 4) == spread_over_groups(groups, 99)[:4]
