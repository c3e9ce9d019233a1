import math

import pytest
import torch

from wavesmith.diffusion import Crash, LogitNormal, LogNormal, UniformAngle, UniformFlow

# Each distribution with the axis on which its values, sorted, must lie evenly between 0 and 1.
SHARES = [
    (LogNormal(-0.6, 1.4), lambda s: torch.special.ndtr((s.log() + 0.6) / 1.4)),
    (LogitNormal(0.5, 0.8), lambda s: torch.special.ndtr(((s / (1 + s)).logit() - 0.5) / 0.8)),
    (UniformAngle(), lambda s: 2 / math.pi * torch.atan(s)),
    (UniformFlow(), lambda s: s / (1 + s)),
    (Crash(), lambda s: 2 / math.pi * torch.asin((s / (1 + s**2).sqrt()).sqrt())),
]
ALL = [pytest.param(levels, share, id=type(levels).__name__) for levels, share in SHARES]


@pytest.mark.parametrize(("levels", "share"), ALL)
def test_a_batch_has_one_level_in_each_equal_share(levels, share, generator):
    sigma = levels.sample(64, generator)
    assert sigma.shape == (64,)
    assert sigma.dtype == torch.float32
    stratum = (share(sigma.double()).sort().values * 64).double()
    # All lie at one common offset within their stratum, so their distance is one stratum.
    torch.testing.assert_close(stratum.diff(), torch.ones(63, dtype=torch.float64), rtol=0, atol=2e-2)


@pytest.mark.parametrize(("levels", "share"), ALL)
def test_each_item_alone_has_the_whole_distribution(levels, share, generator):
    first = torch.stack([levels.sample(4, generator)[0] for _ in range(2000)])
    shares = share(first.double())
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / 12, abs=0.01)


@pytest.mark.parametrize(("levels", "share"), ALL)
def test_extreme_draws_stay_usable(levels, share):
    sigma = levels.quantile(torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)).float()
    assert sigma.isfinite().all()
    assert 0 <= sigma[0] < sigma[1]


def test_the_generator_alone_decides():
    draws = [UniformAngle().sample(8, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
