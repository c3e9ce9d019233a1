import numpy as np
import pytest
import torch
from torch import nn

from wavesmith.fitting.ema import PowerAverages, exponent


def walk(module, steps, seed=0):
    """Move the weights at random; yields them after each step, in float64."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator))
        yield [p.detach().double().clone() for p in module.parameters()]


@pytest.mark.parametrize(("width", "gamma"), [(0.05, 16.97), (0.10, 6.94)])
def test_exponents_are_those_of_the_paper(width, gamma):
    assert exponent(width) == pytest.approx(gamma, abs=0.01)


@pytest.mark.parametrize("width", [0.02, 0.05, 0.1, 0.2])
def test_the_width_is_the_relative_deviation_of_the_profile(width):
    """The defining property: the weight that time t has in the average is t^gamma."""
    time = (np.arange(200_000) + 0.5) / 200_000
    profile = time ** exponent(width)
    profile /= profile.sum()
    mean = (profile * time).sum()
    assert np.sqrt((profile * (time - mean) ** 2).sum()) == pytest.approx(width, rel=1e-3)


@pytest.mark.parametrize("width", [0.05, 0.1])
def test_the_average_is_the_power_function_of_the_whole_history(width):
    """The recursion in float64, unrolled: step k's share, times what each later step left of it."""
    module = nn.Linear(3, 2)
    averages = PowerAverages(module, [width])
    history = []
    for weights in walk(module, 60):
        history.append(weights)
        averages.update(module)
    shares = [1 - (1 - 1 / k) ** (exponent(width) + 1) for k in range(1, 61)]
    left = [share * np.prod([1 - later for later in shares[k + 1 :]]) for k, share in enumerate(shares)]
    assert sum(left) == pytest.approx(1)
    for place, average in enumerate(averages.averages[width]):
        expected = sum(part * weights[place] for part, weights in zip(left, history, strict=True))
        torch.testing.assert_close(average.double(), expected, rtol=1e-5, atol=1e-5)


def test_the_first_step_forgets_the_beginning_and_wide_averages_lag():
    module = nn.Linear(1, 1, bias=False)
    averages = PowerAverages(module, [0.05, 0.2])
    for k in range(1, 101):
        module.weight.data.fill_(float(k))
        averages.update(module)
        if k == 1:
            assert averages.averages[0.05][0].item() == 1
    narrow, wide = averages.averages[0.05][0].item(), averages.averages[0.2][0].item()
    assert wide < narrow < 100


def test_applied_lends_the_average_and_takes_it_back():
    module = nn.Sequential(nn.Linear(3, 2), nn.Dropout()).train()
    averages = PowerAverages(module, [0.1])
    for _ in walk(module, 5):
        averages.update(module)
    weights = module[0].weight.detach().clone()
    average = averages.averages[0.1][0].clone()
    with averages.applied(module, 0.1):
        assert torch.equal(module[0].weight, average)
        assert not module.training
    assert torch.equal(module[0].weight, weights)
    assert torch.equal(averages.averages[0.1][0], average)
    assert module.training


def test_applied_takes_it_back_after_a_failure():
    module = nn.Linear(3, 2)
    averages = PowerAverages(module, [0.1])
    list(walk(module, 1))
    weights = module.weight.detach().clone()
    with pytest.raises(ZeroDivisionError), averages.applied(module, 0.1):
        raise ZeroDivisionError
    assert torch.equal(module.weight, weights)


def test_it_goes_on_from_its_state():
    module = nn.Linear(3, 2)
    one, other = PowerAverages(module, [0.05, 0.1]), PowerAverages(module, [0.05, 0.1])
    for k, _ in enumerate(walk(module, 20)):
        one.update(module)
        if k == 9:
            state = one.state()
            copy = {width: [p.clone() for p in average] for width, average in state["averages"].items()}
            other.restore({"steps": state["steps"], "averages": copy})
        elif k > 9:
            other.update(module)
    assert one.steps == other.steps == 20
    for width in (0.05, 0.1):
        assert all(map(torch.equal, one.averages[width], other.averages[width]))


def test_the_weights_themselves_are_never_touched():
    module = nn.Linear(3, 2)
    averages = PowerAverages(module, [0.1])
    before = [p.detach().clone() for p in module.parameters()]
    averages.update(module)
    averages.update(module)
    assert all(map(torch.equal, before, module.parameters()))
