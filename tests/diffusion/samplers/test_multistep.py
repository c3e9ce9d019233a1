import math
from itertools import pairwise

import pytest
import torch

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.diffusion.samplers.multistep import dpmpp_2m, dpmpp_2m_sde, dpmpp_3m_sde, iplms, lms
from wavesmith.errors import RequestError
from wavesmith.noise import ItemNoise


def order(mixture, run, sigmas_of, stop, steps, **options):
    """Slope of the error against the exact probability flow, between two numbers of steps."""
    x = 10 * ItemNoise(0, range(8)).normal((4,)).double()
    exact = mixture.flow(x, 10.0, stop)
    errors = [(run(mixture.denoise, x, sigmas_of(n), **options) - exact).abs().max().item() for n in steps]
    return math.log(errors[0] / errors[1]) / math.log(steps[1] / steps[0])


def karras(steps):
    return schedule("karras", steps + 1, 0.1, 10.0)[:-1]


def even(steps):
    return torch.linspace(10.0, 0.5, steps + 1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "options"), [("dpmpp_2m", {}), ("dpmpp_2m_sde", {"eta": 0.0}), ("iplms", {}), ("plms", {})]
)
def test_second_order_on_a_curved_schedule(name, options, mixture):
    """iPLMS and PLMS, which take their steps for equal, are no better than that where they are not."""
    slope = order(mixture, SAMPLERS[name], karras, 0.1, (80, 320), **options)
    assert slope == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(("name", "options"), [("lms", {}), ("dpmpp_3m", {})])
def test_higher_order_on_a_curved_schedule(name, options, mixture):
    assert order(mixture, SAMPLERS[name], karras, 0.1, (40, 160), **options) > 2.8


@pytest.mark.parametrize("name", ["iplms", "plms", "lms"])
def test_higher_order_on_even_steps(name, mixture):
    assert order(mixture, SAMPLERS[name], even, 0.5, (80, 320)) > 3


def test_lms_of_order_1_and_2_have_those_orders(mixture):
    for k in (1, 2):
        assert order(mixture, lms, karras, 0.1, (80, 320), order=k) == pytest.approx(k, abs=0.2)


def test_lms_on_even_steps_is_adams_bashforth(mixture):
    x = 10 * ItemNoise(0, [0]).normal((4,)).double()
    torch.testing.assert_close(lms(mixture.denoise, x, even(9)), iplms(mixture.denoise, x, even(9)))


def test_lms_needs_an_order(mixture):
    with pytest.raises(RequestError, match="at least 1"):
        lms(mixture.denoise, torch.ones(1, 2), torch.tensor([2.0, 1.0]), order=0)


def test_dpmpp_2m_repeats_the_papers_second_step(mixture):
    """Lu et al. 2022, algorithm 2, with alpha = 1."""
    x = torch.tensor([[12.0, -7.0]], dtype=torch.float64)
    s0, s1, s2 = 9.0, 4.0, 1.0
    d0 = mixture.denoise(x, torch.tensor([s0]))
    x1 = s1 / s0 * x - math.expm1(-math.log(s0 / s1)) * d0
    d1 = mixture.denoise(x1, torch.tensor([s1]))
    r = math.log(s0 / s1) / math.log(s1 / s2)
    mixed = (1 + 1 / (2 * r)) * d1 - 1 / (2 * r) * d0
    x2 = s2 / s1 * x1 - math.expm1(-math.log(s1 / s2)) * mixed
    torch.testing.assert_close(dpmpp_2m(mixture.denoise, x, torch.tensor([s0, s1, s2])), x2)


@pytest.mark.parametrize("run", [dpmpp_2m_sde, dpmpp_3m_sde])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_noise_stays_at_the_level_of_the_schedule_for_any_eta(run, eta, generator):
    x0 = torch.full((20000, 1), 2.0, dtype=torch.float64)
    x = x0 + 5 * torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    end = run(
        lambda x, sigma: torch.full_like(x, 2.0),
        x,
        torch.tensor([5.0, 2.0, 1.0, 0.5]),
        noise=lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype),
        eta=eta,
    )
    assert end.mean() == pytest.approx(2.0, abs=0.015)
    assert end.std() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_dpmpp_3m_integrates_a_parabola_exactly(eta):
    """From its third step on, that is; this parabola in -log(sigma) is 1 at both levels before."""
    position = torch.linspace(-math.log(3), 0, 20001, dtype=torch.float64)

    def parabola(position):
        return 1 + 0.7 * (position + math.log(8)) * (position + math.log(5))

    def denoiser(x, sigma):
        return parabola(-sigma.log())[:, None]

    x = torch.tensor([[4.0]], dtype=torch.float64)
    keep = (3 / 8) ** (1 + eta)
    before = keep * x + (1 - keep) * 1
    weight = (1 + eta) * torch.exp((1 + eta) * position)
    expected = (1 / 3) ** (1 + eta) * before + torch.trapezoid(weight * parabola(position), position)
    sigmas = torch.tensor([8.0, 5.0, 3.0, 1.0], dtype=torch.float64)
    sample = dpmpp_3m_sde(denoiser, x, sigmas, noise=torch.zeros_like, eta=eta)
    torch.testing.assert_close(sample, expected, rtol=0, atol=1e-7)


def v_diffusion_iplms(mixture, x, angles):
    """The iPLMS of v-diffusion in its own coordinates, x_t = alpha x0 + s eps, from its formulas."""
    history = []
    for t, following in pairwise(angles):
        alpha, s = math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)
        x0 = mixture.denoise(x / alpha, torch.tensor([s / alpha], dtype=x.dtype).expand(len(x)))
        v = (alpha * x - x0) / s
        eps = s * x + alpha * v
        history = [eps, *history][:4]
        if len(history) == 1:
            effective = eps
        elif len(history) == 2:
            effective = (3 * history[0] - history[1]) / 2
        elif len(history) == 3:
            effective = (23 * history[0] - 16 * history[1] + 5 * history[2]) / 12
        else:
            effective = (55 * history[0] - 59 * history[1] + 37 * history[2] - 9 * history[3]) / 24
        clean = alpha * x - s * v if len(history) == 1 else (x - s * effective) / alpha
        x = math.cos(following * math.pi / 2) * clean + math.sin(following * math.pi / 2) * effective
    return x


@pytest.mark.parametrize("steps", [10, 50])
def test_iplms_is_v_diffusions(steps, mixture):
    """Dance Diffusion's default: the crash schedule from angle 1 to 0; here also in float32."""
    sigmas = schedule("crash", steps, 0.0, math.inf)
    angles = (2 / math.pi * torch.atan(sigmas)).tolist()
    start = ItemNoise(0, range(4)).normal((8,)).double()
    expected = v_diffusion_iplms(mixture, start, angles)
    alpha = math.cos(angles[0] * math.pi / 2)
    sample = iplms(mixture.denoise, start / alpha, sigmas)
    torch.testing.assert_close(sample, expected, rtol=0, atol=1e-6)
    single = iplms(mixture.denoise, (start / alpha).float(), sigmas)
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=1e-4)
