"""The noise levels that diffusion is trained and validated at."""

import math

import pytest
import torch
from pydantic import ValidationError

from wavesmith.families import Batch
from wavesmith.families.diffusion import DiffusionObjective
from wavesmith.models import debug_model


def quantile(share, **levels):
    shares = torch.as_tensor(share, dtype=torch.float64)
    return DiffusionObjective(noise_levels=levels).noise_levels.build().quantile(shares)


@pytest.mark.parametrize("kind", ["log_normal", "logit_normal", "uniform_angle", "crash", "uniform_flow"])
def test_every_kind_of_noise_levels_rises(kind):
    sigma = quantile([0.1, 0.5, 0.9], kind=kind)
    assert (sigma.diff() > 0).all()
    assert (sigma > 0).all()


def test_mean_and_deviation_reach_the_normal_kinds_and_each_has_its_own_defaults():
    one = 0.5 * (1 + math.erf(1 / math.sqrt(2)))  # share below one deviation
    for kind, mean, std in (("log_normal", -0.6, 1.4), ("logit_normal", 0.0, 1.0)):
        assert quantile([0.5, one], kind=kind).log().tolist() == pytest.approx([mean, mean + std], abs=1e-6)
        given = quantile([0.5, one], kind=kind, mean=1.0, std=2.0)
        assert given.log().tolist() == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize(
    "wrong", [{"kind": "pink"}, {"kind": "crash", "mean": 1.0}, {"kind": "log_normal", "std": 0.0}], ids=str
)
def test_noise_levels_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(ValidationError, match="noise_levels"):
        DiffusionObjective(noise_levels=wrong)


def test_any_run_of_positions_is_spread_over_the_noise_levels(monkeypatch):
    family, settings = debug_model().family, DiffusionObjective()
    (objective,) = family.objectives(settings, seed=0)
    drawn = []
    monkeypatch.setattr(
        family, "training_loss", lambda waves, sigma, eps, **cond: drawn.append(sigma) or sigma
    )
    edges = (
        settings.noise_levels.build().quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)).float()
    )
    waves = torch.zeros(16, family.config.channels, family.config.length)
    for first in (0, 37, 500):
        positions = torch.arange(first, first + 16)
        objective.loss(Batch(waves, torch.zeros(16, 2), torch.zeros(16, 0), positions))
        assert torch.bucketize(drawn[-1], edges).bincount(minlength=4).min() >= 2


def test_the_loss_depends_on_positions_and_seed_alone():
    family, settings = debug_model().family.eval(), DiffusionObjective()
    waves = torch.randn(
        2, family.config.channels, family.config.length, generator=torch.Generator().manual_seed(0)
    )
    batch = Batch(waves, torch.zeros(2, len(family.config.labels)), torch.zeros(2, 0), torch.tensor([3, 9]))
    (one,), (other,) = family.objectives(settings, seed=0), family.objectives(settings, seed=1)
    losses = one.loss(batch)
    assert losses.shape == (2,)
    assert torch.equal(one.loss(batch), losses)
    assert not torch.equal(one.loss(batch._replace(position=torch.tensor([3, 10]))), losses)
    assert not torch.equal(other.loss(batch), losses)
