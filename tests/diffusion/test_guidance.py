import math

import pytest
import torch

from wavesmith.diffusion import classifier_free, loss_guided
from wavesmith.errors import RequestError
from wavesmith.families.condition import LossTerm

NULL = torch.tensor([-1])


class Model:
    """Denoises to x plus its label, and counts its passes and the items in them."""

    def __init__(self):
        self.batches = []

    def __call__(self, x, sigma, *, label, pitch=None):
        self.batches.append(len(x))
        shift = label if pitch is None else label + 100 * pitch
        return x / (1 + sigma[:, None]) + shift[:, None]


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def x(generator):
    return torch.randn(3, 4, generator=generator, dtype=torch.float64)


LABELS = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
ONES = torch.ones(3, dtype=torch.float64)


def test_scale_one_is_the_plain_conditional_pass(model, x):
    guided = classifier_free(model, 1.0, unconditional={"label": NULL})
    result = guided(x, ONES, label=LABELS)
    assert model.batches == [3]
    assert torch.equal(result, model(x, ONES, label=LABELS))


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0, 7.5])
def test_guidance_goes_on_along_the_line_from_unconditional_to_conditional(model, x, scale):
    guided = classifier_free(model, scale, unconditional={"label": NULL})
    result = guided(x, ONES, label=LABELS)
    assert model.batches == [6]
    torch.testing.assert_close(result, x / 2 + (-1 + scale * (LABELS + 1))[:, None])


def test_conditions_that_are_not_replaced_hold_in_both_passes(model, x):
    guided = classifier_free(model, 3.0, unconditional={"label": NULL})
    result = guided(x, ONES, label=LABELS, pitch=torch.ones(3))
    torch.testing.assert_close(result, x / 2 + (100 - 1 + 3 * (LABELS + 1))[:, None])


def test_outside_the_interval_one_pass_is_enough(model, x):
    guided = classifier_free(model, 3.0, unconditional={"label": NULL}, interval=(0.5, 2.0))
    for sigma in (0.5, 2.5):
        expected = x / (1 + sigma) + LABELS[:, None]
        assert torch.equal(guided(x, sigma * ONES, label=LABELS), expected)
    assert model.batches == [3, 3]
    guided(x, 2.0 * ONES, label=LABELS)
    assert model.batches == [3, 3, 6]


def test_items_at_different_levels_are_each_judged_by_their_own(model, x):
    guided = classifier_free(model, 3.0, unconditional={"label": NULL}, interval=(0.5, 2.0))
    sigma = torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64)
    result = guided(x, sigma, label=LABELS)
    for k in range(3):
        alone = guided(x[k : k + 1], sigma[k : k + 1], label=LABELS[k : k + 1])
        torch.testing.assert_close(result[k : k + 1], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "bad",
    [{"scale": math.nan}, {"scale": 2.0, "interval": (2.0, 1.0)}, {"scale": 1.0, "interval": (1.0, 1.0)}],
)
def test_senseless_requests_are_refused(model, bad):
    with pytest.raises(RequestError, match="choose"):
        classifier_free(model, unconditional={"label": NULL}, **bad)


# --- steered -----------------------------------------------------------------------------------------------


def towards(place):
    """A loss that is 0 where the sound's mean is `place`."""

    def loss(sound, sigma):
        return (sound.mean(dim=(1, 2)) - place).square()

    return loss


def clean(x, sigma, **cond):
    """A denoiser that takes everything for the sound."""
    return x


def decode(z):
    return 2 * z


@pytest.fixture
def z(generator):
    return torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)


def test_the_estimate_is_moved_to_where_the_loss_is_small(z):
    before = towards(1.0)(decode(z), ONES)
    moved = loss_guided(clean, decode, [LossTerm("mean", towards(1.0))], max_step=10)(z, ONES)
    assert (towards(1.0)(decode(moved), ONES) < 0.3 * before).all()
    more = loss_guided(clean, decode, [LossTerm("mean", towards(1.0))], max_step=10, rounds=8)(z, ONES)
    assert (towards(1.0)(decode(more), ONES) < 1e-3 * before).all()


def test_items_are_steered_each_by_itself(z):
    steer = loss_guided(clean, decode, [LossTerm("mean", towards(1.0))])
    sigma = torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    together = steer(z, sigma)
    for k in range(3):
        torch.testing.assert_close(together[k : k + 1], steer(z[k : k + 1], sigma[k : k + 1]))


def test_no_step_is_longer_than_what_is_left_open(z):
    for sigma in (0.01, 0.5, 100.0):
        levels = sigma * ONES
        moved = loss_guided(clean, decode, [LossTerm("mean", towards(1e6))], rounds=1, max_step=0.1)(
            z, levels
        )
        length = (moved - z).square().mean((1, 2)).sqrt()
        torch.testing.assert_close(length, 0.1 * levels / (1 + levels.square()).sqrt())


def test_steps_of_several_losses_are_added_by_their_weights(z):
    def first(sound, sigma):
        return sound[:, 0].square().mean(1)

    def second(sound, sigma):
        return sound[:, 1].square().mean(1)

    def move(*steers):
        return loss_guided(clean, decode, steers, rounds=1)(z, ONES) - z

    both = move(LossTerm("a", first, 0.5), LossTerm("b", second, 2.0))
    torch.testing.assert_close(both, 0.5 * move(LossTerm("a", first)) + 2 * move(LossTerm("b", second)))


def test_a_loss_steers_within_its_window_alone(z):
    steer = loss_guided(clean, decode, [LossTerm("mean", towards(1.0), interval=(0.5, 2.0))])
    sigma = torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64)
    moved = (steer(z, sigma) != z).flatten(1).any(1)
    assert moved.tolist() == [False, True, False]


def test_it_works_inside_inference_mode(z):
    with torch.inference_mode():
        moved = loss_guided(clean, decode, [LossTerm("mean", towards(1.0))])(z.clone(), ONES)
    assert not torch.equal(moved, z)


def test_a_loss_that_is_nowhere_to_be_lowered_moves_nothing(z):
    def flat(sound, sigma):
        return (0 * sound).sum((1, 2)) + 3

    assert torch.equal(loss_guided(clean, decode, [LossTerm("flat", flat)])(z, ONES), z)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_named_with_its_step(z, value):
    calls = []

    def breaks(sound, sigma):
        calls.append(1)
        return sound.mean((1, 2)).square() * (value if len(calls) > 2 else 1)

    steer = loss_guided(clean, decode, [LossTerm("mean", towards(0.0)), LossTerm("mine", breaks)], rounds=1)
    steer(z, ONES)
    steer(z, ONES)
    with pytest.raises(RequestError, match=r"'mine' gave \[(nan|inf).* at step 3 of the walk"):
        steer(z, ONES)


def test_a_loss_of_another_shape_is_named(z):
    with pytest.raises(RequestError, match=r"'sum' gave .* not one finite number for each sound"):
        loss_guided(clean, decode, [LossTerm("sum", lambda sound, sigma: sound.square().sum())])(z, ONES)


def test_a_gradient_that_is_no_number_is_named(z):
    def steep(sound, sigma):
        return (0 * sound).abs().sqrt().sum((1, 2))

    with pytest.raises(RequestError, match="'steep' has no finite gradient at step 1"):
        loss_guided(clean, decode, [LossTerm("steep", steep)])(z, ONES)
