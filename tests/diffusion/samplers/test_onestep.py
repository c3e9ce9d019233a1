import math

import pytest
import torch

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.diffusion.samplers.onestep import (
    ddim,
    ddpm,
    dpmpp_sde,
    euler,
    euler_ancestral,
    heun,
    ping_pong,
)
from wavesmith.noise import ItemNoise

ORDERS = {"ddim": 1, "euler": 1, "heun": 2, "dpm2": 2, "dpmpp_2s": 2}


def error(mixture, run, steps, **options):
    """Greatest distance from the exact probability flow from sigma 10 to 0.1, over 32 numbers."""
    x = 10 * ItemNoise(0, range(8)).normal((4,)).double()
    sigmas = schedule("karras", steps + 1, 0.1, 10.0)[:-1]
    return (run(mixture.denoise, x, sigmas, **options) - mixture.flow(x, 10.0, 0.1)).abs().max().item()


@pytest.mark.parametrize("name", ORDERS)
def test_error_falls_with_the_order_that_theory_gives(name, mixture):
    coarse, fine = (error(mixture, SAMPLERS[name], steps) for steps in (80, 320))
    assert math.log(coarse / fine, 4) == pytest.approx(ORDERS[name], abs=0.12)


def test_dpmpp_sde_without_its_noise_is_of_order_2(mixture):
    coarse, fine = (error(mixture, dpmpp_sde, steps, eta=0.0, noise=torch.zeros_like) for steps in (80, 320))
    assert math.log(coarse / fine, 4) == pytest.approx(2, abs=0.12)


def test_an_euler_step_is_karras_formula(mixture):
    x = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    denoised = mixture.denoise(x, torch.tensor([4.0]))
    expected = x + (1.5 - 4.0) * (x - denoised) / 4.0
    torch.testing.assert_close(euler(mixture.denoise, x, torch.tensor([4.0, 1.5])), expected)


def test_a_heun_step_averages_the_slopes_of_both_ends(mixture):
    x = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    here = (x - mixture.denoise(x, torch.tensor([4.0]))) / 4.0
    trial = x + (1.5 - 4.0) * here
    there = (trial - mixture.denoise(trial, torch.tensor([1.5]))) / 1.5
    sample = heun(mixture.denoise, x, torch.tensor([4.0, 1.5]))
    torch.testing.assert_close(sample, x + (1.5 - 4.0) * (here + there) / 2)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim_is_the_papers_formula_in_the_angle_form(eta, mixture, generator):
    """x' = alpha' x0 + sqrt(s'**2 - d**2) eps + d noise, d = eta (s'/s) sqrt(1 - alpha**2 / alpha'**2)."""
    x, noise = torch.randn(2, 1, 6, generator=generator, dtype=torch.float64)
    (alpha, s), (alpha2, s2) = ((math.cos(a), math.sin(a)) for a in (1.2, 0.8))
    x0 = mixture.denoise(x / alpha, torch.tensor([s / alpha]))
    eps = (x - alpha * x0) / s
    d = eta * s2 / s * math.sqrt(1 - alpha**2 / alpha2**2)
    expected = alpha2 * x0 + math.sqrt(s2**2 - d**2) * eps + d * noise
    sigmas = torch.tensor([s / alpha, s2 / alpha2], dtype=torch.float64)
    sample = ddim(mixture.denoise, x / alpha, sigmas, noise=lambda like: noise, eta=eta)
    torch.testing.assert_close(alpha2 * sample, expected)


def test_ancestral_euler_and_ddpm_are_ddim_with_all_the_noise(mixture):
    x, sigmas = 10 * ItemNoise(0, [0]).normal((4,)), schedule("karras", 6, 0.1, 10.0)
    samples = [
        run(mixture.denoise, x, sigmas, noise=ItemNoise(1, [0]).shaped((4,)))
        for run in (ddpm, euler_ancestral)
    ]
    expected = ddim(mixture.denoise, x, sigmas, noise=ItemNoise(1, [0]).shaped((4,)), eta=1.0)
    assert torch.equal(samples[0], expected)
    assert torch.equal(samples[1], expected)


def test_the_noise_of_dpmpp_sde_is_one_brownian_motion(generator):
    """With the clean sound known, whatever the steps, the end is that sound and noise of the last level."""
    x0 = torch.full((20000, 1), 2.0, dtype=torch.float64)
    x = x0 + 5 * torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    end = dpmpp_sde(
        lambda x, sigma: torch.full_like(x, 2.0),
        x,
        torch.tensor([5.0, 2.0, 0.5]),
        noise=lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype),
    )
    assert end.mean() == pytest.approx(2.0, abs=0.015)
    assert end.std() == pytest.approx(0.5, abs=0.01)


def test_ping_pong_keeps_the_distribution_of_a_model_that_jumps_to_the_end(generator):
    """For Gaussian sounds of deviation 0.5 the flow's end is known: x * 0.5 / sqrt(0.25 + sigma**2)."""
    x = 20 * torch.randn(8000, 1, generator=generator, dtype=torch.float64)

    def jump(x, sigma):
        return x * 0.5 / (0.25 + sigma[:, None] ** 2).sqrt()

    sample = ping_pong(
        jump,
        x,
        schedule("karras", 4, 0.1, 20.0),
        noise=lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype),
    )
    assert sample.std() == pytest.approx(0.5, abs=0.02)
    assert abs(torch.corrcoef(torch.stack([x.flatten(), sample.flatten()]))[0, 1]) < 0.9
