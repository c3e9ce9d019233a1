import math

import pytest
import torch

from wavesmith.diffusion import classifier_free
from wavesmith.errors import RequestError

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
