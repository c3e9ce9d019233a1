import math

import pytest
import torch

from wavesmith.diffusion import SCHEDULES, SIGMA_LIMIT, schedule
from wavesmith.errors import RequestError

REACH_ZERO = ["linear", "cosine", "ddpm_linear", "crash", "karras", "vp"]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 17, 100])
def test_every_schedule_falls_from_exactly_the_highest_noise_to_zero(name, steps):
    sigmas = schedule(name, steps, 0.003, 20.0)
    assert sigmas.shape == (steps + 1,)
    assert sigmas.dtype == torch.float64
    assert (sigmas.diff() < 0).all()
    assert (sigmas[0], sigmas[-1]) == (20.0, 0.0)
    if steps > 1:
        assert sigmas[-2] == 0.003


@pytest.mark.parametrize("name", REACH_ZERO)
def test_with_no_lowest_noise_the_even_steps_end_at_zero(name):
    sigmas = schedule(name, 10, 0.0, 20.0)
    assert sigmas.shape == (11,)
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
    torch.testing.assert_close(sigmas, schedule(name, 10, sigmas[-2].item(), 20.0))


def test_karras_is_equation_5():
    sigmas = schedule("karras", 5, 0.002, 80.0)
    for i in range(5):
        expected = (80 ** (1 / 7) + i / 4 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
        assert sigmas[i].item() == pytest.approx(expected)


def test_rho_moves_the_levels():
    assert schedule("karras", 5, 0.01, 80.0, rho=3)[2] > schedule("karras", 5, 0.01, 80.0)[2]
    assert schedule("polyexponential", 5, 0.01, 80.0, rho=2)[2] < schedule("exponential", 5, 0.01, 80.0)[2]


def test_exponential_log_and_flat_polyexponential_are_a_geometric_series():
    expected = torch.tensor([100.0, 10.0, 1.0, 0.1, 0.0], dtype=torch.float64)
    for name in ("exponential", "log", "polyexponential"):
        torch.testing.assert_close(schedule(name, 4, 0.1, 100.0), expected)


def test_crash_is_dance_diffusions():
    """Even u from 1 to 0, sin(pi u / 2)**2 = sin(pi t / 2), sigma = tan(pi t / 2)."""
    sigmas = schedule("crash", 8, 0.0, math.inf)
    assert sigmas[0] == SIGMA_LIMIT
    for i in range(1, 9):
        t = 2 / math.pi * math.asin(math.sin(math.pi / 2 * (1 - i / 8)) ** 2)
        assert sigmas[i].item() == pytest.approx(math.tan(math.pi / 2 * t), rel=1e-4)


def test_linear_is_even_in_the_angle():
    sigmas = schedule("linear", 4, 0.0, math.inf)
    angles = 2 / math.pi * torch.atan(sigmas)
    torch.testing.assert_close(angles, torch.linspace(1, 0, 5, dtype=torch.float64), rtol=0, atol=2e-6)


def test_cosine_starts_like_ddpm_and_ends_like_the_angle():
    highest = math.sqrt(math.expm1(1e-4 + 10))
    sigmas = schedule("cosine", 1000, 0.0, highest)
    noise = torch.log1p(sigmas**2)
    time = ((noise - 1e-4) / 10).clamp(min=0).sqrt()
    torch.testing.assert_close(
        time[:10].diff().std(), torch.zeros((), dtype=torch.float64), rtol=0, atol=1e-9
    )
    angles = 2 / math.pi * torch.atan(sigmas)
    torch.testing.assert_close(angles[-10:].diff(), time[:10].diff()[:1].expand(9), rtol=1e-6, atol=0)


def test_vp_is_even_in_its_time():
    sigmas = schedule("vp", 4, 0.0, math.sqrt(math.expm1(0.1 + 19.9 / 2)))
    for sigma, t in zip(sigmas.tolist(), [1, 0.75, 0.5, 0.25, 0], strict=True):
        assert sigma == pytest.approx(math.sqrt(math.expm1(0.1 * t + 19.9 * t**2 / 2)))


def test_ddpms_time_runs_evenly():
    sigmas = schedule("ddpm_linear", 8, 0.0, math.sqrt(math.expm1(1e-4 + 10)))
    for i in range(8):
        assert sigmas[i].item() == pytest.approx(math.sqrt(math.expm1(1e-4 + 10 * (1 - i / 8) ** 2)))


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        ("V_DDPM", "ddpm_linear"),
        ("V_SPLICED_DDPM_COSINE", "cosine"),
        ("V_LOG", "log"),
        ("V_CRASH", "crash"),
        ("K_KARRAS", "karras"),
        ("K_EXPONENTIAL", "exponential"),
        ("K_POLYEXPONENTIAL", "polyexponential"),
        ("K_VP", "vp"),
    ],
)
def test_those_of_sample_diffusion_are_here_by_its_names(theirs, name):
    assert torch.equal(schedule(theirs, 5, 0.01, 20.0), SCHEDULES[name](5, 0.01, 20.0))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(RequestError, match="did you mean 'karras'"):
        schedule("karas", 10, 0.01, 10.0)


@pytest.mark.parametrize(
    ("steps", "low", "high", "message"),
    [
        (0, 0.1, 10.0, "at least 1 step"),
        (5, 10.0, 0.1, "no range"),
        (5, -1.0, 10.0, "no range"),
        (5, 0.1, math.nan, "no range"),
    ],
)
@pytest.mark.parametrize("name", SCHEDULES)
def test_senseless_requests_are_refused_in_words(name, steps, low, high, message):
    with pytest.raises(RequestError, match=message):
        schedule(name, steps, low, high)


@pytest.mark.parametrize("name", ["log", "exponential", "polyexponential"])
def test_schedules_in_the_logarithm_need_a_lowest_noise(name):
    with pytest.raises(RequestError, match="sigma_min above 0"):
        schedule(name, 5, 0.0, 10.0)


@pytest.mark.parametrize("options", [{"rho": 0.0}, {"rho": math.nan}])
def test_a_rho_that_is_not_positive_is_refused(options):
    with pytest.raises(RequestError, match="rho must be above 0"):
        schedule("karras", 5, 0.1, 10.0, **options)
