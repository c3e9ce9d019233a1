import math

import pytest
import torch

from wavesmith.diffusion import EDM, SIGMA_LIMIT, X0, Epsilon, RectifiedFlow, V, broadcast

# What each network should answer, from the definitions in the papers: (x0, eps, sigma [B, 1]) -> target.
TARGETS = {
    V(): lambda x0, eps, s: (eps - s * x0) / (1 + s**2).sqrt(),
    Epsilon(): lambda x0, eps, s: eps,
    X0(): lambda x0, eps, s: x0,
    RectifiedFlow(): lambda x0, eps, s: eps - x0,
    EDM(0.7): lambda x0, eps, s: (x0 * s / 0.7 - 0.7 * eps) / (s**2 + 0.7**2).sqrt(),
}
# What each network is shown, and the number that tells it the noise.
INPUTS = {
    V(): lambda x, s: (x / (1 + s**2).sqrt(), 2 / math.pi * torch.atan(s)),
    Epsilon(): lambda x, s: (x / (1 + s**2).sqrt(), 2 / math.pi * torch.atan(s)),
    X0(): lambda x, s: (x / (1 + s**2).sqrt(), 2 / math.pi * torch.atan(s)),
    RectifiedFlow(): lambda x, s: (x / (1 + s), s / (1 + s)),
    EDM(0.7): lambda x, s: (x / (s**2 + 0.7**2).sqrt(), s.log() / 4),
}
ALL = [pytest.param(p, id=type(p).__name__) for p in TARGETS]


@pytest.fixture
def example(generator):
    x0, eps = torch.randn(2, 5, 3, 8, generator=generator, dtype=torch.float64)
    sigma = torch.tensor([1e-3, 0.1, 1.0, 7.0, 80.0], dtype=torch.float64)
    return x0, eps, sigma


def columns(sigma):
    return sigma.reshape(-1, 1, 1)


@pytest.mark.parametrize("parameterisation", ALL)
def test_a_perfect_network_gives_the_clean_sound_and_no_loss(parameterisation, example):
    x0, eps, sigma = example
    target = TARGETS[parameterisation](x0, eps, columns(sigma))

    def network(x, noise):
        return target

    denoised = parameterisation.denoise(network, x0 + columns(sigma) * eps, sigma)
    torch.testing.assert_close(denoised, x0, rtol=0, atol=1e-11)
    loss = parameterisation.loss(network, x0, sigma, eps)
    assert loss.shape == (5,)
    assert loss.max() < 1e-12


@pytest.mark.parametrize("parameterisation", ALL)
def test_loss_is_the_mean_square_error_on_what_the_network_predicts(parameterisation, example, generator):
    x0, eps, sigma = example
    answer = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    loss = parameterisation.loss(lambda x, noise: answer, x0, sigma, eps)
    expected = (answer - TARGETS[parameterisation](x0, eps, columns(sigma))).square().mean((1, 2))
    torch.testing.assert_close(loss, expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("parameterisation", ALL)
def test_the_network_is_shown_what_its_paper_says(parameterisation, example):
    x0, eps, sigma = example
    seen = {}

    def network(x, noise, **cond):
        seen.update(x=x, noise=noise, **cond)
        return x

    x = x0 + columns(sigma) * eps
    parameterisation.denoise(network, x, sigma, label="kick")
    shown, told = INPUTS[parameterisation](x, columns(sigma))
    torch.testing.assert_close(seen["x"], shown)
    torch.testing.assert_close(seen["noise"], told.flatten())
    assert seen["label"] == "kick"


def test_v_agrees_with_the_angle_form():
    t = torch.tensor([0.2, 0.9], dtype=torch.float64)
    alpha, s = torch.cos(t * math.pi / 2), torch.sin(t * math.pi / 2)
    x_t, v = torch.tensor([0.3, -0.8], dtype=torch.float64), torch.tensor([0.5, 0.1], dtype=torch.float64)
    denoised = V().denoise(lambda x, noise: v.unsqueeze(1), (x_t / alpha).unsqueeze(1), s / alpha)
    torch.testing.assert_close(denoised.squeeze(1), alpha * x_t - s * v)


@pytest.mark.parametrize("parameterisation", ALL)
@pytest.mark.parametrize("sigma", [0.0, 1e-8, SIGMA_LIMIT, 1e16])
def test_no_noise_level_breaks_float32(parameterisation, sigma, generator):
    x0, eps = torch.randn(2, 2, 4, generator=generator)
    levels = torch.full((2,), sigma)
    x = x0 + broadcast(levels, x0) * eps
    shown = []

    def network(x, noise):
        shown.extend([x, noise])
        return torch.zeros_like(x)

    assert parameterisation.denoise(network, x, levels).isfinite().all()
    assert all(value.isfinite().all() for value in shown)
    assert parameterisation.weight(levels).isfinite().all()
    assert parameterisation.loss(network, x0, levels, eps).isfinite().all()


@pytest.mark.parametrize("parameterisation", [V(), RectifiedFlow(), EDM(0.7), Epsilon()])
def test_without_noise_the_sound_comes_back_untouched(parameterisation, generator):
    x = torch.randn(2, 4, generator=generator)
    denoised = parameterisation.denoise(lambda x, noise: torch.ones_like(x), x, torch.zeros(2))
    torch.testing.assert_close(denoised, x)


def test_half_precision_sounds_have_a_float32_loss(generator):
    x0, eps = torch.randn(2, 2, 4, generator=generator).half()
    assert V().loss(lambda x, noise: x, x0, torch.ones(2), eps).dtype == torch.float32
