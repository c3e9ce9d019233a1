import math

import pytest

from wavesmith.errors import RequestError
from wavesmith.models import load
from wavesmith.verbs import GenerateSettings, settle
from wavesmith.verbs.settings import SEED_LIMIT, check_count


@pytest.fixture(scope="module")
def model():
    return load("debug")


def test_what_is_not_asked_for_comes_from_the_model(model):
    settings, default = settle(GenerateSettings, model), model.family.config.sampling
    for name in type(default).model_fields:
        assert getattr(settings, name) == getattr(default, name)
    assert (settings.label, settings.seconds, settings.peak_db) == (None, model.seconds, -1.0)


def test_what_is_asked_for_is_kept(model):
    asked = {
        "label": "kick",
        "seconds": 0.1,
        "sampler": "euler",
        "schedule": "linear",
        "steps": 3,
        "sigma_min": 0.1,
        "sigma_max": 5.0,
        "guidance": 1.0,
        "guidance_interval": (0.5, 2.0),
        "peak_db": None,
    }
    settings = settle(GenerateSettings, model, **asked)
    assert {name: getattr(settings, name) for name in asked} == asked


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"label": "snair"}, "did you mean 'snare'"),
        ({"sampler": "eular"}, "did you mean 'euler'"),
        ({"schedule": "karas"}, "did you mean 'karras'"),
        ({"steps": 0}, "0 steps make no sense"),
        ({"steps": -5}, "-5 steps"),
        ({"steps": 10_001}, "choose 1 to 10000"),
        ({"steps": 2.5}, "steps: input should be a valid integer, got a number with a fractional part"),
        ({"steps": "many"}, "steps: input should be a valid integer"),
        ({"eta": 0.5}, "The sampler 'dpmpp_2m' takes no eta; leave it out or choose one of: ddim, "),
        ({"eta": 1.5, "sampler": "ddim"}, "An eta of 1.5"),
        ({"eta": -0.1, "sampler": "dpmpp_2m_sde"}, "An eta of -0.1"),
        ({"eta": math.nan, "sampler": "ddim"}, "An eta of nan"),
        ({"sigma_min": 30.0}, "The noise range 30 to 20 is no range"),
        ({"sigma_min": -1.0}, "noise range -1"),
        ({"sigma_min": math.nan}, "noise range nan"),
        ({"sigma_max": math.inf}, "A sigma_max of inf"),
        ({"sigma_max": math.nan}, "A sigma_max of nan"),
        ({"guidance_interval": (8.0, 0.4)}, "A guidance interval of 8 to 0.4"),
        ({"guidance_interval": (0.0, math.inf)}, "A guidance interval of 0 to inf"),
        ({"guidance_interval": 3}, "guidance_interval: must be a list"),
        ({"seconds": 0}, "A sound of 0 seconds"),
        ({"seconds": 1e9}, "cannot be made"),
        ({"seconds": math.nan}, "cannot be made"),
        ({"guidance": -1}, "A guidance of -1"),
        ({"guidance": math.inf}, "A guidance of inf"),
        ({"peak_db": 3}, "A peak of 3 dBFS"),
        ({"peak_db": math.nan}, "A peak of nan dBFS"),
    ],
)
def test_what_makes_no_sense_is_refused(model, asked, sentence):
    with pytest.raises(RequestError) as caught:
        settle(GenerateSettings, model, **asked)
    assert sentence in str(caught.value)


def test_counts_and_seeds_are_checked():
    for n, seed in [(0, 1), (-1, 1), (1, -1), (1, SEED_LIMIT)]:
        with pytest.raises(RequestError):
            check_count(n, seed)
    assert check_count(1, SEED_LIMIT - 1) == SEED_LIMIT - 1


def test_a_seed_is_drawn_if_none_is_given():
    seeds = {check_count(1, None) for _ in range(10)}
    assert len(seeds) > 1
    assert all(0 <= seed < SEED_LIMIT for seed in seeds)
