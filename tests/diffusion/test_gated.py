import pytest
import torch

from wavesmith.diffusion import EDM, Gated

SIGMAS = torch.tensor([0.001, 0.03, 0.5, 1.0, 7.0, 80.0, 1000.0])


def noise(seed=0, features=3):
    return torch.randn(len(SIGMAS), features, 10, generator=torch.Generator().manual_seed(seed))


def silent(x, c_noise, **cond):
    return torch.zeros(len(x), 2 * x.shape[1], x.shape[2])


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_it_starts_as_edms_skip_connection(sigma_data):
    x = SIGMAS[:, None, None] * noise()
    edm = EDM(sigma_data).denoise(lambda x, c_noise: torch.zeros_like(x), x, SIGMAS)
    torch.testing.assert_close(Gated(sigma_data).denoise(silent, x, SIGMAS), edm)


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_the_log_power_as_gate_gives_the_wiener_gain(sigma_data):
    power = torch.tensor([1e-4, 0.3, 20.0])[None, :, None]

    def knowing(x, c_noise):
        gate = (power / sigma_data**2).log().expand_as(x)
        return torch.cat([gate, torch.zeros_like(x)], dim=1)

    x, variance = noise(), SIGMAS[:, None, None] ** 2
    wiener = power / (power + variance) * x
    torch.testing.assert_close(Gated(sigma_data).denoise(knowing, x, SIGMAS), wiener, rtol=1e-4, atol=1e-7)


def test_no_network_knows_better_than_the_wiener_gain_for_gaussian_sounds():
    power = torch.tensor([0.01, 0.5, 4.0])[None, :, None]
    generator = torch.Generator().manual_seed(3)
    x0 = power.sqrt() * torch.randn(64, 3, 500, generator=generator)
    eps, sigma = torch.randn(64, 3, 500, generator=generator), torch.full((64,), 0.7)

    def loss(offset):
        def network(x, c_noise):
            return torch.cat([power.log().expand_as(x) + offset, torch.zeros_like(x)], dim=1)

        return Gated().loss(network, x0, sigma, eps).mean()

    assert loss(0.0) < min(loss(-0.3), loss(0.3))


@pytest.mark.parametrize("gate", [-50.0, 0.0, 50.0])
def test_everything_is_finite_at_any_noise_level(gate):
    def network(x, c_noise):
        assert c_noise.isfinite().all()
        assert x.isfinite().all()
        return torch.cat([torch.full_like(x, gate), torch.ones_like(x)], dim=1)

    x0 = noise()
    assert Gated().denoise(network, x0, SIGMAS).isfinite().all()
    assert Gated().denoise(network, x0, torch.zeros(len(SIGMAS))).isfinite().all()
    assert Gated().loss(network, x0, SIGMAS, noise(1)).isfinite().all()


def test_a_perfect_answer_has_no_loss():
    x0, eps = noise(), noise(1)
    out = Gated().scaling(SIGMAS).out[:, None, None]

    def perfect(x, c_noise):
        """The gate shut, the residual all of the sound."""
        return torch.cat([torch.full_like(x, -200.0), x0 / out], dim=1)

    torch.testing.assert_close(
        Gated().loss(perfect, x0, SIGMAS, eps), torch.zeros(len(SIGMAS)), rtol=0, atol=1e-6
    )
    assert (Gated().loss(silent, x0, SIGMAS, eps) > 0.01).all()


def test_conditions_reach_the_network():
    def network(x, c_noise, *, label):
        return torch.cat([torch.zeros_like(x), label[:, :, None].expand_as(x)], dim=1)

    x = noise()
    plain = Gated().denoise(network, x, SIGMAS, label=torch.zeros(len(x), 1))
    assert not torch.equal(Gated().denoise(network, x, SIGMAS, label=torch.ones(len(x), 1)), plain)
