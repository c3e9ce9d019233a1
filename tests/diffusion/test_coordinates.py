import math

import pytest
import torch

from wavesmith.diffusion.coordinates import (
    ANGLE,
    CRASH,
    FLOW,
    LOG,
    SIGMA_LIMIT,
    SPLICED,
    power,
    variance_preserving,
)

COORDINATES = {
    "log": LOG,
    "angle": ANGLE,
    "crash": CRASH,
    "flow": FLOW,
    "spliced": SPLICED,
    "power": power(7.0),
    "vp": variance_preserving(19.9, 0.1),
}


@pytest.mark.parametrize("name", COORDINATES)
def test_every_coordinate_rises_with_sigma_and_maps_back(name):
    coordinate = COORDINATES[name]
    sigma = torch.logspace(-2, 3, 200, dtype=torch.float64)
    u = coordinate.of(sigma)
    assert (u.diff() > 0).all()
    torch.testing.assert_close(coordinate.sigma(u), sigma, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["angle", "crash", "flow"])
def test_the_bounded_coordinates_run_from_no_noise_to_the_limit(name):
    ends = COORDINATES[name].sigma(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert ends.tolist() == [0.0, SIGMA_LIMIT]


def test_crash_map_is_the_published_one():
    u = torch.linspace(0.01, 0.99, 25, dtype=torch.float64)
    s = torch.sin(u * math.pi / 2) ** 2
    t = torch.atan2(s, (1 - s**2).sqrt()) * 2 / math.pi
    torch.testing.assert_close(CRASH.sigma(u), torch.tan(t * math.pi / 2), rtol=1e-10, atol=0)


def test_the_splice_joins_without_a_step_or_a_kink():
    u = torch.tensor([-2e-4, -1e-4, 1e-4, 2e-4], dtype=torch.float64) + 0.80074257
    angle = ANGLE.of(SPLICED.sigma(u))
    torch.testing.assert_close(angle, u, rtol=0, atol=1e-6)


def test_vp_coordinate_is_the_integral_of_beta():
    t = 0.7
    sigma = variance_preserving(19.9, 0.1).sigma(torch.tensor(t, dtype=torch.float64))
    assert math.log(1 + sigma.item() ** 2) == pytest.approx(0.1 * t + 19.9 * t**2 / 2)
