"""Beside k-diffusion: its own samplers on the same denoiser, levels and noise."""

import pytest
import torch

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.noise import ItemNoise

STEPS = 12


@pytest.fixture
def start():
    return 10 * ItemNoise(5, range(4)).normal((2, 6)).double()


def draws():
    """The same noise for both, draw by draw."""
    generator = torch.Generator().manual_seed(2)
    return lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype)


@pytest.mark.parametrize(
    "name",
    ["euler", "heun", "dpm_2", "lms", "dpmpp_2m", "euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral"],
)
def test_the_walk_is_k_diffusions(k_diffusion, mixture, start, name):
    sigmas = schedule("karras", STEPS, 0.05, 10.0)
    theirs, ours = draws(), draws()
    options = {"noise_sampler": lambda sigma, following: theirs(start)} if "ancestral" in name else {}
    expected = getattr(k_diffusion, f"sample_{name}")(mixture.denoise, start, sigmas, disable=True, **options)
    found = SAMPLERS[f"k-{name}"](mixture.denoise, start, sigmas, noise=ours)
    # scipy's quadrature, from which k-diffusion has the weights of lms, is good to six digits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 if name == "lms" else 1e-10)


@pytest.mark.parametrize("steps", [5, 6, 7])
def test_dpm_fast_is_k_diffusions(k_diffusion, mixture, start, steps):
    sigmas = schedule("karras", steps + 1, 0.05, 10.0)[:-1]  # which does not denoise at the end either
    expected = k_diffusion.sample_dpm_fast(mixture.denoise, start, 0.05, 10.0, steps, disable=True)
    found = SAMPLERS["k-dpm-fast"](mixture.denoise, start, sigmas)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)  # k-diffusion's levels are of float32 here


def test_dpm_adaptive_ends_where_k_diffusions_does(k_diffusion, mixture, start):
    """The two choose their steps by different rules, so only what they converge to is the same."""
    options = {"rtol": 1e-5, "atol": 1e-5}
    expected = k_diffusion.sample_dpm_adaptive(mixture.denoise, start, 0.05, 10.0, disable=True, **options)
    sigmas = schedule("karras", STEPS, 0.05, 10.0)[:-1]
    found = SAMPLERS["k-dpm-adaptive"](mixture.denoise, start, sigmas, **options)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["karras", "exponential", "polyexponential", "vp"])
def test_levels_are_k_diffusions(k_diffusion, name):
    if name == "vp":
        expected = k_diffusion.get_sigmas_vp(STEPS)
        found = schedule("k_vp", STEPS, float(expected[-2]), float(expected[0]))
    else:
        expected = getattr(k_diffusion, f"get_sigmas_{name}")(STEPS, 0.05, 10.0)
        found = schedule(f"k_{name}", STEPS, 0.05, 10.0)
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=0)
