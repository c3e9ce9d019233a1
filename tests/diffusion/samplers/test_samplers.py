"""What every sampler in the registry promises."""

import math

import pytest
import torch

from wavesmith.diffusion import SAMPLERS, schedule
from wavesmith.errors import RequestError
from wavesmith.noise import ItemNoise

FIXED = [name for name in SAMPLERS if name not in ("dpm_adaptive", "dpm_fast")]  # the levels they step on
NEAR = [
    "heun",
    "prk",
    "dpm2",
    "dpm2_ancestral",
    "plms",
    "plms2",
]  # whose docstrings ask for a first sigma of some tens
STOCHASTIC = [name for name, record in SAMPLERS.items() if record.stochastic]
DETERMINISTIC = [name for name, record in SAMPLERS.items() if not record.stochastic]


def walk(mixture, name, indices, sigmas, **options):
    """Samples `[B, 2, 3]` of the items `indices`, each with noise of its own."""
    noise = ItemNoise(11, indices).shaped((2, 3))
    return SAMPLERS[name](mixture.denoise, sigmas[0] * noise().double(), sigmas, noise=noise, **options)


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_item_comes_out_the_same_in_any_batch(name, mixture):
    sigmas = schedule("karras", 12, 0.02, 20.0)
    together = walk(mixture, name, range(6), sigmas)
    assert together.flatten(1).std(0).min() > 0.1, "the items must differ for this to say anything"
    for indices in ([4], [5, 0, 2]):
        torch.testing.assert_close(
            together[list(indices)], walk(mixture, name, indices, sigmas), rtol=0, atol=1e-11
        )


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ping_pong"])
def test_the_distribution_comes_out(name, mixture, generator):
    """`ping_pong` is for models that return samples rather than averages, and has a test of its own."""
    items = 8000
    clean = mixture.draw(items, 1, generator=generator)
    noisy = clean + 20 * torch.randn(items, 1, generator=generator, dtype=torch.float64)
    sigmas = schedule("karras", 80, 0.02, 20.0)
    sample = SAMPLERS[name](
        mixture.denoise,
        noisy,
        sigmas,
        noise=lambda like: torch.randn(like.shape, generator=generator).to(like),
    )
    left, right = sample[sample < -0.25], sample[sample >= -0.25]
    # Bounds are some four standard errors of so many items, and the first-order samplers' bias.
    assert len(left) / items == pytest.approx(0.3, abs=0.025)
    assert left.mean() == pytest.approx(-1.5, abs=0.04)
    assert right.mean() == pytest.approx(1.0, abs=0.03)
    assert left.std() == pytest.approx(0.4, abs=0.04)
    assert right.std() == pytest.approx(0.25, abs=0.02)


# Fresh noise that is not coupled to what the model sees of it would leave the variance at order 1.
WEAK_ORDERS = {
    "ddpm": 1,
    "euler_ancestral": 1,
    "dpm2_ancestral": 2,
    "dpmpp_2s_ancestral": 2,
    "dpmpp_sde": 2,
    "dpmpp_2m_sde": 2,
    "dpmpp_3m_sde": 2,
}


def variance_error(name, steps):
    """How far the variance of Gaussian sounds of deviation 0.5 is off at sigma 0.1; exact, without chance.

    Their denoiser is linear, so a sample is a sum of its start and its draws, each times a factor. Item 0
    starts at one deviation and draws nothing, item k draws 1 at draw k only: their squares sum to it.
    """
    x = torch.zeros(1 + 2 * steps, 1, dtype=torch.float64)
    x[0] = math.sqrt(0.25 + 100)
    units = iter(torch.eye(len(x), dtype=torch.float64)[1:])
    sample = SAMPLERS[name](
        lambda x, sigma: x * 0.25 / (0.25 + sigma[:, None] ** 2),
        x,
        schedule("karras", steps + 1, 0.1, 10.0)[:-1],
        noise=lambda like: next(units)[:, None],
    )
    return abs(sample.square().sum().item() - (0.25 + 0.01))


@pytest.mark.parametrize("name", WEAK_ORDERS)
def test_the_error_of_the_distribution_falls_with_its_order(name):
    order = math.log(variance_error(name, 80) / variance_error(name, 160), 2)
    assert order == pytest.approx(WEAK_ORDERS[name], abs=0.15)


@pytest.mark.parametrize("name", SAMPLERS)
def test_few_coarse_steps_in_float32_stay_finite(name, mixture):
    for steps in (1, 2, 5):
        noise = ItemNoise(3, [0, 1]).shaped((4,))
        sigmas = schedule("karras", steps, 0.01, 80.0)
        sample = SAMPLERS[name](mixture.denoise, 80 * noise(), sigmas, noise=noise)
        assert sample.dtype == torch.float32
        assert sample.isfinite().all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_single_step_returns_the_denoised(name, mixture):
    x = 10 * torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sample = SAMPLERS[name](mixture.denoise, x, torch.tensor([10.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(sample, mixture.denoise(x, torch.full((3,), 10.0)))


@pytest.mark.parametrize("name", FIXED)
def test_the_callback_sees_each_step_once(name, mixture):
    sigmas = schedule("karras", 7, 0.02, 20.0)
    seen = []

    def callback(step, steps, x, sigma, denoised):
        torch.testing.assert_close(denoised, mixture.denoise(x, sigma))
        seen.append((step, steps, tuple(x.shape), sigma.tolist()))

    walk(mixture, name, [0, 1], sigmas, callback=callback)
    assert seen == [(i, 7, (2, 2, 3), [sigmas[i].item()] * 2) for i in range(7)]


@pytest.mark.parametrize("name", FIXED)
def test_evaluations_are_counted_right(name, mixture):
    calls = []

    def denoiser(x, sigma):
        calls.append(sigma)
        return mixture.denoise(x, sigma)

    sigmas = schedule("karras", 11, 0.1, 10.0)[:-1]
    noise = ItemNoise(0, [0]).shaped((4,))
    SAMPLERS[name](denoiser, 10 * noise(), sigmas, noise=noise)
    warm_up = name in ("plms", "plms2")
    assert len(calls) == SAMPLERS[name].evaluations * 10 + warm_up


@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_samplers_follow_their_noise_and_ask_for_it(name, mixture):
    sigmas = schedule("karras", 5, 0.1, 10.0)
    x = 10 * ItemNoise(0, [0]).normal((4,))
    first, again, other = (
        SAMPLERS[name](mixture.denoise, x, sigmas, noise=ItemNoise(seed, [0]).shaped((4,)))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    with pytest.raises(RequestError, match="noise"):
        SAMPLERS[name](mixture.denoise, x, sigmas)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_samplers_draw_no_noise(name, mixture):
    def forbidden(like):
        raise AssertionError

    x = 10 * ItemNoise(0, [0]).normal((4,))
    sigmas = schedule("karras", 5, 0.1, 10.0)
    sample = SAMPLERS[name](mixture.denoise, x, sigmas, noise=forbidden)
    assert torch.equal(sample, SAMPLERS[name](mixture.denoise, x, sigmas))


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_goes_in_is_not_overwritten(name, mixture):
    noise = ItemNoise(0, [0]).shaped((4,))
    x, sigmas = 10 * noise(), schedule("karras", 5, 0.1, 10.0)
    before = x.clone(), sigmas.clone()
    SAMPLERS[name](mixture.denoise, x, sigmas, noise=noise)
    assert torch.equal(x, before[0])
    assert torch.equal(sigmas, before[1])


@pytest.mark.parametrize(
    "name",
    ["ddim", "euler_ancestral", "dpm2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2m_sde", "dpmpp_3m_sde"],
)
@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan])
def test_an_eta_out_of_range_is_refused(name, eta, mixture):
    x, sigmas = torch.ones(1, 2), torch.tensor([2.0, 1.0])
    with pytest.raises(RequestError, match="from 0 to 1"):
        SAMPLERS[name](mixture.denoise, x, sigmas, noise=torch.zeros_like, eta=eta)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in NEAR])
def test_the_walk_may_begin_where_nothing_of_the_sound_is_left(name, mixture):
    """Float32 from SIGMA_LIMIT agrees with float64 (within the adaptive tolerance), and both are sounds."""
    sigmas = schedule("crash", 30, 0.0, math.inf)
    samples = []
    for dtype in (torch.float32, torch.float64):
        noise = ItemNoise(0, [0, 1]).shaped((8,))
        x = sigmas[0] * noise().to(dtype)
        samples.append(SAMPLERS[name](mixture.denoise, x, sigmas, noise=noise).double())
    torch.testing.assert_close(samples[0], samples[1], rtol=0, atol=5e-3)
    assert samples[1].abs().max() < 4


def test_samplers_are_found_by_name():
    assert SAMPLERS["heun"] is SAMPLERS["heun"]
    with pytest.raises(RequestError, match="did you mean 'dpmpp_2m'"):
        SAMPLERS["dpmp-2m"]


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        ("v-iplms", "iplms"),
        ("v-ddim", "ddim"),
        ("k-heun", "heun"),
        ("k-dpmpp_2s_ancestral", "dpmpp_2s_ancestral"),
        ("k-lms", "lms"),
        ("k-dpm-2", "dpm2"),
        ("k-dpm-fast", "dpm_fast"),
        ("k-dpm-adaptive", "dpm_adaptive"),
    ],
)
def test_the_eight_of_the_notebook_are_here_by_its_names(theirs, name):
    assert SAMPLERS[theirs] is SAMPLERS[name]


@pytest.mark.parametrize(
    "theirs",
    [
        *("V_DDPM", "V_DDIM", "V_PRK", "V_PIE", "V_PLMS", "V_PLMS2", "V_IPLMS"),
        *("K_EULER", "K_EULERA", "K_HEUN", "K_DPM2", "K_DPM2A", "K_LMS", "K_DPMF", "K_DPMA"),
        *("K_DPMPP2SA", "K_DPMPP2M", "K_DPMPPSDE"),
    ],
)
def test_all_of_sample_diffusion_are_here_by_its_names(theirs):
    assert SAMPLERS[theirs] in SAMPLERS.values()


def test_every_alias_leads_to_a_sampler():
    assert set(SAMPLERS.aliases.values()) <= set(SAMPLERS)
    assert not set(SAMPLERS.aliases) & set(SAMPLERS)
