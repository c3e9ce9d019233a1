"""The loop by itself: steps over objectives, without a folder."""

import signal
from itertools import islice

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from wavesmith.families import Batch, Objective
from wavesmith.fitting import FitConfig, Trainer, TrainingDiverged, fit, stop_signals


def batches(size, first=0):
    """Batches of random waves, each of which depends on its position alone."""
    while True:
        waves = [torch.randn(1, 8, generator=torch.Generator().manual_seed(first + k)) for k in range(size)]
        positions = torch.arange(first, first + size)
        yield Batch(torch.stack(waves), torch.zeros(size, 0), torch.zeros(size, 0), positions)
        first += size


class Pair(nn.Module):
    """A generator that follows the waves, and a critic of it."""

    def __init__(self, dropout=0.0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.generator = nn.Sequential(nn.Linear(8, 8), nn.Dropout(dropout))
            self.critic = nn.Linear(8, 1)

    def objectives(self):
        def error(batch):
            return (self.generator(batch.wave) - batch.wave).square().mean((1, 2))

        def fooling(batch):
            return error(batch) - self.critic(self.generator(batch.wave)).mean((1, 2))

        def judging(batch):
            return self.critic(self.generator(batch.wave) - batch.wave).square().mean((1, 2))

        return [
            Objective("generator", list(self.generator.parameters()), fooling),
            Objective("critic", list(self.critic.parameters()), judging),
        ]


def trainer(module=None, objectives=None, **values):
    module = module or Pair()
    config = FitConfig(
        **{"examples": 64, "batch": 4, "warmup": 0, "learning_rate": 1e-2, "ema": (0.05,)} | values
    )
    return Trainer(Fabric(accelerator="cpu"), module, objectives or module.objectives(), config)


def weights(trainer):
    return [p.detach().clone() for p in trainer.module.parameters()]


def test_every_objective_is_minimised_by_its_own_parameters():
    one = trainer(examples=800, clip=None)
    before, losses = one.module.objectives(), []
    fit(one, batches(4), lambda step: losses.append(step) or False)
    assert one.seen == 800
    assert losses[0].keys() == {"generator", "critic"}
    assert all(losses[-1][name] < losses[0][name] for name in losses[0])
    assert all(p.requires_grad and p.grad is None for one in before for p in one.parameters)


def test_an_objective_leaves_the_parameters_of_the_others_alone():
    module = Pair()
    for objective in module.objectives():
        own = set(map(id, objective.parameters))
        one = trainer(module, [objective])
        before = weights(one)
        one.step(list(islice(batches(4), 1)))
        moved = [not torch.equal(p, q) for p, q in zip(before, module.parameters(), strict=True)]
        assert moved == [id(p) in own for p in module.parameters()]


def test_what_is_frozen_stays_frozen():
    module = Pair()
    module.critic.requires_grad_(False)
    one = trainer(module, module.objectives()[:1])
    one.step(list(islice(batches(4), 1)))
    assert not any(p.requires_grad for p in module.critic.parameters())


def test_accumulated_batches_are_one_large_batch():
    small, large = trainer(batch=2, accumulate=4, clip=None), trainer(batch=8, clip=None)
    fit(small, batches(2), lambda losses: False)
    fit(large, batches(8), lambda losses: False)
    assert small.seen == large.seen == 64
    for ours, theirs in zip(weights(small), weights(large), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_restored_training_equals_an_unbroken_one():
    whole = trainer(Pair(dropout=0.5))
    fit(whole, batches(4), lambda losses: False)
    first, second = trainer(Pair(dropout=0.5)), trainer(Pair(dropout=0.5))
    fit(first, batches(4), lambda losses: first.seen >= 28)
    torch.manual_seed(123)
    second.restore(first.state())
    assert second.seen == 28
    fit(second, batches(4, first=28), lambda losses: False)
    assert all(map(torch.equal, weights(whole), weights(second)))
    ours, theirs = (one.averages.averages[0.05] for one in (whole, second))
    assert all(map(torch.equal, ours, theirs))


def test_dropout_leaves_the_global_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trainer(Pair(dropout=0.5)).step(list(islice(batches(4), 1)))
    assert torch.equal(torch.rand(3), expected)


def test_the_learning_rate_rises_stays_and_falls():
    one = trainer(examples=1000, batch=10, warmup=90, decay=0.5, learning_rate=1.0)
    rates = {}
    for one.seen in range(0, 1000, 10):
        rates[one.seen] = one.learning_rate()
    assert rates[0] == pytest.approx(0.1)
    assert rates[40] == pytest.approx(0.5)
    assert rates[90] == rates[500] == 1.0
    assert rates[750] == pytest.approx(0.5)
    assert rates[990] == pytest.approx(0.02)
    flat = trainer(examples=1000, batch=10, warmup=0, decay=0, learning_rate=1.0)
    flat.seen = 990
    assert flat.learning_rate() == 1.0


def test_gradients_are_clipped():
    module = Pair()
    one = trainer(module, clip=1e-3, learning_rate=1.0)
    norms = []
    step = torch.optim.AdamW.step

    def watched(self, *args, **kwargs):
        norms.append(torch.stack([p.grad.norm() for g in self.param_groups for p in g["params"]]).norm())
        return step(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", watched)
        one.step(list(islice(batches(4), 1)))
    assert len(norms) == 2
    assert all(0 < norm <= 1.001e-3 for norm in norms)


def test_a_loss_that_is_not_finite_is_an_error_that_changes_nothing():
    module = Pair()
    infinite = Objective("bad", list(module.parameters()), lambda batch: module.critic.weight.sum() / 0)
    one = trainer(module, [infinite])
    before = weights(one)
    with pytest.raises(TrainingDiverged, match="after 0 examples"):
        one.step(list(islice(batches(4), 1)))
    assert all(map(torch.equal, before, weights(one)))


def stopped_at(condition):
    one = trainer()
    fit(one, batches(4), lambda losses: condition(one))
    return one.seen


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_training_after_the_step_under_way(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)

    def interrupt(one):
        if one.seen == 12:
            signal.raise_signal(number)
        return False

    assert stopped_at(interrupt) == 12
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_acts_at_once():
    with stop_signals() as stopping:
        signal.raise_signal(signal.SIGINT)
        assert stopping()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def devices_agree(monkeypatch, ours, theirs):
    """As if a second device took part in each decision of the kind `all=ours`, and decided `theirs`."""
    from lightning_fabric.strategies import SingleDeviceStrategy

    def reduced(self, decision, all=True):
        return decision if all is not ours else (decision and theirs if all else decision or theirs)

    monkeypatch.setattr(SingleDeviceStrategy, "reduce_boolean_decision", reduced)


def test_a_stop_of_one_device_stops_them_all(monkeypatch):
    devices_agree(monkeypatch, False, True)
    assert stopped_at(lambda one: False) == 4


def test_a_loss_that_is_not_finite_at_one_device_stops_them_all(monkeypatch):
    devices_agree(monkeypatch, True, False)
    with pytest.raises(TrainingDiverged):
        stopped_at(lambda one: False)


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_other_precisions_train(precision):
    module = Pair()
    one = Trainer(
        Fabric(accelerator="cpu", precision=precision), module, module.objectives(), FitConfig(batch=4)
    )
    losses = one.step(list(islice(batches(4), 1)))
    assert all(torch.isfinite(p).all() for p in module.parameters())
    assert losses["generator"] > 0
