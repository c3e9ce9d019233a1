import pytest
import torch

from wavesmith.diffusion import schedule
from wavesmith.diffusion.samplers.adaptive import dpm_adaptive, dpm_fast
from wavesmith.errors import RequestError
from wavesmith.noise import ItemNoise

SIGMAS = torch.tensor([10.0, 3.0, 1.0, 0.1], dtype=torch.float64)


class Counting:
    def __init__(self, denoise):
        self.denoise = denoise
        self.calls = 0

    def __call__(self, x, sigma):
        self.calls += 1
        return self.denoise(x, sigma)


def start(indices):
    return 10 * ItemNoise(0, indices).normal((1,)).double()


def test_tighter_tolerances_come_nearer_to_the_flow_for_more_evaluations(mixture):
    x = start(range(16))
    exact = mixture.flow(x, 10.0, 0.1)
    errors, calls = [], []
    for tolerance in (1e-1, 1e-3, 1e-5):
        denoiser = Counting(mixture.denoise)
        sample = dpm_adaptive(denoiser, x, SIGMAS, rtol=tolerance, atol=tolerance)
        errors.append((sample - exact).abs().max().item())
        calls.append(denoiser.calls)
    assert calls[0] < calls[1] < calls[2]
    assert errors[1] < 2e-3
    assert errors[2] < 2e-5


def test_each_item_takes_its_own_steps(mixture):
    alone, calls = [], []
    for k in range(6):
        denoiser = Counting(mixture.denoise)
        alone.append(dpm_adaptive(denoiser, start([k]), SIGMAS, rtol=1e-3, atol=1e-3))
        calls.append(denoiser.calls)
    assert len(set(calls)) > 1, "items of one difficulty would prove nothing"
    denoiser = Counting(mixture.denoise)
    together = dpm_adaptive(denoiser, start(range(6)), SIGMAS, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-11)
    assert denoiser.calls == max(calls)


def test_a_last_level_of_zero_adds_one_denoising(mixture):
    to_zero = torch.cat([SIGMAS, torch.zeros(1)])
    noisy = dpm_adaptive(mixture.denoise, start([0, 1]), SIGMAS)
    clean = dpm_adaptive(mixture.denoise, start([0, 1]), to_zero)
    torch.testing.assert_close(clean, mixture.denoise(noisy, torch.full((2,), 0.1, dtype=torch.float64)))


def test_the_callback_tells_how_far_the_walk_has_come(mixture):
    steps = []

    def callback(step, total, x, sigma, denoised):
        assert total == 3
        assert sigma.shape == (2,)
        torch.testing.assert_close(denoised, mixture.denoise(x, sigma))
        steps.append(step)

    dpm_adaptive(mixture.denoise, start([0, 1]), SIGMAS, callback=callback)
    assert steps == sorted(steps)
    assert set(steps) == {0, 1, 2}


def test_a_denoiser_gone_astray_does_not_keep_the_walk_from_ending():
    denoiser = Counting(lambda x, sigma: torch.full_like(x, torch.nan))
    assert dpm_adaptive(denoiser, start([0]), SIGMAS).isnan().all()
    assert denoiser.calls < 100


def test_a_tolerance_beyond_rounding_still_ends(mixture):
    sample = dpm_adaptive(mixture.denoise, start([0]).float(), SIGMAS, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sample.double(), mixture.flow(start([0]), 10.0, 0.1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("bad", [{"rtol": 0.0}, {"atol": -1.0}])
def test_tolerances_must_be_positive(bad, mixture):
    with pytest.raises(RequestError, match="above 0"):
        dpm_adaptive(mixture.denoise, start([0]), SIGMAS, **bad)


@pytest.mark.parametrize("steps", range(1, 14))
def test_the_fast_one_spends_as_many_evaluations_as_there_are_steps(steps, mixture):
    for sigmas in (schedule("karras", steps, 0.1, 10.0), schedule("karras", steps + 1, 0.1, 10.0)[:-1]):
        denoiser = Counting(mixture.denoise)
        dpm_fast(denoiser, start([0]), sigmas)
        assert denoiser.calls == steps


def test_the_fast_one_is_of_third_order(mixture):
    x, errors = start(range(8)), []
    exact = mixture.flow(x, 10.0, 0.1)
    for steps in (62, 122):  # in steps of order 3 but for the last one
        sigmas = schedule("exponential", steps + 1, 0.1, 10.0)[:-1]
        errors.append((dpm_fast(mixture.denoise, x, sigmas) - exact).abs().max().item())
    assert errors[0] / errors[1] > 2**2.5


def test_the_fast_one_tells_of_each_of_its_steps(mixture):
    seen = []

    def callback(step, steps, x, sigma, denoised):
        torch.testing.assert_close(denoised, mixture.denoise(x, sigma))
        seen.append((step, steps))

    dpm_fast(mixture.denoise, start([0, 1]), schedule("karras", 9, 0.1, 10.0), callback=callback)
    assert seen == [(0, 9), (3, 9), (6, 9), (8, 9)]
